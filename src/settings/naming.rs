//! `[naming]`: what plan files are called.

use std::ops::Range;

use camino::Utf8PathBuf;
use jiff::tz::TimeZone;

use crate::shown;

/// How plan files are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The name without `.sql`, with tokens in braces: `{slug}`.
    pub template: String,
    /// Where the date and time are read.
    pub timezone: TimeZone,
    /// As many characters of the message stand in a name.
    pub slug_length: usize,
    /// The file whose lines stand at the head of every plan file.
    pub header: Option<Utf8PathBuf>,
}

/// What may stand in braces in a template.
const TOKENS: &[&str] = &[
    "rev", "slug", "seq", "year", "month", "day", "hour", "minute", "second", "epoch",
];

impl Default for Naming {
    fn default() -> Self {
        Self {
            template: "{year}{month}{day}_{hour}{minute}_{slug}".to_owned(),
            timezone: TimeZone::UTC,
            slug_length: 40,
            header: None,
        }
    }
}

impl Naming {
    /// Checks a template: its braces hold tokens, and nothing in it leaves the folder.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn check(template: &str) -> Result<(), String> {
        if template.contains(['/', '\\', '\0']) || template.starts_with('.') {
            return Err("a plan's name is no path".to_owned());
        }
        if template.trim().is_empty() {
            return Err("the template is empty".to_owned());
        }
        unknown_token(template).map_or(Ok(()), |(_, why)| Err(why))
    }
}

/// Where a template has braces that hold no token, and what is wrong there.
pub fn unknown_token(template: &str) -> Option<(Range<usize>, String)> {
    let mut at = 0;
    while let Some(open) = template[at..].find('{') {
        let start = at + open;
        // A token stands in one line.
        let line = template[start..].lines().next().unwrap_or_default();
        let Some(length) = line.find('}') else {
            return Some((start..start + line.len(), "a `{` has no `}`".to_owned()));
        };
        let token = &line[1..length];
        at = start + length + 1;
        if !TOKENS.contains(&token) {
            let why = format!(
                "`{{{}}}` is no token; there are `{{{}}}`",
                shown::name(token),
                TOKENS.join("}`, `{")
            );
            return Some((start..at, why));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        fn check(template: &str, error: &str) {
            let found = Naming::check(template).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
        check("{slgu}", "`{slgu}` is no token; there are `{rev}`");
        check("{slug", "a `{` has no `}`");
        check("../{slug}", "a plan's name is no path");
        check(" ", "the template is empty");
    }
}
