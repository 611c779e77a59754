//! Connection strings, and how not to show the passwords in them.

use std::{fmt, ops::Range};

use crate::server::parameters;

/// A database's URL or `key=value` connection string as the user wrote it.
///
/// It may hold a password, so [`fmt::Display`] and [`fmt::Debug`] show only what is known to be none; of a text that is no
/// connection string, nothing.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// The text with its password, for connecting and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
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
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&shown(&self.0), f)
    }
}

/// What stands for a secret.
const STARS: &str = "***";

/// The parts of a connection string that are known to be no secret.
fn shown(text: &str) -> String {
    let text = text.trim();
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word(text.strip_prefix("env:").unwrap_or_default()) && text.starts_with("env:")
        || text == "embedded"
    {
        return text.to_owned();
    }
    match text.split_once("://") {
        Some((scheme, rest))
            if scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c)) =>
        {
            format!("{scheme}://{}", shown_address(rest))
        }
        Some(_) => STARS.to_owned(),
        None => parameters::shown_pairs(text).unwrap_or_else(|| STARS.to_owned()),
    }
}

/// The rest of a URL behind its scheme. A password may hold each character that should end it, so it ends at the last `@`.
fn shown_address(rest: &str) -> String {
    let (login, rest) = match rest.rsplit_once('@') {
        None => (String::new(), rest),
        Some((login, rest)) => match login.split_once(':') {
            None if login.contains(['/', '?', '#']) => (format!("{STARS}@"), rest),
            None => (format!("{login}@"), rest),
            Some((user, _)) => (format!("{user}:{STARS}@"), rest),
        },
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let is_port = |host: &str| {
        let port = host.rsplit_once(']').map_or(host, |(_, port)| port);
        let port = port.split_once(':').map_or("", |(_, port)| port);
        port.chars().all(|c| c.is_ascii_digit())
    };
    let place = if !hosts.split(',').all(is_port) {
        STARS
    } else if database.contains([':', '#']) {
        hosts
    } else {
        place
    };
    let mut pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if parameters::is_public(name) => format!("{name}={value}"),
            Some((name, _)) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') => {
                format!("{name}={STARS}")
            }
            Some(_) | None => STARS.to_owned(),
        });
    match pairs.next() {
        None => format!("{login}{place}"),
        Some(first) => pairs.fold(format!("{login}{place}?{first}"), |text, pair| {
            format!("{text}&{pair}")
        }),
    }
}

/// A text of any sort with `***` for whatever looks like a password in it.
pub fn redact(text: &str) -> String {
    replace(text, |_| STARS.to_owned())
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
    for Range { start, end } in secrets(text) {
        if start >= done {
            replaced.push_str(&text[done..start]);
            replaced.push_str(&substitute(&text[start..end]));
        }
        done = done.max(end);
    }
    replaced + &text[done..]
}

/// Where the passwords of one connection string are, in order of their start. In doubt too much is taken for one:
/// passwords are written into URLs without escaping, and hold every character that should end them.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut secrets: Vec<_> = authority_password(text).into_iter().collect();
    secrets.extend(bare_passwords(text));
    for (at, _) in text.match_indices('=') {
        let before = text[..at].trim_end();
        let name = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &before[name.map_or(0, |at| {
            at + before[at..].chars().next().map_or(0, char::len_utf8)
        })..];
        if may_name_a_secret(name)
            && let Some(secret) = keyword_value(text, at)
        {
            secrets.push(secret);
        }
    }
    secrets.sort_by_key(|secret| (secret.start, secret.end));
    secrets
}

/// Whether a name is `password`, a word for the same, or one of these mistyped; a webhook's address holds a token.
fn may_name_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "webhook"]
        .iter()
        .any(|word| name.contains(word))
        || similar::TextDiff::from_chars("password", name.as_str()).ratio() > 0.6
}

/// `user:password@host` without a scheme, in each word.
fn bare_passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    let words = text.split(char::is_whitespace);
    words
        .filter(|word| !word.contains("://"))
        .filter_map(|word| {
            let end = word.rfind('@')?;
            let colon = word[..end].find(':')?;
            let start = word.as_ptr().addr() - text.as_ptr().addr();
            Some(start + colon + 1..start + end)
        })
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
        check("no `sec:pw@h/db` here", "no `sec:***@h/db` here");
        check("host=h pasword=pw", "host=h pasword=***");
        check("PGPASSWD=pw psql", "PGPASSWD=*** psql");
    }

    #[test]
    fn only_what_is_no_secret_is_shown() {
        fn check(text: &str, shown: &str) {
            let text = ConnectionString::from(text);
            assert_eq!(text.to_string(), shown);
            assert_eq!(format!("{text:?}"), format!("{shown:?}"));
        }
        check("embedded", "embedded");
        check("env:DATABASE_URL", "env:DATABASE_URL");
        check("env:p w", "***");
        check("postgresql://h:5432/db", "postgresql://h:5432/db");
        check(
            "postgresql://u@[::1]:5432/db",
            "postgresql://u@[::1]:5432/db",
        );
        check("postgresql://u:pw@h/db", "postgresql://u:***@h/db");
        check(
            "postgresql://u:p@s/s?w:@h,h2/db",
            "postgresql://u:***@h,h2/db",
        );
        check("postgresql://u:pw", "postgresql://***");
        check("postgresql://pw/x@h/db", "postgresql://***@h/db");
        check(
            "postgresql://h/db?PassWord=a%20b&sslmode=require&pasword=pw",
            "postgresql://h/db?PassWord=***&sslmode=require&pasword=***",
        );
        check("host=h password=a&b user=u", "host=h password=*** user=u");
        check(
            "host=h password = 'a \\' b' user=u",
            "host=h password=*** user=u",
        );
        check("host=h pasword=pw user=u", "host=h ***");
        check("password='open", "***");
        check("sec:pw@h/db", "***");
        check("postgresql:u:pw@h/db", "***");
        check("u:pw@h://db", "***");
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
        check("password = \"a b\"\r\n", "password = \"***\"\r\n");
    }
}
