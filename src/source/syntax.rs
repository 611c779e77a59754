//! PostgreSQL's parser, with the position that pg_query's own binding drops.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    fmt,
    ops::Range,
    sync::Arc,
};

use pg_query::protobuf::ParseResult;
use prost::Message as _;
use serde_json::Value;

use super::{dialect, lexer, newer_words::Reading};
use crate::diagnostic::{Code, Diagnostic, SourceFile};

/// What PostgreSQL's parser or scanner dislikes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The parser's words.
    pub message: String,
    /// The byte of the text at which it stopped.
    pub at: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

impl SyntaxError {
    /// Whether the parser gave up because of how deeply something nests.
    fn is_too_deep(&self) -> bool {
        self.message == TOO_DEEP
            || [
                "stack depth limit exceeded",
                "parse tree is nested too deeply",
                "memory exhausted",
            ]
            .iter()
            .any(|start| self.message.starts_with(start))
    }

    /// The error with a caret into `file`, in which the parsed text starts at byte `base`.
    pub fn in_file(&self, file: &Arc<SourceFile>, base: usize) -> Diagnostic {
        let at = (base + self.at).min(file.text.len());
        let span = word_at(&file.text, at);
        if self.is_too_deep() {
            return Diagnostic::error(Code::Syntax, "a statement nests too deeply to be read")
                .at(file, span, "in the statement that begins or goes on here")
                .note("PostgreSQL's parser and forge read some thousand levels of expressions, subqueries and joins")
                .help("write long chains of operators as a list (`IN (…)`, `concat(…)`), or move parts into views or functions");
        }
        if let Some(foreign) = dialect::foreign(file, at, &self.message) {
            return foreign;
        }
        let before = file.text[..at].trim_end();
        let word = &file.text[span.clone()];
        let diagnostic = Diagnostic::error(Code::Syntax, self.message.clone());
        if self.message.starts_with("unterminated") {
            return diagnostic.at(file, span, "opens here and is never closed");
        }
        if span.is_empty() {
            return diagnostic
                .at(file, before.len()..before.len(), "the file ends here")
                .help("close what is still open: a parenthesis, a quote, or the statement itself");
        }
        let diagnostic = diagnostic.at(file, span, "PostgreSQL's parser stops here");
        if before.ends_with(',') && matches!(word, ")" | ";") {
            let comma = before.len() - 1;
            return diagnostic
                .at(file, comma..before.len(), "nothing follows this comma")
                .help("remove the comma");
        }
        let starts_statement = [
            "CREATE", "ALTER", "COMMENT", "GRANT", "REVOKE", "DROP", "SET",
        ]
        .iter()
        .any(|verb| verb.eq_ignore_ascii_case(word));
        if starts_statement && !before.ends_with(';') && file.text[before.len()..at].contains('\n')
        {
            return diagnostic
                .at(
                    file,
                    before.len()..before.len(),
                    "a statement seems to end here",
                )
                .help("put a semicolon after it");
        }
        diagnostic
    }
}

/// What the parser and forge read at most: expressions, subqueries, joins inside one another.
const TOO_DEEP: &str = "it nests too deeply to be read";

/// Parses `sql` with the grammar of PostgreSQL 18 and, where that stops at a word that is a name to older servers, as these
/// do: together that is what the supported servers read.
pub(super) fn parse(sql: &str) -> Result<ParseResult, SyntaxError> {
    parse_as(sql, 0)
}

/// Parses `sql` in one of the parser's modes: plain statements, or what plpgsql takes for an expression.
pub(super) fn parse_as(sql: &str, mode: c_int) -> Result<ParseResult, SyntaxError> {
    let quiet = lexer::quiet(sql)?;
    match parse_once(&quiet, mode) {
        Ok(tree) => Ok(tree),
        Err(error) if error.is_too_deep() => Err(deepest(&quiet, error)),
        Err(error) if mode == 0 => {
            Reading::of(&quiet, error.at).map_or(Err(error), |reading| Ok(reading.tree))
        }
        Err(error) => Err(error),
    }
}

/// The error at the statement that it is about, which the parser doesn't say.
fn deepest(sql: &str, error: SyntaxError) -> SyntaxError {
    if error.at > 0 {
        return error;
    }
    let at = lexer::statements(sql).find(|statement| {
        let parsed = parse_once(&sql[statement.clone()], 0);
        parsed.is_err_and(|error| error.is_too_deep())
    });
    SyntaxError {
        at: at.map_or(0, |statement| statement.start),
        ..error
    }
}

/// The syntax tree of the plpgsql in a statement that holds some, whose parser doesn't say where it stops.
pub(super) fn parse_plpgsql(statement: &str) -> Option<Value> {
    let statement = &lexer::quiet_within(statement).ok()?;
    let parsed = pg_query::parse_plpgsql(statement).ok();
    parsed.or_else(|| {
        let reading = Reading::of(statement, parse_once(statement, 0).err()?.at)?;
        pg_query::parse_plpgsql(&reading.quoted(statement)).ok()
    })
}

/// The word, or else the character, at a byte; nothing at the end of the text.
pub(crate) fn word_at(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let word = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let length = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    at..at + length
}

/// The dotted name at a byte, or else the word or character.
pub(crate) fn name_at(text: &str, at: usize) -> Range<usize> {
    let part = |from: usize| match text[from..].strip_prefix('"') {
        Some(quoted) => from + 1 + quoted.find('"').map_or(0, |end| end + 1),
        None => word_at(text, from).end,
    };
    let mut end = part(at);
    while let Some(rest) = text[end..].strip_prefix('.')
        && rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"'))
    {
        end = part(end + 1);
    }
    at..end
}

/// The byte at which the character with this number, counted from one, starts.
pub(crate) fn byte_of_character(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character.saturating_sub(1))
        .map_or(text.len(), |(byte, _)| byte)
}

/// libpg_query's error, as `pg_query.h` of the pinned version lays it out.
#[repr(C)]
struct RawError {
    message: *mut c_char,
    funcname: *mut c_char,
    filename: *mut c_char,
    lineno: c_int,
    cursorpos: c_int,
    context: *mut c_char,
}

/// libpg_query's parse result.
#[repr(C)]
struct RawResult {
    tree_length: usize,
    tree: *mut c_char,
    stderr_buffer: *mut c_char,
    error: *mut RawError,
}

/// The parser's message, which may quote a literal of any length.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 200;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// Parses `sql` as the parser's own grammar has it. (pg_query's binding drops the position of an error, and lists all names
/// of the tree, which costs more than the parse.)
#[expect(
    unsafe_code,
    reason = "pg_query 18.1.0 links these functions but drops the cursor position of their error"
)]
pub(super) fn parse_once(sql: &str, mode: c_int) -> Result<ParseResult, SyntaxError> {
    unsafe extern "C" {
        fn pg_query_parse_protobuf_opts(input: *const c_char, options: c_int) -> RawResult;
        fn pg_query_free_protobuf_parse_result(result: RawResult);
    }
    let input = CString::new(sql).map_err(|error| SyntaxError {
        message: "a NUL is no part of SQL".to_owned(),
        at: error.nul_position(),
    })?;
    // SAFETY: the input is a C string that outlives the call; the structs mirror the header of the version that
    // Cargo.toml pins; the tree and the error's strings are read before the result, which owns them, is freed, once.
    unsafe {
        let result = pg_query_parse_protobuf_opts(input.as_ptr(), mode);
        let parsed = match result.error.as_ref() {
            Some(error) => Err(SyntaxError {
                message: shortened(&CStr::from_ptr(error.message).to_string_lossy()),
                // The cursor counts characters from one; zero means that the error has no place.
                at: byte_of_character(sql, usize::try_from(error.cursorpos).unwrap_or(0)),
            }),
            None if result.tree.is_null() => Ok(ParseResult::default()),
            None => {
                let tree = std::slice::from_raw_parts(result.tree.cast::<u8>(), result.tree_length);
                ParseResult::decode(tree).map_err(|_| SyntaxError {
                    message: TOO_DEEP.to_owned(),
                    at: 0,
                })
            }
        };
        pg_query_free_protobuf_parse_result(result);
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_at_the_word() {
        fn check(sql: &str, message: &str, at: &str) {
            let error = parse(sql).unwrap_err();
            assert_eq!((error.message.as_str(), &sql[error.at..]), (message, at));
        }
        check("SELECT 'é', , 1", "syntax error at or near \",\"", ", 1");
        check("CREATE TABLE t (a int", "syntax error at end of input", "");
        check(
            "SELECT 1; SELECT 'x",
            "unterminated quoted string at or near \"'x\"",
            "'x",
        );
        check(
            "SELECT 1; /* x",
            "unterminated /* comment at or near \"/* x\"",
            "/* x",
        );
        check(
            "SELECT 1; selec 2",
            "syntax error at or near \"selec\"",
            "selec 2",
        );
    }

    #[test]
    fn names_are_marked_whole() {
        fn check(text: &str, name: &str) {
            assert_eq!(&text[name_at(text, 0)], name);
        }
        check("app.users (id)", "app.users");
        check("\"a b\".\"c\"::x", "\"a b\".\"c\"");
        check("t.* FROM", "t");
        check("(1)", "(");
    }

    #[test]
    fn common_slips_are_named() {
        fn check(sql: &str, help: Option<&str>, places: &[&str]) {
            let file = Arc::new(SourceFile {
                path: "a.sql".into(),
                text: sql.to_owned(),
            });
            let diagnostic = parse(sql).unwrap_err().in_file(&file, 0);
            assert_eq!(diagnostic.help_text(), help);
            let found: Vec<_> = diagnostic
                .places()
                .iter()
                .map(|place| &sql[place.span.clone()])
                .collect();
            assert_eq!(found, places);
        }
        check(
            "CREATE TABLE t (a int,);",
            Some("remove the comma"),
            &[")", ","],
        );
        check(
            "CREATE TABLE t (a int)\nCREATE TABLE u ();",
            Some("put a semicolon after it"),
            &["CREATE", ""],
        );
        check(
            "CREATE TABLE t (a int\n",
            Some("close what is still open: a parenthesis, a quote, or the statement itself"),
            &[""],
        );
        check("CREATE TABLE t (a int b);", None, &["b"]);
    }
}
