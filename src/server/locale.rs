//! How a database stores and compares text: its encoding and its locale.

use std::fmt::Write as _;

use super::session::Session;
use crate::{
    diagnostic::Result,
    sql::{Ident, Literal},
};

/// The encoding and the default collation of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale {
    /// The encoding, `UTF8` or `LATIN1`.
    pub encoding: String,
    /// Whose rules of comparison hold: `c` of the C library, `i` of ICU, `b` of PostgreSQL itself.
    pub provider: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// The locale of another provider than the C library.
    pub name: Option<String>,
    /// Further rules for ICU.
    pub rules: Option<String>,
}

impl Default for Locale {
    /// UTF-8, compared by code points.
    fn default() -> Self {
        Self {
            encoding: "UTF8".to_owned(),
            ..Self::plain()
        }
    }
}

impl Locale {
    /// The one of the session's database.
    pub async fn of(session: &Session) -> Result<Self> {
        let answers = session.snapshot(&[include_str!("locale.sql")]).await?;
        let row = answers[0].first().expect("the query has one row");
        Ok(Self {
            encoding: row.get("encoding"),
            provider: row.get("provider"),
            collate: row.get("collate"),
            ctype: row.get("ctype"),
            name: row.get("name"),
            rules: row.get("rules"),
        })
    }

    fn plain() -> Self {
        Self {
            encoding: String::new(),
            provider: "c".to_owned(),
            collate: "C".to_owned(),
            ctype: "C".to_owned(),
            name: None,
            rules: None,
        }
    }

    /// The same encoding with the collation that every server has.
    #[must_use]
    pub fn in_c(&self) -> Self {
        Self {
            encoding: self.encoding.clone(),
            ..Self::plain()
        }
    }

    /// What it is, for the user: `en_US.utf8`, `en-US of ICU`.
    pub fn description(&self) -> String {
        match (&self.name, self.provider.as_str()) {
            (Some(name), "i") => format!("{name} of ICU"),
            (Some(name), _) => name.clone(),
            (None, _) => self.collate.clone(),
        }
    }

    /// The options of `CREATE DATABASE` for it on a server of a major version.
    pub(super) fn options(&self, major: u32) -> String {
        let mut options = format!(
            "ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            Literal(&self.encoding),
            Literal(&self.collate),
            Literal(&self.ctype)
        );
        if major < 15 {
            return options;
        }
        // A cluster may have ICU as its default provider from 15 on.
        let (provider, key) = match self.provider.as_str() {
            "i" => ("icu", "ICU_LOCALE"),
            "b" => ("builtin", "BUILTIN_LOCALE"),
            _ => ("libc", ""),
        };
        write!(options, " LOCALE_PROVIDER {}", Ident::new(provider))
            .expect("writing to a String can't fail");
        let named = [(key, &self.name), ("ICU_RULES", &self.rules)];
        for (key, value) in named {
            if let (false, Some(value)) = (key.is_empty(), value) {
                write!(options, " {key} {}", Literal(value))
                    .expect("writing to a String can't fail");
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_databases() {
        fn check(locale: &Locale, major: u32, expected: &str) {
            assert_eq!(locale.options(major), expected);
        }
        let plain = Locale::default();
        let c = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
        check(&plain, 14, c);
        check(&plain, 15, &format!("{c} LOCALE_PROVIDER libc"));
        let icu = Locale {
            provider: "i".to_owned(),
            name: Some("en-US".to_owned()),
            ..plain.clone()
        };
        check(
            &icu,
            15,
            &format!("{c} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"),
        );
        assert_eq!(icu.in_c(), plain);
        let builtin = Locale {
            provider: "b".to_owned(),
            name: Some("C.UTF-8".to_owned()),
            ..plain
        };
        check(
            &builtin,
            17,
            &format!("{c} LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"),
        );
    }
}
