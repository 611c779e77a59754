//! What may be shown of a text that the user gave: the only code that decides it.
//!
//! A password is often given in another shape than the one that its place reads: `host=h,password=p`, a whole URL as
//! `PGHOST`, a token as a time limit. It ends up in a host, a user or a number, and each of them is shown somewhere. So a text
//! is shown only where it is known to be harmless: it has the characters and the length that a value of its place has in sound
//! use, and none that separate the parts of connection strings. [`HIDDEN`] stands for everything else.

use std::{borrow::Cow, io, net::Ipv6Addr};

use camino::Utf8Path;

use crate::spelling::closest;

/// Stands for what is not shown.
pub const HIDDEN: &str = "***";

/// What is said where [`HIDDEN`] stands for something.
pub const WHY_HIDDEN: &str =
    "`***` stands for what looks like a part of a connection string: it may hold a password";

/// The longest name that PostgreSQL has.
pub const LONGEST_NAME: usize = 63;
/// The longest name of a host.
const LONGEST_HOST: usize = 253;
/// The longest path.
const LONGEST_PATH: usize = 4096;
/// The longest number that is shown where another one is expected: that of a port.
const DIGITS: usize = 5;

/// A name: of a role, a database, a service, an environment, a variable.
pub fn name(text: &str) -> Cow<'_, str> {
    let is_name = text.len() <= LONGEST_NAME && text.chars().all(|c| is_of_word(c) || c == '$');
    shown(text, is_name)
}

/// A user: a name. What stands behind an `@` may be a realm, or a password.
pub fn user(text: &str) -> Cow<'_, str> {
    match text.split_once('@') {
        Some((user, _)) if name(user) == user => format!("{user}@{HIDDEN}").into(),
        _ => name(text),
    }
}

/// A host: a name, an address, or the folder of a socket.
pub fn host(text: &str) -> Cow<'_, str> {
    if text.starts_with('/') {
        return path(text);
    }
    shown(text, is_host(text))
}

/// Whether a text can be the name or the address of a host.
pub fn is_host(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    if address.contains(':') {
        return address.parse::<Ipv6Addr>().is_ok() && zone.chars().all(is_of_word);
    }
    text.len() <= LONGEST_HOST
        && text
            .split('.')
            .all(|label| label.len() <= LONGEST_NAME && label.chars().all(is_of_word))
}

/// The path of a file or folder.
pub fn path(text: &str) -> Cow<'_, str> {
    let is_path =
        text.len() <= LONGEST_PATH && text.chars().all(|c| is_of_word(c) || "/+~, ".contains(c));
    shown(text, is_path)
}

/// An error of the file system. It names the file, so it says only what is wrong where the path is not shown.
pub fn file_error(path: &Utf8Path, error: io::Error) -> io::Error {
    if self::path(path.as_str()) == path.as_str() {
        error
    } else {
        let kind = error.kind();
        io::Error::new(kind, format!("the file `{HIDDEN}` can't be read: {kind}"))
    }
}

/// A pattern of names: `app.*`.
pub fn pattern(text: &str) -> Cow<'_, str> {
    let is_of_pattern = |c| is_of_word(c) || "$*\"".contains(c);
    shown(
        text,
        text.len() <= LONGEST_HOST && text.chars().all(is_of_pattern),
    )
}

/// An argument of the command line.
pub fn argument(text: &str) -> Cow<'_, str> {
    let is_plain = text.len() <= LONGEST_HOST && text.chars().all(|c| is_of_word(c) || c == '/');
    shown(text, is_plain)
}

/// A value where one of some words, or a number, is expected: shown if it is close to that.
pub fn choice<'a, 'w>(text: &'a str, words: impl IntoIterator<Item = &'w str>) -> Cow<'a, str> {
    let words: Vec<&str> = words.into_iter().collect();
    let is_word = words.contains(&text) || closest(text, words).is_some();
    let is_plain = text.chars().all(is_of_word);
    shown(text, is_plain && (is_word || is_number(text)))
}

/// A wrong value at the end of a sentence, if it is close to one of the words: ": `locla`".
pub fn told<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    match choice(text, words) {
        seen if seen == text => format!(": `{seen}`"),
        _ => String::new(),
    }
}

/// A wrong value as the subject of a sentence: `5x`, or "it".
pub fn subject(text: &str) -> String {
    match choice(text, []) {
        seen if seen == text => format!("`{seen}`"),
        _ => "it".to_owned(),
    }
}

/// A command: its program. Its arguments are not shown, they may be anything.
pub fn command(line: &str) -> String {
    let (program, arguments) = line
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((line.trim(), ""));
    let program = path(program);
    if arguments.is_empty() || program == HIDDEN {
        program.into_owned()
    } else {
        format!("{program} {HIDDEN}")
    }
}

/// A URL of the web: its scheme and host. Whoever has the rest may be let in by it.
pub fn web_address(text: &str) -> Cow<'_, str> {
    let url = url::Url::parse(text).ok();
    let seen = url.as_ref().and_then(|url| {
        let host = url
            .host_str()
            .filter(|host| is_host(host.trim_matches(['[', ']'])))?;
        let scheme = Some(url.scheme()).filter(|scheme| matches!(*scheme, "http" | "https"))?;
        Some(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}/…"),
            None => format!("{scheme}://{host}/…"),
        })
    });
    seen.map_or(HIDDEN.into(), Cow::Owned)
}

fn shown(text: &str, is_harmless: bool) -> Cow<'_, str> {
    if is_harmless { text } else { HIDDEN }.into()
}

/// Whether words are made of the character.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || "._-".contains(c)
}

/// A short number, perhaps with a unit.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = digits.len() - unit.len();
    (1..=DIGITS).contains(&count)
        && matches!(unit, "" | "s" | "ms" | "m" | "min" | "h" | "d" | "sec")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(show: fn(&str) -> Cow<'_, str>, sound: &[&str], odd: &[&str]) {
        for text in sound {
            assert_eq!(show(text), *text);
        }
        for text in odd {
            assert_eq!(show(text), HIDDEN, "{text}");
        }
    }

    #[test]
    fn names() {
        let odd = [
            "db&password=p",
            "db;password=p",
            "db password",
            "postgresql://u:p@h/db",
            "u:p",
            "u/p",
            "a%3Ap",
            "a=b",
            "a,b",
            "a?b",
            "{p}",
            "'p'",
            "a\tb",
            "a\u{202e}b",
            &"x".repeat(64),
        ];
        let sound = ["", "shop", "my-db", "größe", "user.name", "R$D", "a_1"];
        check(name, &sound, &odd);
        check(user, &sound, &odd);
        check(name, &[], &["ann@server"]);
        assert_eq!(user("ann@server"), "ann@***");
        assert_eq!(user("u:p@h"), HIDDEN);
    }

    #[test]
    fn hosts() {
        check(
            host,
            &[
                "",
                "db",
                "db-1.example.com",
                "my_db",
                "127.0.0.1",
                "::1",
                "fe80::1%eth0",
                "/var/run/postgresql",
                "/tmp/a b",
                "größe.example",
            ],
            &[
                "127.0.0.1;port=5470;password=p",
                "password=p",
                "postgresql://u:p@h/db",
                "x:p@y",
                "u@h",
                "h:5432",
                "h password=p",
                "h/db",
                "/tmp&password=p",
                "/tmp,password=p",
                "@abstract",
                "fe80::1%a=b",
                &"x".repeat(64),
            ],
        );
    }

    #[test]
    fn paths_and_arguments() {
        let odd = [
            "postgresql://u:p@h/db",
            "/x;password=p",
            "u:p@h",
            "password=p",
            "/x%passwd",
            "ann@corp",
            "a\nb",
        ];
        check(path, &["/etc/a b/root.crt", "../c", "~/x", "a,b"], &odd);
        check(argument, &["--evn", "plans/a.sql", "1.5"], &odd);
        check(argument, &[], &["a b", "a,b"]);
    }

    #[test]
    fn choices() {
        let shown = |text| choice(text, ["require", "verify-full", "disable"]).into_owned();
        for close in ["requird", "verify_full", "70000", "10s", "-1"] {
            assert_eq!(shown(close), close);
        }
        for far in ["hunter2", "require;x", "1234567890", "5432x", ""] {
            assert_eq!(shown(far), HIDDEN);
        }
    }

    #[test]
    fn commands_and_addresses() {
        assert_eq!(command("pg_dump"), "pg_dump");
        assert_eq!(command(" ./backup.sh --token p"), "./backup.sh ***");
        assert_eq!(command("PW=p psql"), HIDDEN);
        assert_eq!(web_address("https://u:p@npm/t?k=p"), "https://npm/…");
        assert_eq!(web_address("http://127.0.0.1:80/"), "http://127.0.0.1/…");
        assert_eq!(web_address("http://[::1]:81"), "http://[::1]:81/…");
        for odd in ["p", "ftp://h/p", "https://", "http://h:p", "data:p"] {
            assert_eq!(web_address(odd), HIDDEN);
        }
    }

    proptest! {
        /// Whatever surrounds it: a text with a character that separates the parts of connection strings is not shown.
        #[test]
        fn what_separates_is_never_shown(
            before in "[a-z/._ -]{0,12}",
            separator in "[=:;&?%@'\"\\\\(){}<>|`!#*^\\[\\]\t\r\n]",
            secret in "[A-Z]{4,12}",
            after in "[a-z/@:=._ -]{0,12}",
        ) {
            let text = format!("{before}{separator}{secret}{after}");
            for show in [name, user, host, path, argument] {
                prop_assert!(!show(&text).contains(&secret), "{}", text);
            }
            prop_assert!(!choice(&text, ["require", "prefer"]).contains(&secret));
            prop_assert!(!command(&text).contains(&secret) || before.trim().is_empty());
            let url = format!("https://h.example/{text}");
            prop_assert!(!web_address(&url).contains(&secret.to_lowercase()));
            prop_assert!(!web_address(&url).contains(&secret));
        }
    }
}
