//! Splits SQL text into statements, and reduces it to what decides its meaning, by PostgreSQL's own scanner.

use std::{borrow::Cow, ops::Range};

use pg_query::protobuf::{ScanToken, Token};

use super::{
    grammar::{self, SyntaxError},
    lexer,
};

/// Cuts `sql` into statements. The pieces, joined, are the input again: each holds the comments before it and its
/// semicolon, the last one also what follows it.
///
/// Input without any statement is one piece; empty input is none.
pub fn split(sql: &str) -> Result<Vec<Range<usize>>, SyntaxError> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for statement in statements(&scan(sql)?) {
        pieces.push(start..statement.end);
        start = statement.end;
    }
    match pieces.last_mut() {
        Some(last) => last.end = sql.len(),
        None if sql.is_empty() => {}
        None => pieces.push(0..sql.len()),
    }
    Ok(pieces)
}

/// The statements of `sql`: each from its first word to before its semicolon.
pub fn statements_in(sql: &str) -> Result<Vec<Range<usize>>, SyntaxError> {
    let bare = |range: Range<usize>| {
        let text = sql[range.clone()]
            .trim_end()
            .trim_end_matches(';')
            .trim_end();
        range.start..range.start + text.len()
    };
    Ok(statements(&scan(sql)?).into_iter().map(bare).collect())
}

/// `sql` without its comments, tokens set apart by one space. What stands between quotes keeps every byte.
///
/// Two texts that differ only in white space, comments and line ends between tokens give the same; any other difference shows.
pub fn normalised(sql: &str) -> Result<String, SyntaxError> {
    let mut text = String::with_capacity(sql.len());
    for token in scan(sql)?.iter().filter(|token| !is_comment(token)) {
        if !text.is_empty() {
            text.push(' ');
        }
        let words = &sql[bounds(token)];
        match token.token() {
            Token::Sconst | Token::Bconst | Token::Xconst => push_literal(words, &mut text),
            _ => text.push_str(words),
        }
    }
    Ok(text)
}

/// Adds a string literal. One that is continued on further lines gets one line end between its parts, whatever stands there.
fn push_literal(literal: &str, text: &mut String) {
    if literal.starts_with('$') {
        text.push_str(literal);
        return;
    }
    let escapes = literal.starts_with(['E', 'e']);
    let mut rest = literal;
    while let Some(open) = rest.find('\'') {
        // Before the first part stands at most a letter such as E, before the others white space and comments.
        text.push_str(if rest.len() == literal.len() {
            &rest[..open]
        } else {
            "\n"
        });
        let end = open + 1 + quoted_length(&rest[open + 1..], escapes);
        text.push_str(&rest[open..end]);
        rest = after_comments(&rest[end..]);
    }
}

/// The length of a quoted part after its opening quote, its closing one included.
fn quoted_length(text: &str, escapes: bool) -> usize {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if escapes => drop(bytes.next()),
            b'\'' if text[at + 1..].starts_with('\'') => drop(bytes.next()),
            b'\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn after_comments(text: &str) -> &str {
    let text = text.trim_start();
    match text
        .strip_prefix("--")
        .and_then(|comment| comment.split_once('\n'))
    {
        Some((_, rest)) => after_comments(rest),
        None => text,
    }
}

/// `sql` with a question mark for each character of a comment that isn't ASCII: it is nothing that a database must be able to
/// store.
pub fn with_plain_comments(sql: Cow<'_, str>) -> Cow<'_, str> {
    if sql.is_ascii() {
        return sql;
    }
    let Ok(tokens) = scan(&sql) else {
        return sql;
    };
    let mut plain = sql;
    for comment in tokens.iter().rev().filter(|token| is_comment(token)) {
        let range = bounds(comment);
        if !plain[range.clone()].is_ascii() {
            let text = plain[range.clone()].replace(|c: char| !c.is_ascii(), "?");
            plain.to_mut().replace_range(range, &text);
        }
    }
    plain
}

/// PostgreSQL's tokens of `sql`, comments included. The positions count bytes.
pub(super) fn scan(sql: &str) -> Result<Vec<ScanToken>, SyntaxError> {
    // pg_query makes a slice of a null pointer where there is no token at all.
    if sql
        .chars()
        .all(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'))
    {
        return Ok(Vec::new());
    }
    let quiet = lexer::quiet(sql)?;
    pg_query::scan_tokens(&quiet).map_err(|error| {
        // The scanner's own error has no position; the parser stops at the same place.
        let found = grammar::parse_once(&quiet, 0).err();
        found.unwrap_or_else(|| SyntaxError {
            message: error.to_string(),
            at: 0,
        })
    })
}

/// The bytes of a token.
pub(super) fn bounds(token: &ScanToken) -> Range<usize> {
    let byte = |position: i32| usize::try_from(position).expect("the scanner counts from zero");
    byte(token.start)..byte(token.end)
}

/// Whether a token is a comment.
pub(super) fn is_comment(token: &ScanToken) -> bool {
    matches!(token.token(), Token::SqlComment | Token::CComment)
}

/// The statements among the tokens: each from its first token to its semicolon, comments before it left out.
pub(super) fn statements(tokens: &[ScanToken]) -> Vec<Range<usize>> {
    let mut statements = Vec::new();
    let mut start = None;
    let mut end = 0;
    let mut parentheses = 0_usize;
    // `BEGIN ATOMIC … END` bodies hold semicolons; CASE … END may stand inside one.
    let mut blocks = 0_usize;
    let mut previous = Token::Nul;
    for token in tokens.iter().filter(|token| !is_comment(token)) {
        let Range {
            start: at,
            end: after,
        } = bounds(token);
        let first = *start.get_or_insert(at);
        end = after;
        match token.token() {
            Token::Ascii40 => parentheses += 1,
            Token::Ascii41 => parentheses = parentheses.saturating_sub(1),
            Token::Atomic if previous == Token::BeginP => blocks += 1,
            Token::Case if blocks > 0 => blocks += 1,
            Token::EndP if blocks > 0 => blocks -= 1,
            Token::Ascii59 if parentheses == 0 && blocks == 0 => {
                statements.push(first..after);
                start = None;
            }
            _ => {}
        }
        previous = token.token();
    }
    if let Some(first) = start {
        statements.push(first..end);
    }
    statements
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_end_where_psql_ends_them() {
        fn check(sql: &str, pieces: &[&str]) {
            let found: Vec<_> = split(sql)
                .unwrap()
                .into_iter()
                .map(|piece| &sql[piece])
                .collect();
            assert_eq!(found, pieces);
        }
        check("", &[]);
        check("-- nothing\n", &["-- nothing\n"]);
        check(
            "SELECT 1; SELECT ';' -- ;\n",
            &["SELECT 1;", " SELECT ';' -- ;\n"],
        );
        check("DO $$ a; b $$; x", &["DO $$ a; b $$;", " x"]);
        check(
            "CREATE RULE r AS ON INSERT TO t DO (a; b); x;",
            &["CREATE RULE r AS ON INSERT TO t DO (a; b);", " x;"],
        );
        check(
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN 1 THEN 2 END; SELECT 2; END; x",
            &[
                "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN 1 THEN 2 END; SELECT 2; END;",
                " x",
            ],
        );
        check("BEGIN; COMMIT;\n", &["BEGIN;", " COMMIT;\n"]);
    }

    #[test]
    fn comments_are_plain() {
        fn check(sql: &str, expected: &str) {
            assert_eq!(with_plain_comments(sql.into()), expected);
        }
        check("SELECT 'é' -- é€\n/* ü */", "SELECT 'é' -- ??\n/* ? */");
        check("SELECT '-- é' -- e", "SELECT '-- é' -- e");
    }

    #[test]
    fn layout_does_not_matter() {
        fn check(one: &str, other: &str, same: bool) {
            assert_eq!(
                normalised(one).unwrap() == normalised(other).unwrap(),
                same,
                "{one} / {other}"
            );
        }
        check("SELECT  1 ; -- one", "/* x */SELECT 1;\r\n", true);
        check("SELECT 'a\r\nb'", "SELECT 'a\nb'", false);
        check("SELECT $$a\r\nb$$", "SELECT $$a\nb$$", false);
        check("SELECT \"a\r\nb\"", "SELECT \"a\nb\"", false);
        check("SELECT 'a\rb'", "SELECT 'a\nb'", false);
        check("SELECT\r\n1", "SELECT\n1", true);
        check("SELECT 'a'\r\n'b'", "SELECT 'a'\n'b'", true);
        check("SELECT 'a b'", "SELECT 'a  b'", false);
        check("SELECT 'a'\n'b'", "SELECT 'a' -- it's\r\n   'b'", true);
        check("SELECT E'a\\''\n'b'", "SELECT E'a\\''\n\n'b'", true);
        check("SELECT 'a'\n'b'", "SELECT 'ab'", false);
        check("SELECT a b", "SELECT ab", false);
        check("SELECT \"a\"", "SELECT a", false);
    }

    /// Tokens and literals that try the splitter's patience.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "SELECT",
            "a",
            // A comma follows, for a line end between two literals makes them one.
            "'x;y' ,",
            "$$ ; ' $$",
            "$t$;$$;$t$",
            "\"q;\"",
            "(",
            ")",
            ";",
            ",",
            "1.5",
            "E'\\';' ,",
            "CASE",
            "END",
            "BEGIN",
            "ATOMIC",
            "||",
            "::text",
            "é",
        ])
    }

    /// What may stand between tokens without a change of meaning.
    fn gap() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            " ",
            "\n",
            "\r\n",
            "\t",
            " -- c;'\n",
            " /* c; /* n */ ' */ ",
        ])
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_input(parts in prop::collection::vec((piece(), gap()), 0..40)) {
            let sql: String = parts.iter().flat_map(|(token, gap)| [*token, *gap]).collect();
            let joined: String = split(&sql).unwrap().into_iter().map(|piece| &sql[piece]).collect();
            prop_assert_eq!(joined, sql);
        }

        #[test]
        fn comments_and_white_space_leave_the_normal_form(
            parts in prop::collection::vec((piece(), gap(), gap()), 0..40),
        ) {
            let one: String = parts.iter().flat_map(|(token, gap, _)| [*token, *gap]).collect();
            let other: String = parts.iter().flat_map(|(token, _, gap)| [*gap, *token, " "]).collect();
            prop_assert_eq!(normalised(&one).unwrap(), normalised(&other).unwrap());
        }

        #[test]
        fn the_normal_form_is_its_own(parts in prop::collection::vec((piece(), gap()), 0..40)) {
            let sql: String = parts.iter().flat_map(|(token, gap)| [*token, *gap]).collect();
            let once = normalised(&sql).unwrap();
            prop_assert_eq!(&normalised(&once).unwrap(), &once);
        }
    }
}
