//! `[naming]`: what plan files are called.

use jiff::tz::TimeZone;

/// How plan files are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The name without `.sql`, with tokens in braces: `{slug}`.
    pub template: String,
    /// Where the date and time are read.
    pub timezone: TimeZone,
    /// As many characters of the message stand in a name.
    pub slug_length: usize,
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
        let mut rest = template;
        while let Some((_, behind)) = rest.split_once('{') {
            let (token, behind) = behind
                .split_once('}')
                .ok_or_else(|| "a `{` has no `}`".to_owned())?;
            if !TOKENS.contains(&token) {
                return Err(format!(
                    "`{{{token}}}` is no token; there are `{{{}}}`",
                    TOKENS.join("}`, `{")
                ));
            }
            rest = behind;
        }
        Ok(())
    }
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
