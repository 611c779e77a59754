//! A first look at SQL text, in one pass and without memory of its own: where literals, comments and statements end.
//!
//! PostgreSQL's scanner decides what SQL means; this one only prepares its work. It cuts long files into stretches of whole
//! statements, which are parsed one after the other, and it keeps away what the scanner takes quadratic time for: a row of
//! `/*` inside a comment, and a row of operator characters, which it reads again from each of them.

use std::{borrow::Cow, ops::Range};

use super::grammar::SyntaxError;

/// A longer row of operator characters is no operator of PostgreSQL, whose names have 63 bytes at most.
const LONGEST_OPERATOR: usize = 1000;

/// A part of SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// White space, without a line end in it.
    Space,
    /// A line end.
    LineEnd,
    /// `-- …`, without its line end.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// A key word, an unquoted name or a number.
    Word,
    /// A string in quotes, or a quoted name.
    Quoted,
    /// A string in dollar quotes.
    Dollar,
    /// A row of operator characters.
    Operator,
    /// A line that starts with a backslash, which is meant for psql.
    Command,
    /// Any other character.
    Other(u8),
}

impl Lexeme {
    /// Whether the parser doesn't see it.
    pub(super) fn is_blank(self) -> bool {
        matches!(
            self,
            Self::Space | Self::LineEnd | Self::LineComment | Self::BlockComment
        )
    }
}

/// The lexemes of a text, which leave out nothing.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Whether lines for psql are looked for; to PostgreSQL, a backslash is a character.
    for_psql: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            for_psql: false,
        }
    }

    /// The lexemes of a file that psql could read.
    pub(super) fn for_psql(text: &'a str) -> Self {
        Self {
            for_psql: true,
            ..Self::new(text)
        }
    }

    fn begins_line(&self) -> bool {
        self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n'
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The lexeme at this place, and its length.
    fn lexeme(&self) -> (Lexeme, usize) {
        let rest = self.rest();
        match rest[0] {
            b'\n' => (Lexeme::LineEnd, 1),
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c => (Lexeme::Space, run(rest, is_space)),
            b'-' if rest.starts_with(b"--") => (Lexeme::LineComment, run(rest, is_in_line)),
            b'/' if rest.starts_with(b"/*") => (Lexeme::BlockComment, comment_length(rest)),
            b'\'' => (Lexeme::Quoted, 1 + quoted_length(&rest[1..], b'\'')),
            b'"' => (Lexeme::Quoted, 1 + quoted_length(&rest[1..], b'"')),
            b'e' | b'E' if rest.get(1) == Some(&b'\'') => (Lexeme::Quoted, escaped_length(rest)),
            b'$' => match delimiter(rest) {
                Some(delimiter) => (Lexeme::Dollar, dollar_length(rest, delimiter)),
                None => (Lexeme::Other(b'$'), 1),
            },
            b'\\' if self.for_psql && self.begins_line() => {
                (Lexeme::Command, run(rest, |byte| byte != b'\n'))
            }
            byte if is_word(byte) => (
                Lexeme::Word,
                run(rest, |byte| is_word(byte) || byte == b'$'),
            ),
            byte if is_operator(byte) => (Lexeme::Operator, operator_length(rest)),
            byte => (Lexeme::Other(byte), 1),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = (Lexeme, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.text.len() {
            return None;
        }
        let (lexeme, length) = self.lexeme();
        let start = self.at;
        self.at = start + length;
        Some((lexeme, start..self.at))
    }
}

fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| !belongs(*byte))
        .unwrap_or(text.len())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

fn is_in_line(byte: u8) -> bool {
    !matches!(byte, b'\n' | b'\r')
}

/// Letters of other alphabets are bytes above 127 to PostgreSQL's scanner, too.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

/// A comment's length, with the comments in it.
fn comment_length(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The length up to the closing quote, which is included; a doubled one closes nothing.
fn quoted_length(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < text.len() {
        if text[at] != quote {
            at += 1;
        } else if text.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    at
}

/// The length of `E'…'`, with the parts on further lines: escapes count there, too.
fn escaped_length(text: &[u8]) -> usize {
    let mut at = 2;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'\'' if text.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => {
                at += 1;
                match continuation(&text[at..]) {
                    Some(length) => at += length,
                    None => return at,
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// The length up to behind the quote that continues a literal on a further line.
fn continuation(text: &[u8]) -> Option<usize> {
    let (mut at, mut line_ended) = (0, false);
    loop {
        match text[at..] {
            [b'\n' | b'\r', ..] => {
                line_ended = true;
                at += 1;
            }
            [b' ' | b'\t' | 0x0b | 0x0c, ..] => at += 1,
            [b'-', b'-', ..] => at += run(&text[at..], is_in_line),
            [b'\'', ..] if line_ended => return Some(at + 1),
            _ => return None,
        }
    }
}

/// What opens a string in dollar quotes: `$$`, `$tag$`.
fn delimiter(text: &[u8]) -> Option<&[u8]> {
    let tag = run(&text[1..], is_word);
    let starts_well = !text.get(1).is_some_and(u8::is_ascii_digit);
    (text.get(1 + tag) == Some(&b'$') && (tag == 0 || starts_well)).then(|| &text[..tag + 2])
}

fn dollar_length(text: &[u8], delimiter: &[u8]) -> usize {
    let body = delimiter.len();
    // A delimiter is as long as the name of an object at most, or this would be quadratic, too.
    let mut at = body;
    while let Some(found) = text[at..].iter().position(|byte| *byte == b'$') {
        if text[at + found..].starts_with(delimiter) {
            return at + found + body;
        }
        at += found + 1;
    }
    text.len()
}

/// A row of operator characters; a comment ends it.
fn operator_length(text: &[u8]) -> usize {
    let row = run(text, is_operator);
    let comment = text[..row]
        .windows(2)
        .position(|pair| pair == b"--" || pair == b"/*");
    comment.unwrap_or(row)
}

/// The text with blanks for the comments inside comments, in which nothing is looked for.
///
/// # Errors
/// If it holds a row of operator characters that is no operator.
pub(super) fn quiet(text: &str) -> Result<Cow<'_, str>, SyntaxError> {
    let mut quiet = Cow::Borrowed(text);
    for (lexeme, span) in Lexer::new(text) {
        match lexeme {
            Lexeme::Operator if span.len() > LONGEST_OPERATOR => {
                return Err(SyntaxError {
                    message: format!("a row of {} operator characters is no operator", span.len()),
                    at: span.start,
                });
            }
            Lexeme::BlockComment if has_nested(&text[span.clone()]) => {
                quiet
                    .to_mut()
                    .replace_range(span.clone(), &without_nested(&text[span]));
            }
            _ => {}
        }
    }
    Ok(quiet)
}

/// The same also for what stands in dollar quotes, which may be code.
pub(super) fn quiet_within(text: &str) -> Result<Cow<'_, str>, SyntaxError> {
    let mut quiet = quiet(text)?;
    for (lexeme, span) in Lexer::new(text) {
        if lexeme == Lexeme::Dollar
            && let Some(delimiter) = delimiter(&text.as_bytes()[span.clone()])
            && span.len() >= 2 * delimiter.len()
        {
            let body = span.start + delimiter.len()..span.end - delimiter.len();
            if let Cow::Owned(inner) = self::quiet(&text[body.clone()])? {
                quiet.to_mut().replace_range(body, &inner);
            }
        }
    }
    Ok(quiet)
}

fn has_nested(comment: &str) -> bool {
    comment[2..].contains("/*")
}

/// A comment with blanks for all between its delimiters.
fn without_nested(comment: &str) -> String {
    let end = comment.len() - if comment.ends_with("*/") { 2 } else { 0 };
    let mut blank = String::with_capacity(comment.len());
    for (at, c) in comment.char_indices() {
        if at < 2 || at >= end || c == '\n' {
            blank.push(c);
        } else {
            blank.extend(std::iter::repeat_n(' ', c.len_utf8()));
        }
    }
    blank
}

/// Cuts a text into stretches of whole statements, of about `size` bytes or more where a statement is longer. The pieces,
/// joined, are the text; what follows a statement on its line stays with it.
pub(super) fn stretches(text: &str, size: usize) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut start = 0;
    for end in ends_of_lines(text) {
        if end - start >= size {
            stretches.push(start..end);
            start = end;
        }
    }
    if start < text.len() {
        stretches.push(start..text.len());
    }
    stretches
}

/// The ends of the lines on which a statement ends and none begins.
fn ends_of_lines(text: &str) -> impl Iterator<Item = usize> {
    let mut statements = Statements::default();
    let mut ended = false;
    Lexer::new(text).filter_map(move |(lexeme, span)| match lexeme {
        Lexeme::LineEnd => std::mem::take(&mut ended).then_some(span.end),
        Lexeme::Space | Lexeme::LineComment | Lexeme::BlockComment => None,
        Lexeme::Command
        | Lexeme::Word
        | Lexeme::Quoted
        | Lexeme::Dollar
        | Lexeme::Operator
        | Lexeme::Other(_) => {
            ended = statements.ends_with(lexeme, &text[span]);
            None
        }
    })
}

/// The statements of a text, each from its first word to its semicolon.
pub(super) fn statements(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut state = Statements::default();
    let mut start = None;
    let end = text.len();
    // A last statement need not end with a semicolon.
    let lexemes = Lexer::new(text).map(Some).chain([None]);
    lexemes.filter_map(move |lexeme| match lexeme {
        None => start.take().map(|start| start..end),
        Some((Lexeme::LineEnd | Lexeme::Space | Lexeme::LineComment | Lexeme::BlockComment, _)) => {
            None
        }
        Some((lexeme, span)) => {
            let first = *start.get_or_insert(span.start);
            let end = span.end;
            state.ends_with(lexeme, &text[span]).then(|| {
                start = None;
                first..end
            })
        }
    })
}

/// Where statements end: at a semicolon outside of parentheses and of `BEGIN ATOMIC … END`, in which CASE may stand.
#[derive(Default)]
struct Statements {
    parentheses: usize,
    blocks: usize,
    begins: bool,
}

impl Statements {
    /// Whether a statement ends with this lexeme.
    fn ends_with(&mut self, lexeme: Lexeme, text: &str) -> bool {
        let begins = std::mem::take(&mut self.begins);
        match lexeme {
            Lexeme::Other(b'(') => self.parentheses += 1,
            Lexeme::Other(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            Lexeme::Other(b';') => return self.parentheses == 0 && self.blocks == 0,
            Lexeme::Word => {
                let is = |word: &str| text.eq_ignore_ascii_case(word);
                self.begins = is("begin");
                if (begins && is("atomic")) || (self.blocks > 0 && is("case")) {
                    self.blocks += 1;
                } else if self.blocks > 0 && is("end") {
                    self.blocks -= 1;
                }
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests;
