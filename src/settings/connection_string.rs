//! Connection strings, and how not to show the passwords in them.

use std::{fmt, ops::Range};

use crate::{connection::shown_connection, shown};

/// A database's URL or `key=value` connection string as the user wrote it, or the URL of a registry.
///
/// It may hold a password, so [`fmt::Display`] and [`fmt::Debug`] show only those parts that are known to be harmless.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// The text with its password, for connecting and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn shown(&self) -> String {
        match self.0.split_once("://") {
            Some(("http" | "https", _)) => shown::web_address(&self.0).into_owned(),
            _ => shown_connection(&self.0),
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
    fn what_is_harmless_is_shown() {
        fn check(text: &str, shown: &str) {
            let connection = ConnectionString::from(text);
            assert_eq!(connection.to_string(), shown);
            assert_eq!(format!("{connection:?}"), format!("{shown:?}"));
        }
        check(
            "postgresql://u:pw@h/db?sslmode=require",
            "postgresql://u:***@h/db?sslmode=require",
        );
        check("postgres://h:5432", "postgresql://h:5432");
        check(
            "postgresql://u@[::1]:1,h:2/db",
            "postgresql://u@[::1]:1,h:2/db",
        );
        check("postgresql://:pw@h", "postgresql://:***@h");
        check("postgresql+asyncpg://h/d", "postgresql://h/d");
        check("host=h dbname=db", "postgresql://h/db");
        check(
            "host=a,b port=1 password='a b'",
            "postgresql://:***@a:1,b:1",
        );
        check("host=/tmp port=1", "postgresql://?host=/tmp&port=1");
        check("hostaddr=127.0.0.1", "postgresql://?hostaddr=127.0.0.1");
        check("service=shop", "postgresql://?service=shop");
        check("passfile='/a b'", "postgresql://?passfile=/a%20b");
        check("https://u:pw@npm/token", "https://npm/…");
        // What is odd in its place is not shown.
        check("host=h,password=pw", "postgresql://h,***");
        check("host=h;password=pw", "postgresql://***");
        check("host=h port=1;pw", "postgresql://h:***");
        check("host=h user=u:pw", "postgresql://***@h");
        check("host=h user=u@pw", "postgresql://u%40***@h");
        check("dbname=postgresql://u:pw@h/db", "postgresql:///***");
        check("postgresql://h/db?%70assword=pw", "postgresql://:***@h/db");
        check("host=h options='-c a.b=pw'", "postgresql://h?options=***");
        check("host=h sslmode=pw", "postgresql://h?sslmode=***");
        check("host=h sslrootcert=/x;pw", "postgresql://h?sslrootcert=***");
        // Of what can't be read, nothing is shown.
        for text in [
            "postgres//app:pw@db/x",
            "postgresql:/app:pw@db/x",
            "app:pw@db/x",
            "postgresql://app:pw%",
            "host=db passwd=pw",
            "postgresql://db/x?passwrd=pw",
            "host=h sslpassword=pw",
            "mysql://u:pw@h/db",
            "AKIA/secret",
            "hunter2",
        ] {
            check(text, "***");
        }
    }
}
