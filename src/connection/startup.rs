//! The `options` parameter of the startup message: settings as the server's command line would take them.

use std::fmt::Write as _;

/// Reads `-c name=value`, `-cname=value` and `--name=value`; a backslash keeps the next character.
///
/// The error is the word that is none of these.
pub(super) fn parse(options: &str) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = if word == "-c" {
            words.next().ok_or_else(|| word.clone())?
        } else if let Some(long) = word.strip_prefix("--") {
            long.to_owned()
        } else if let Some(short) = word.strip_prefix("-c") {
            short.to_owned()
        } else {
            return Err(word);
        };
        let (name, value) = assignment
            .split_once('=')
            .ok_or_else(|| assignment.clone())?;
        // The server's command line spells `search-path` as well as `search_path`.
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Writes settings so that the server reads them back.
pub(super) fn render<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut options = String::new();
    for (name, value) in settings {
        if !options.is_empty() {
            options.push(' ');
        }
        write!(options, "-c {name}=").expect("writing to a String can't fail");
        for c in value.chars() {
            if c.is_ascii_whitespace() || c == '\\' {
                options.push('\\');
            }
            options.push(c);
        }
    }
    options
}

fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading() {
        fn check(options: &str, settings: &[(&str, &str)]) {
            let parsed = parse(options).unwrap();
            let parsed: Vec<(&str, &str)> = parsed
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            assert_eq!(parsed, settings, "{options}");
            assert_eq!(
                parse(&render(parsed.iter().copied())).unwrap().len(),
                settings.len()
            );
        }
        check("", &[]);
        check(
            "-c role=owner -cgeqo=off",
            &[("role", "owner"), ("geqo", "off")],
        );
        check("--lock-timeout=5s", &[("lock_timeout", "5s")]);
        check(
            r"-c datestyle=ISO,\ DMY -c a.b=x\\y",
            &[("datestyle", "ISO, DMY"), ("a.b", r"x\y")],
        );
        check("  -c   x=  ", &[("x", "")]);
    }

    #[test]
    fn what_is_no_setting() {
        fn check(options: &str, word: &str) {
            assert_eq!(parse(options).unwrap_err(), word, "{options}");
        }
        check("-d 5", "-d");
        check("-c", "-c");
        check("-c geqo", "geqo");
        check("geqo=off", "geqo=off");
    }
}
