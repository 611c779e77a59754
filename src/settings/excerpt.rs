//! The text of `forge.toml` as errors show it.

use super::{
    ShadowProvider,
    words::{EMBEDDED, SWITCH, VARIABLE_PREFIX},
};
use crate::shown;

/// What a key's value is, by the key's name. A value of another key, a misspelt one too, is not shown.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// A name that the user chose.
    Name,
    /// A path, or what has the characters of one.
    Path,
    /// A list of names of schemas or objects, perhaps with stars.
    Patterns,
    /// A number, or a time with its unit.
    Number,
    /// Yes or no.
    Switch,
    /// A provider of a shadow server.
    Provider,
    /// Where a database or a service is.
    Place,
}

fn value_of(key: &str) -> Option<Value> {
    Some(match key {
        "context" | "default_environment" | "namespace" | "role" => Value::Name,
        "bin" | "cache" | "header" | "plans" | "resource" | "schema" | "signers" | "timezone" => {
            Value::Path
        }
        "lock_wait" | "max_age" | "port" | "slug_length" | "statement_timeout" => Value::Number,
        "exclude" | "include" => Value::Patterns,
        "disposable" | "offline" | "required" => Value::Switch,
        "provider" => Value::Provider,
        "url" | "webhook" => Value::Place,
        _ => return None,
    })
}

impl Value {
    fn is_harmless(self, written: &str) -> bool {
        let is_harmless: fn(&str) -> bool = match self {
            Self::Patterns => {
                let list = written.strip_prefix('[');
                let list = list.and_then(|list| list.strip_suffix(']'));
                return list.is_some_and(|list| list.split(',').all(is_pattern));
            }
            Self::Name => |text| shown::name(text) == text,
            Self::Path => |text| shown::path(text) == text,
            Self::Number => |text| shown::choice(text, []) == text,
            Self::Switch => |text| shown::choice(text, SWITCH) == text,
            Self::Provider => |text| shown::choice(text, ShadowProvider::words()) == text,
            Self::Place => |text| {
                let variable = text.strip_prefix(VARIABLE_PREFIX);
                text == EMBEDDED || variable.is_some_and(|name| shown::name(name) == name)
            },
        };
        literal(written).is_some_and(is_harmless)
    }
}

/// The text with its values and comments starred out in their full length, so that offsets stay what they were; a value is
/// shown if its key says that it is harmless and its line holds nothing else. The text need not be TOML: it is read line by
/// line, and what is not understood is taken for a value.
pub(super) fn excerpt(text: &str) -> String {
    let mut open = Open::default();
    text.split_inclusive('\n')
        .map(|line| open.shown(line))
        .collect()
}

/// What the lines so far have opened.
#[derive(Default)]
struct Open {
    /// The quotes that close the string over several lines.
    quotes: Option<&'static str>,
    /// How many brackets are open.
    depth: usize,
}

impl Open {
    fn shown(&mut self, line: &str) -> String {
        if self.quotes.is_some() || self.depth > 0 {
            self.follow(line);
            return starred(line);
        }
        if is_header(line.trim()) {
            return line.to_owned();
        }
        let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_key(key)) else {
            return starred(line);
        };
        self.follow(value);
        let last = key.rsplit('.').next().unwrap_or(key);
        let sort = value_of(last.trim().trim_matches(['"', '\'']));
        if sort.is_some_and(|sort| sort.is_harmless(value.trim())) {
            line.to_owned()
        } else {
            format!("{key}={}", starred(value))
        }
    }

    /// Follows what a piece of a value opens and closes.
    fn follow(&mut self, text: &str) {
        for quotes in ["\"\"\"", "'''"] {
            if self.quotes.is_none_or(|open| open == quotes)
                && text.matches(quotes).count() % 2 == 1
            {
                self.quotes = match self.quotes {
                    Some(_) => None,
                    None => Some(quotes),
                };
                return;
            }
        }
        if self.quotes.is_none() {
            let count = |bracket: char| text.matches(bracket).count();
            self.depth = (self.depth + count('[')).saturating_sub(count(']'));
        }
    }
}

/// The text of a value that is a string in plain quotes, a number or a word.
fn literal(value: &str) -> Option<&str> {
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let text = value.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(text).filter(|text| !text.contains([quote, '\\']))
    });
    quoted.or_else(|| Some(value).filter(|value| !value.contains(['"', '\''])))
}

/// Whether an item of a list is a pattern in quotes, or there is none.
fn is_pattern(item: &str) -> bool {
    let item = item.trim();
    let text = literal(item).filter(|_| item.starts_with(['"', '\'']));
    item.is_empty() || text.is_some_and(|text| shown::pattern(text) == text)
}

/// `[table]`, `[[tables]]`, perhaps not closed.
fn is_header(line: &str) -> bool {
    let inner = line.strip_prefix('[').map(|inner| {
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        inner.trim_end_matches(']')
    });
    line.is_empty() || inner.is_some_and(is_key)
}

/// Whether a text is a key, or keys with dots between.
fn is_key(text: &str) -> bool {
    text.split('.').all(|key| {
        let key = key.trim();
        let bare = key.trim_matches(['"', '\'']);
        shown::name(bare) == bare
    })
}

/// A text with stars for all but its space, quotes and brackets.
fn starred(text: &str) -> String {
    const KEPT: &str = "\"'[]{}#";
    text.chars().fold(String::new(), |mut starred, c| {
        if c.is_whitespace() || KEPT.contains(c) {
            starred.push(c);
        } else {
            starred.extend(std::iter::repeat_n('*', c.len_utf8()));
        }
        starred
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_that_may_be_secrets_are_starred_out() {
        fn check(text: &str, shown: &str) {
            assert_eq!(excerpt(text), shown);
        }
        check("\n[environments.prod]\r\n", "\n[environments.prod]\r\n");
        check(
            "[environments.\"a=b\"]\n",
            "[************.\"***\"]\n".replace('.', "*").as_str(),
        );
        check("[[a]]\n", "[[a]]\n");
        check("role = \"app\"\n", "role = \"app\"\n");
        check("a.role = 'app'\n", "a.role = 'app'\n");
        check("role = \"u:p@h\"\n", "role = \"*****\"\n");
        check("role = \"app\" # p\n", "role = \"***\" # *\n");
        check("role = app\n", "role = app\n");
        check("role = \"app\n", "role = \"***\n");
        check("token = \"abc\"\n", "token = \"***\"\n");
        check("token = 12\n", "token = **\n");
        check("lock_wait = \"5m\"\n", "lock_wait = \"5m\"\n");
        check("lock_wait = \"pass\"\n", "lock_wait = \"****\"\n");
        check("disposable = true\n", "disposable = true\n");
        check("disposable = 'secret'\n", "disposable = '******'\n");
        check("provider = 'locla'\n", "provider = 'locla'\n");
        check("provider = 'secret'\n", "provider = '******'\n");
        check("schema = \"db/a\"\n", "schema = \"db/a\"\n");
        let listed = "exclude = [\"a.*\", 'b']\n";
        check(listed, listed);
        check("include = []\n", "include = []\n");
        check("include = [\"u:p@h\"]\n", "include = [\"*****\"]\n");
        check("include = [abc]\n", "include = [***]\n");
        check("include = [\"a\"] # p\n", "include = [\"*\"] # *\n");
        check("include = [\n\"a\",\n]\n", "include = [\n\"*\"*\n]\n");
        check("token = [\"a\"]\n", "token = [\"*\"]\n");
        check("url = \"env:PROD\"\n", "url = \"env:PROD\"\n");
        check("url = \"embedded\"\n", "url = \"embedded\"\n");
        check("url = \"env:u:p@h\"\n", "url = \"*********\"\n");
        check("abc\n", "***\n");
        check("a:b = 'c'\n", "*** * '*'\n");
        check("x = { role = \"ab\" }\n", "x = { **** * \"**\" }\n");
        check(
            "x = \"\"\"\nrole = ab\n\"\"\"\nrole = ab\n",
            "x = \"\"\"\n**** * **\n\"\"\"\nrole = ab\n",
        );
        check(
            "x = [\nrole = ab,\n]\nrole = ab\n",
            "x = [\n**** * ***\n]\nrole = ab\n",
        );
        check("# a comment\n", "# * *******\n");
        check("\"pä\" = \"pä\"", "\"pä\" = \"***\"");
    }

    proptest! {
        #[test]
        fn offsets_stay(text in r#"(?s)(role|url|[\["'={}#\n \\]|.){0,40}"#) {
            let shown = excerpt(&text);
            prop_assert_eq!(shown.len(), text.len());
            let lines = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
            prop_assert_eq!(lines(&shown), lines(&text));
        }

        /// Wherever it stands behind a key of a secret, in a comment, or in what is no TOML.
        #[test]
        fn secrets_are_never_shown(
            before in "(token = |url = |webhook=|# |\\(|url |= |x.token = \\[|role = ')",
            inner in "[a-z:/@.]{0,6}",
            quote in "(\"|'|\"\"\"|'''|)",
            end in "(\"|'|\"\"\"|'''|\\n|)",
        ) {
            let text = format!("[a]\n{before}{quote}{inner};SECRET{end}\nrole = 1\n");
            prop_assert!(!excerpt(&text).contains("SECRET"), "{}", excerpt(&text));
        }
    }
}
