//! How a database stores and compares text: its encoding and its locale.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

/// The encoding and the default collation of a database (PostgreSQL docs: CREATE DATABASE).
///
/// As text it is `UTF8 en_US.utf8`, followed by what is not as it is for most: `UTF8 C ctype C.UTF-8 icu en-US rules "&a < b"`.
/// What is more than a word is a JSON string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale {
    /// The encoding, `UTF8` or `LATIN1`.
    pub encoding: String,
    /// Whose rules of comparison hold.
    pub provider: Provider,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The locale of another provider than the C library.
    pub name: Option<String>,
    /// Further rules for ICU.
    pub rules: Option<String>,
}

/// Whose rules of comparison hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Those of the C library.
    Libc,
    /// Those of ICU.
    Icu,
    /// PostgreSQL's own.
    Builtin,
}

impl Provider {
    const ALL: [Self; 3] = [Self::Libc, Self::Icu, Self::Builtin];

    /// The name in `CREATE DATABASE … LOCALE_PROVIDER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Icu => "icu",
            Self::Builtin => "builtin",
        }
    }

    /// What `pg_database.datlocprovider` says.
    pub fn from_catalog(letter: &str) -> Self {
        match letter {
            "i" => Self::Icu,
            "b" => Self::Builtin,
            _ => Self::Libc,
        }
    }
}

impl Default for Locale {
    /// UTF-8, compared by code points.
    fn default() -> Self {
        Self::in_c("UTF8")
    }
}

impl Locale {
    /// An encoding with the collation that every server has.
    pub fn in_c(encoding: &str) -> Self {
        Self {
            encoding: encoding.to_owned(),
            provider: Provider::Libc,
            collate: "C".to_owned(),
            ctype: "C".to_owned(),
            name: None,
            rules: None,
        }
    }

    /// What it is, for the user: `en_US.utf8`, `en-US of ICU`.
    pub fn description(&self) -> String {
        match (&self.name, self.provider) {
            (Some(name), Provider::Icu) => format!("{name} of ICU"),
            (Some(name), _) => name.clone(),
            (None, _) => self.collate.clone(),
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", word(&self.encoding), word(&self.collate))?;
        if self.ctype != self.collate {
            write!(f, " ctype {}", word(&self.ctype))?;
        }
        if self.provider != Provider::Libc || self.name.is_some() {
            let name = self.name.as_deref().unwrap_or_default();
            write!(f, " {} {}", self.provider.as_str(), word(name))?;
        }
        match &self.rules {
            Some(rules) => write!(f, " rules {}", word(rules)),
            None => Ok(()),
        }
    }
}

impl FromStr for Locale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("`{text}` is no encoding with a locale: {why}");
        let mut words = words(text).map_err(wrong)?.into_iter();
        let mut next = |what: &str| {
            words
                .next()
                .ok_or_else(|| wrong(format!("{what} is missing")))
        };
        let (encoding, collate) = (next("the encoding")?, next("the collation")?);
        let mut locale = Self {
            ctype: collate.clone(),
            collate,
            ..Self::in_c(&encoding)
        };
        while let Some(key) = words.next() {
            let value = words.next();
            let value = value.ok_or_else(|| wrong(format!("`{key}` has no value")))?;
            let provider = Provider::ALL.into_iter().find(|it| it.as_str() == key);
            match (key.as_str(), provider) {
                ("ctype", _) => locale.ctype = value,
                ("rules", _) => locale.rules = Some(value),
                (_, Some(provider)) => {
                    locale.provider = provider;
                    locale.name = Some(value).filter(|name| !name.is_empty());
                }
                (_, None) => return Err(wrong(format!("there is no `{key}`"))),
            }
        }
        Ok(locale)
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '=');
    !text.is_empty() && text.chars().all(is_plain)
}

/// A word as it is, and everything else as a JSON string of ASCII.
fn word(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let json = serde_json::Value::from(text).to_string();
    let mut word = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            word.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(word, "\\u{unit:04x}").expect("writing to a String can't fail");
            }
        }
    }
    word
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with('"') {
            let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let string = strings.next().and_then(Result::ok);
            words.push(string.ok_or("a string is not closed, or has a wrong escape")?);
            strings.byte_offset()
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        };
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text() {
        fn check(locale: &Locale, expected: &str) {
            assert_eq!(locale.to_string(), expected);
            assert_eq!(expected.parse().as_ref(), Ok(locale));
        }
        let c = Locale::default();
        check(&c, "UTF8 C");
        let german = Locale {
            encoding: "LATIN1".to_owned(),
            collate: "de_DE".to_owned(),
            ctype: "German, Germany".to_owned(),
            ..c.clone()
        };
        check(&german, "LATIN1 de_DE ctype \"German, Germany\"");
        let icu = Locale {
            provider: Provider::Icu,
            name: Some("de-u-co-phonebk".to_owned()),
            rules: Some("&a < 'b'\n\u{202e}\u{1f600}".to_owned()),
            ..c
        };
        check(
            &icu,
            r#"UTF8 C icu de-u-co-phonebk rules "&a < 'b'\n\u202e\ud83d\ude00""#,
        );
    }

    #[test]
    fn what_is_none() {
        fn check(text: &str, why: &str) {
            let error = text.parse::<Locale>().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        check("", "the encoding is missing");
        check("UTF8", "the collation is missing");
        check("UTF8 C icu", "`icu` has no value");
        check("UTF8 C collate C", "there is no `collate`");
        check("UTF8 \"C", "a string is not closed");
    }
}
