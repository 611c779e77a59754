//! How people name revisions: `head`, `ae10`, `orders@head`, `-1`, `ae10+2`, `current:head`.

use std::{fmt, str::FromStr};

/// A revision as it is written on a command line: `[branch@]place[±N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The label, or a revision, of the branch that is meant.
    pub branch: Option<String>,
    /// Where to begin.
    pub place: Place,
    /// How many revisions to go on from there, or back.
    pub offset: i32,
}

/// Where a reference begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `head`: the one that no other follows.
    Head,
    /// `heads`: all that no other follows.
    Heads,
    /// `base`: before the first.
    Base,
    /// `current`, or nothing before an offset: the newest that is applied.
    Current,
    /// The digits that a revision begins with, or a branch label.
    Named(String),
}

impl Reference {
    /// The reference to a place itself.
    pub fn to(place: Place) -> Self {
        Self {
            branch: None,
            place,
            offset: 0,
        }
    }

    /// Whether it is a place alone, in no branch and without an offset.
    pub fn is_plain(&self) -> bool {
        self.branch.is_none() && self.offset == 0
    }

    /// A number of steps from the newest that is applied.
    pub fn steps(&self) -> Option<i32> {
        (self.place == Place::Current && self.offset != 0).then_some(self.offset)
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no revision: digits of one, `head`, `heads`, `base`, `current`, a branch label, `BRANCH@…`, \
                 and behind them `+N` or `-N`"
            )
        };
        let (branch, rest) = match text.split_once('@') {
            Some(("", _)) => return Err(wrong()),
            Some((branch, rest)) => (Some(branch.to_owned()), rest),
            None => (None, text),
        };
        let (place, offset) = match rest.find(['+', '-']) {
            Some(at) => match rest[at..].parse() {
                Ok(0) | Err(_) => return Err(wrong()),
                Ok(offset) => (&rest[..at], offset),
            },
            None => (rest, 0),
        };
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        if branch.as_deref().is_some_and(|branch| !is_word(branch)) {
            return Err(wrong());
        }
        let place = match place {
            "head" => Place::Head,
            "heads" => Place::Heads,
            "base" => Place::Base,
            "current" => Place::Current,
            "" if offset != 0 => Place::Current,
            name if is_word(name) => Place::Named(name.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self {
            branch,
            place,
            offset,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(branch) = &self.branch {
            write!(f, "{branch}@")?;
        }
        f.write_str(match &self.place {
            Place::Head => "head",
            Place::Heads => "heads",
            Place::Base => "base",
            Place::Current if self.offset != 0 => "",
            Place::Current => "current",
            Place::Named(name) => name,
        })?;
        if self.offset == 0 {
            return Ok(());
        }
        write!(f, "{:+}", self.offset)
    }
}

/// Two references with a colon between: `a:b`, `:b`, `a:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Where it begins; `base` if nothing is said.
    pub from: Reference,
    /// Where it ends; `heads` if nothing is said.
    pub to: Reference,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((from, to)) = text.split_once(':') else {
            return Err(format!("`{text}` is no range: `FROM:TO`, `FROM:` or `:TO`"));
        };
        let end = |text: &str, otherwise| match text {
            "" => Ok(Reference::to(otherwise)),
            text => text.parse(),
        };
        Ok(Self {
            from: end(from, Place::Base)?,
            to: end(to, Place::Heads)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        fn check(text: &str, branch: Option<&str>, place: Place, offset: i32) {
            let reference: Reference = text.parse().unwrap();
            let branch = branch.map(ToOwned::to_owned);
            assert_eq!(
                reference,
                Reference {
                    branch,
                    place,
                    offset
                }
            );
            let written = text.strip_prefix("current+").map(|n| format!("+{n}"));
            assert_eq!(reference.to_string(), written.as_deref().unwrap_or(text));
        }
        let named = |name: &str| Place::Named(name.to_owned());
        check("head", None, Place::Head, 0);
        check("heads", None, Place::Heads, 0);
        check("base", None, Place::Base, 0);
        check("current", None, Place::Current, 0);
        check("+2", None, Place::Current, 2);
        check("-1", None, Place::Current, -1);
        check("current+1", None, Place::Current, 1);
        check("12ab", None, named("12ab"), 0);
        check("12ab-2", None, named("12ab"), -2);
        check("head-2", None, Place::Head, -2);
        check("orders", None, named("orders"), 0);
        check("orders@head", Some("orders"), Place::Head, 0);
        check("12ab@base", Some("12ab"), Place::Base, 0);
        check("orders@+2", Some("orders"), Place::Current, 2);
    }

    #[test]
    fn what_is_none() {
        fn check(text: &str) {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(
                error.starts_with(&format!("`{text}` is no revision")),
                "{error}"
            );
        }
        for text in ["", "-0", "+", "@head", "a@", "a b", "a+b", "a.sql", "a@b@c"] {
            check(text);
        }
    }

    #[test]
    fn ranges() {
        fn check(text: &str, expected: &str) {
            let range: Range = text.parse().unwrap();
            assert_eq!(format!("{} {}", range.from, range.to), expected);
        }
        check("a1:b1", "a1 b1");
        check(":b1", "base b1");
        check("current:orders@+2", "current orders@+2");
        check("a1:", "a1 heads");
        assert!("a1".parse::<Range>().is_err());
    }
}
