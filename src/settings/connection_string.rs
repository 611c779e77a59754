//! Connection strings, and how not to show the passwords in them.

use std::{fmt, ops::Range};

use crate::connection::options::is_connection_string;

/// A database's URL or `key=value` connection string as the user wrote it.
///
/// It may hold a password, so [`fmt::Display`] and [`fmt::Debug`] leave that out, and show nothing of a text that can't be
/// read, in which it could be anywhere.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// The text with its password, for connecting and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn shown(&self) -> String {
        let is_read = match self.0.split_once("://") {
            Some(("http" | "https", _)) => url::Url::parse(&self.0).is_ok(),
            _ => is_connection_string(&self.0),
        };
        if is_read {
            redact(&self.0)
        } else {
            "***".to_owned()
        }
    }
}

impl From<&str> for ConnectionString {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for ConnectionString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown(), f)
    }
}

/// The text with `***` for each password in it.
pub fn redact(text: &str) -> String {
    replace(text, |_| "***".to_owned())
}

/// The text with each password in it starred out in its full length, so that offsets stay what they were.
pub fn mask(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| replace(line, |secret| "*".repeat(secret.len())))
        .collect()
}

fn replace(text: &str, substitute: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for Range { start, end } in joined(secrets(text)) {
        replaced.push_str(&text[done..start]);
        replaced.push_str(&substitute(&text[start..end]));
        done = end;
    }
    replaced + &text[done..]
}

/// Ranges in order of their start, with one for those that overlap.
fn joined(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

/// Where the passwords of one connection string are, in order of their start. In doubt too much is taken for one:
/// passwords are written into URLs without escaping, and hold every character that should end them.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut secrets: Vec<_> = authority_password(text).into_iter().collect();
    let lower = text.to_ascii_lowercase();
    for (at, key) in lower.match_indices("password") {
        if let Some(secret) = keyword_value(text, at + key.len()) {
            secrets.push(secret);
        }
    }
    secrets.sort_by_key(|secret| (secret.start, secret.end));
    secrets
}

/// `…://user:password@host`
fn authority_password(text: &str) -> Option<Range<usize>> {
    let start = text.find("://")? + 3;
    let end = start + text[start..].rfind('@')?;
    let colon = start + text[start..end].find(':')?;
    Some(colon + 1..end)
}

/// `= value`, `='quoted value'`, `=value&…`
fn keyword_value(text: &str, after_key: usize) -> Option<Range<usize>> {
    let value = text[after_key..].trim_start().strip_prefix('=')?;
    let value = value.trim_start_matches([' ', '\t']);
    let start = text.len() - value.len();
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let start = start + 1;
        return Some(start..start + closing_quote(&text[start..], quote));
    }
    let in_url = text.contains("://");
    let end = value.find(|c: char| c.is_whitespace() || (in_url && c == '&'));
    Some(start..end.map_or(text.len(), |end| start + end))
}

fn closing_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out() {
        fn check(text: &str, redacted: &str) {
            assert_eq!(redact(text), redacted);
            let shown = ConnectionString::from(text).to_string();
            assert!(shown == redacted || shown == "***", "{shown}");
            let debugged = format!("{:?}", ConnectionString::from(text));
            assert_eq!(debugged, format!("{shown:?}"));
        }
        check("embedded", "embedded");
        check("postgresql://h:5432/db", "postgresql://h:5432/db");
        check("postgresql://u@h/db", "postgresql://u@h/db");
        check(
            "postgresql://u@[::1]:5432/db",
            "postgresql://u@[::1]:5432/db",
        );
        check("postgresql://u:pw@h/db", "postgresql://u:***@h/db");
        check(
            "postgresql://u:p@s/s?w:@h,h2/db",
            "postgresql://u:***@h,h2/db",
        );
        check("postgresql://u:12?w@h/db", "postgresql://u:***@h/db");
        check("postgresql://:pw@h", "postgresql://:***@h");
        check(
            "postgresql+asyncpg://h/db?PassWord=a%20b&sslmode=require",
            "postgresql+asyncpg://h/db?PassWord=***&sslmode=require",
        );
        check(
            "postgresql://u:a@h/db?sslpassword=b",
            "postgresql://u:***@h/db?sslpassword=***",
        );
        check("host=h password=a&b user=u", "host=h password=*** user=u");
        check(
            "host=h password = 'a \\' b' user=u",
            "host=h password = '***' user=u",
        );
        check("password='open", "password='***");
        check("the password is wrong", "the password is wrong");
    }

    #[test]
    fn nothing_is_shown_of_what_cannot_be_read() {
        fn check(text: &str, shown: &str) {
            assert_eq!(ConnectionString::from(text).to_string(), shown);
        }
        check(
            "postgresql://u:pw@h/db?sslmode=require",
            "postgresql://u:***@h/db?sslmode=require",
        );
        check("host=h dbname=db", "host=h dbname=db");
        check("https://u:pw@npm", "https://u:***@npm");
        check("postgres//app:pw@db/x", "***");
        check("postgresql:/app:pw@db/x", "***");
        check("app:pw@db/x", "***");
        check("postgresql://app:pw%", "***");
        check("host=db passwd=pw", "***");
        check("postgresql://db/x?passwrd=pw", "***");
        check("AKIA/secret", "***");
        check("hunter2", "***");
    }

    #[test]
    fn masks_keep_offsets() {
        fn check(text: &str, masked: &str) {
            assert_eq!(mask(text), masked);
        }
        check(
            "url = \"postgresql://u:pä@h/db\"\nrole = \"a@b\"\n",
            "url = \"postgresql://u:***@h/db\"\nrole = \"a@b\"\n",
        );
        // Two readings of where the password is overlap.
        check("://u password=er:pass@h&x", "://u password=*********&x");
        check("password = \"a b\"\r\n", "password = \"***\"\r\n");
    }
}
