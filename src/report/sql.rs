//! SQL in colour.

use std::fmt::Write as _;

use sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Location, Token, Tokenizer, Whitespace, Word},
};

use super::paint::{Paint, Role};
use crate::sql::Ident;

/// The same text with its keywords, strings, numbers and comments painted.
///
/// Text that the tokenizer doesn't understand stays as it is: colour is never worth a changed character.
pub fn highlight(text: &str, paint: Paint) -> String {
    if !paint.is_colored() {
        return text.to_owned();
    }
    let mut painted = String::with_capacity(text.len() * 2);
    if paint_into(&mut painted, text, paint).is_none() {
        return text.to_owned();
    }
    painted
}

fn paint_into(painted: &mut String, text: &str, paint: Paint) -> Option<()> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .with_unescape(false)
        .tokenize_with_location()
        .ok()?;
    let mut offsets = Offsets::new(text);
    let mut done = 0;
    for token in tokens {
        let start = offsets.of(token.span.start)?;
        let end = offsets.of(token.span.end)?;
        painted.push_str(text.get(done..start)?);
        let slice = text.get(start..end)?;
        if let Token::DollarQuotedString(body) = &token.token {
            paint_body(painted, slice, body.tag.as_deref().unwrap_or(""), paint)?;
        } else if let Some(role) = role(&token.token) {
            push(painted, paint, role, slice);
        } else {
            painted.push_str(slice);
        }
        done = end;
    }
    painted.push_str(text.get(done..)?);
    Some(())
}

/// A dollar-quoted string is most often a function's body, and reads as one.
fn paint_body(painted: &mut String, slice: &str, tag: &str, paint: Paint) -> Option<()> {
    let quote = format!("${tag}$");
    let body = slice.strip_prefix(&quote)?.strip_suffix(&quote)?;
    push(painted, paint, Role::Text, &quote);
    let before = painted.len();
    if paint_into(painted, body, paint).is_none() {
        painted.truncate(before);
        painted.push_str(body);
    }
    push(painted, paint, Role::Text, &quote);
    Some(())
}

fn push(painted: &mut String, paint: Paint, role: Role, text: &str) {
    write!(painted, "{}", paint.text(role, text)).expect("writing to a String can't fail");
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the tokenizer's enum has a hundred punctuation marks that have no colour"
)]
fn role(token: &Token) -> Option<Role> {
    match token {
        Token::Word(word) => is_keyword(word).then_some(Role::Keyword),
        Token::Number(..) => Some(Role::Number),
        Token::SingleQuotedString(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => Some(Role::Text),
        Token::Whitespace(
            Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
        ) => Some(Role::Faint),
        _ => None,
    }
}

/// sqlparser's list holds hundreds of words that are column names in practice (`name`, `state`, `value`). Those count
/// as keywords where they are written in capitals; the reserved ones always.
fn is_keyword(word: &Word) -> bool {
    if word.quote_style.is_some() || word.keyword == Keyword::NoKeyword {
        return false;
    }
    let lower = word.value.to_ascii_lowercase();
    word.value.chars().all(|c| !c.is_ascii_lowercase()) || Ident::new(&lower).to_string() != lower
}

/// Turns the tokenizer's lines and columns, which count characters from one, into byte offsets. Asked in order.
struct Offsets<'a> {
    text: &'a str,
    offset: usize,
    at: Location,
}

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            at: Location::new(1, 1),
        }
    }

    fn of(&mut self, location: Location) -> Option<usize> {
        while self.at < location {
            let c = self.text[self.offset..].chars().next()?;
            self.offset += c.len_utf8();
            if c == '\n' {
                self.at = Location::new(self.at.line + 1, 1);
            } else {
                self.at.column += 1;
            }
        }
        (self.at == location).then_some(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::report::paint;

    /// Marks instead of escapes: `<…>` around whatever has a colour.
    fn marked(text: &str) -> String {
        let mut marked = String::new();
        let painted = highlight(text, Paint::COLORED);
        let mut rest = paint::colored(&painted, Cow::Borrowed).into_owned();
        while let Some(at) = rest.find('\u{1b}') {
            let end = at + rest[at..].find('m').unwrap();
            marked.push_str(&rest[..at]);
            marked.push(if &rest[at..=end] == "\u{1b}[0m" {
                '>'
            } else {
                '<'
            });
            rest = rest[end + 1..].to_owned();
        }
        marked + &rest
    }

    #[test]
    fn highlighting() {
        fn check(text: &str, expected: &str) {
            assert_eq!(marked(text), expected);
            assert_eq!(highlight(text, Paint::PLAIN), text);
        }
        check("SELECT 1 AS name -- c\n", "<SELECT> <1> <AS> name <-- c>\n");
        check(
            "select é, 'ü''x' /* ß */;",
            "<select> é, <'ü''x'> </* ß */>;",
        );
        check(
            "AS $f$ BEGIN END $f$\r\nTABLE \"TABLE\"",
            "<AS> <$f$> <BEGIN> <END> <$f$>\r\n<TABLE> \"TABLE\"",
        );
        check("E'a\\'b' U&'x' $1", "<E'a\\'b'> <U&'x'> $1");
        check("an 'unfinished string", "an 'unfinished string");
        check("", "");
    }
}
