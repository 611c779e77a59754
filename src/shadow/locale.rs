//! The locale of a database that is to be made.

use std::fmt::Write as _;

use crate::sql::{Ident, Literal, Locale, Provider};

impl Locale {
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
        let key = match self.provider {
            Provider::Icu => "ICU_LOCALE",
            Provider::Builtin => "BUILTIN_LOCALE",
            Provider::Libc => "",
        };
        let provider = Ident::new(self.provider.as_str());
        write!(options, " LOCALE_PROVIDER {provider}").expect("writing to a String can't fail");
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
            provider: Provider::Icu,
            name: Some("en-US".to_owned()),
            ..plain.clone()
        };
        check(
            &icu,
            15,
            &format!("{c} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"),
        );
        let builtin = Locale {
            provider: Provider::Builtin,
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
