//! PostgreSQL's parser, with the position that pg_query's own binding drops.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    fmt,
};

use pg_query::protobuf::ParseResult;
use prost::Message as _;

use super::places::byte_of_character;

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
    pub(super) fn is_too_deep(&self) -> bool {
        self.message == TOO_DEEP
            || [
                "stack depth limit exceeded",
                "parse tree is nested too deeply",
                "memory exhausted",
            ]
            .iter()
            .any(|start| self.message.starts_with(start))
    }
}

/// What the parser and forge read at most: expressions, subqueries, joins inside one another.
const TOO_DEEP: &str = "it nests too deeply to be read";

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
