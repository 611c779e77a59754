//! How a user names a revision.

use std::str::FromStr;

/// A revision as it is written on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `head`: the one that no other follows.
    Head,
    /// `current`: the newest that is applied.
    Current,
    /// `base`: before the first.
    Base,
    /// `+2`, `-1`: so many from the current one.
    Relative(i32),
    /// The digits that it begins with.
    Revision(String),
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "head" | "heads" => return Ok(Self::Head),
            "current" => return Ok(Self::Current),
            "base" => return Ok(Self::Base),
            _ => {}
        }
        let wrong = || {
            format!(
                "`{text}` is no revision: digits of one, `head`, `base`, `current`, `+N` or `-N`"
            )
        };
        if text.starts_with(['+', '-']) {
            return match text.parse() {
                Ok(0) | Err(_) => Err(wrong()),
                Ok(steps) => Ok(Self::Relative(steps)),
            };
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits {
            Ok(Self::Revision(text.to_ascii_lowercase()))
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        fn check(text: &str, expected: Option<&Reference>) {
            assert_eq!(text.parse().ok().as_ref(), expected, "{text}");
        }
        check("head", Some(&Reference::Head));
        check("heads", Some(&Reference::Head));
        check("base", Some(&Reference::Base));
        check("current", Some(&Reference::Current));
        check("+2", Some(&Reference::Relative(2)));
        check("-1", Some(&Reference::Relative(-1)));
        check("12AB", Some(&Reference::Revision("12ab".to_owned())));
        check("-0", None);
        check("+", None);
        check("main", None);
        check("", None);
    }
}
