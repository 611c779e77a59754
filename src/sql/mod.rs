//! Identifiers, literals and statement text: the only code that quotes.

mod chosen;
mod expression;
mod ident;
mod keywords;
mod locale;
mod null;
mod sequence;
mod visible;

pub use self::{
    chosen::{aside_name, chosen_name},
    expression::Expression,
    ident::Ident,
    keywords::NEWER as NEWER_KEY_WORDS,
    locale::{Locale, Provider},
    null::NullTest,
    sequence::usual_limits,
    visible::{comment, escaped, escaped_where, is_hidden, unescaped, visible, visible_lines},
};

use std::{fmt, fmt::Write as _};

/// A dotted name: `schema.table.column`, each part quoted where needed.
pub fn dotted<'a>(parts: impl IntoIterator<Item = &'a Ident>) -> String {
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push('.');
        }
        write!(text, "{part}").expect("writing to a String can't fail");
    }
    text
}

/// A string literal. [`fmt::Display`] quotes it, with the `E''` form where it holds a backslash, so that it reads the
/// same whatever `standard_conforming_strings` says, or a carriage return, which a conversion of line ends would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = self.0.contains(['\\', '\r']);
        f.write_str(if escape { " E'" } else { "'" }.trim_start())?;
        for c in self.0.chars() {
            match c {
                '\'' => f.write_str("''")?,
                '\\' => f.write_str("\\\\")?,
                '\r' => f.write_str("\\r")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('\'')
    }
}

/// The text of a statement, which grows by one clause after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clauses(String);

impl Clauses {
    /// Begins with what stands before the first clause.
    pub fn new(head: impl Into<String>) -> Self {
        Self(head.into())
    }

    /// Appends a clause, which brings the space or the line break before it.
    pub fn push(&mut self, clause: impl fmt::Display) {
        write!(self.0, "{clause}").expect("writing to a String can't fail");
    }
}

impl fmt::Display for Clauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Clauses> for String {
    fn from(clauses: Clauses) -> Self {
        clauses.0
    }
}

/// A dollar-quoted string. The text can't end it: the tag grows until the text does not hold it.
pub fn dollar_quoted(tag: &str, text: &str) -> String {
    let mut quote = format!("${tag}$");
    while text.contains(&quote) || text.ends_with(&quote[..quote.len() - 1]) {
        quote.insert(quote.len() - 1, '_');
    }
    format!("{quote}{text}{quote}")
}

/// A text for psql's `\echo`, in one line; psql would take backslashes, quotes and colons for its own.
pub fn unquoted(text: &str) -> String {
    visible(text).replace(['\\', '\'', '"', '`', ':'], " ")
}

/// Joins displayable parts with a separator.
pub fn join<T: fmt::Display>(parts: impl IntoIterator<Item = T>, separator: &str) -> String {
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        write!(text, "{part}").expect("writing to a String can't fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        fn check(text: &str, quoted: &str) {
            assert_eq!(Literal(text).to_string(), quoted);
        }
        check("plain", "'plain'");
        check("it's", "'it''s'");
        check("a\\b", "E'a\\\\b'");
        check("a\r\nb", "E'a\\r\nb'");
    }

    #[test]
    fn dollar_quotes() {
        fn check(text: &str, quoted: &str) {
            assert_eq!(dollar_quoted("f", text), quoted);
        }
        check("a", "$f$a$f$");
        check("a$f$; DROP TABLE x", "$f_$a$f$; DROP TABLE x$f_$");
        check("a$f$f_$", "$f__$a$f$f_$$f__$");
        check("a$f", "$f_$a$f$f_$");
    }

    #[test]
    fn clauses() {
        let mut text = Clauses::new("CREATE DOMAIN d AS text");
        text.push(format_args!(" COLLATE {}", Ident::new("C")));
        text.push(" NOT NULL");
        assert_eq!(
            String::from(text),
            "CREATE DOMAIN d AS text COLLATE \"C\" NOT NULL"
        );
    }
}
