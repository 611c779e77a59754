//! What the server's rejection of a statement means, and where in the file it lies.

use std::{borrow::Cow, ops::Range};

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::limit::{self, Limit};
use crate::{
    diagnostic::{Code, Diagnostic},
    source::{self, Namespace, Statement, Symbol},
    spelling::closest,
};

/// Why a statement of the tree may lack a privilege.
pub(crate) const ORDINARY: &str = "statements of the tree run on the shadow server as an ordinary role, so that no code of the tree can reach outside the database";

/// A statement that the server rejected.
pub(super) struct Failure {
    /// Its place among the statements.
    pub(super) index: usize,
    /// The server's words.
    pub(super) error: DbError,
    /// Whether the server was sent what stands in the tree, so that its place means something there.
    pub(super) verbatim: bool,
    /// Why it wasn't run with more privileges, if it could have been.
    pub(super) refused: Option<String>,
}

/// Whether a statement that failed so may pass once others are there: what it wants is missing or isn't ready.
pub(super) fn may_pass(error: &DbError) -> bool {
    lacks_object(error.code())
        || [
            // No unique constraint for a foreign key yet; a column outside GROUP BY for want of a primary key.
            &SqlState::INVALID_FOREIGN_KEY,
            &SqlState::GROUPING_ERROR,
            // A cast, an operator or a type's final form may come later.
            &SqlState::CANNOT_COERCE,
            &SqlState::DATATYPE_MISMATCH,
            &SqlState::AMBIGUOUS_FUNCTION,
            &SqlState::WRONG_OBJECT_TYPE,
            &SqlState::INVALID_OBJECT_DEFINITION,
            &SqlState::INVALID_TABLE_DEFINITION,
            &SqlState::INVALID_FUNCTION_DEFINITION,
            &SqlState::INVALID_COLUMN_REFERENCE,
            &SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            // A new enum value can be used only once it is committed.
            &SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE,
            // A program says so where it misses something.
            &SqlState::RAISE_EXCEPTION,
            // Locks are given back at the end of the transaction.
            &SqlState::OUT_OF_MEMORY,
            // DROP of what others still rest on.
            &SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        ]
        .contains(&error.code())
}

/// Whether a statement failed because something isn't there.
fn lacks_object(code: &SqlState) -> bool {
    [
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_FUNCTION,
        &SqlState::UNDEFINED_OBJECT,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::INVALID_SCHEMA_NAME,
        &SqlState::INVALID_CATALOG_NAME,
    ]
    .contains(&code)
}

/// The failures that don't follow from others, as errors that point into the files. `confined` says whether the operating
/// system confines the server.
pub(super) fn first_causes(
    statements: &[&Statement],
    failures: &[Failure],
    confined: bool,
) -> Vec<Diagnostic> {
    let failed: Vec<&Statement> = failures
        .iter()
        .map(|failure| statements[failure.index])
        .collect();
    let may_follow: Vec<bool> = failures
        .iter()
        .map(|failure| may_pass(&failure.error))
        .collect();
    let causes = source::first_causes(&failed, &may_follow);
    let mut problems: Vec<Diagnostic> = causes
        .iter()
        .map(|&cause| explain(statements, &failures[cause]))
        .map(|error| {
            if confined {
                explain_confinement(error)
            } else {
                error
            }
        })
        .collect();
    let followers = failures.len() - problems.len();
    if followers > 0
        && let Some(last) = problems.pop()
    {
        let what = if followers == 1 {
            "one more statement fails".to_owned()
        } else {
            format!("{followers} more statements fail")
        };
        problems.push(last.note(format!("{what} only because of what is reported here")));
    }
    problems
}

/// Says of an error on a private server whether it comes from the operating system, which confines the server.
pub(super) fn explain_confinement(error: Diagnostic) -> Diagnostic {
    // The server's messages have the system's own words, and its locale is C. Where there is no shell to run, the C library
    // gives the server a reason of its own.
    let refused = |text: &str| {
        text.contains("Permission denied") || text.starts_with("could not execute command")
    };
    if refused(error.message()) || error.notes().iter().any(|note| refused(note)) {
        error.note(CONFINED)
    } else {
        error
    }
}

/// Why the operating system refuses something to a private server.
const CONFINED: &str = "the operating system confines the throwaway server: it connects to nothing, runs no programs, and reaches no files but its own";

/// A statement that took too long.
pub(super) fn overdue(statement: &Statement, limit: &Limit) -> Diagnostic {
    limit::overdue(limit, Code::Rejected)
        .at(&statement.file, statement.head(), "stopped here")
        .note(format!("in `{}`", statement.description()))
}

fn explain(statements: &[&Statement], failure: &Failure) -> Diagnostic {
    let Failure {
        index,
        error,
        verbatim,
        refused,
    } = failure;
    let statement = statements[*index];
    if let Some(unstorable) = unstorable(statement, error) {
        return unstorable;
    }
    let missing = lacks_object(error.code());
    let code = if missing {
        Code::UnresolvedReference
    } else if [
        &SqlState::DUPLICATE_TABLE,
        &SqlState::DUPLICATE_OBJECT,
        &SqlState::DUPLICATE_FUNCTION,
        &SqlState::DUPLICATE_SCHEMA,
        &SqlState::DUPLICATE_COLUMN,
    ]
    .contains(&error.code())
    {
        Code::Duplicate
    } else if error.code() == &SqlState::INSUFFICIENT_PRIVILEGE {
        Code::Unprivileged
    } else {
        Code::Rejected
    };
    let place = verbatim.then(|| place(statement, error)).flatten();
    let label = match (missing, &place) {
        (true, Some(_)) => "not found",
        _ => "PostgreSQL rejects this",
    };
    let mut diagnostic = Diagnostic::error(code, quotes_to_backticks(error.message()))
        .at(
            &statement.file,
            place.clone().unwrap_or_else(|| statement.head()),
            label,
        )
        .note(format!("in `{}`", statement.description()));
    if let Some(detail) = error.detail() {
        diagnostic = diagnostic.note(detail);
    }
    // Other mistakes than those of the grammar have this code, too.
    if error.code() == &SqlState::SYNTAX_ERROR && error.message().starts_with("syntax error") {
        return diagnostic
            .note("newer versions of PostgreSQL read it, this one doesn't")
            .help("write it as this version wants it, or plan for a server of the version that it is meant for");
    }
    if error.code() == &SqlState::INSUFFICIENT_PRIVILEGE {
        let why = refused.as_deref().unwrap_or(ORDINARY);
        return diagnostic.note(why).help(
            "remove what needs more privileges; do it where the server is set up, or in a step of a plan",
        );
    }
    let suggestion = missing
        .then(|| help(statements, statement, error, place.as_ref()))
        .flatten();
    match suggestion.or_else(|| error.hint().map(str::to_owned)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// What to say of a character that the database's encoding hasn't.
fn unstorable(statement: &Statement, error: &DbError) -> Option<Diagnostic> {
    if error.code() != &SqlState::UNTRANSLATABLE_CHARACTER {
        return None;
    }
    let c = untranslatable(error.message())?;
    let sql = statement.sql();
    // The server reads no characters of comments.
    let place = source::with_plain_comments(Cow::Borrowed(&sql))
        .chars()
        .position(|other| other == c)?;
    let at = statement.file_offset(source::byte_of_character(&sql, place + 1));
    // The message names both encodings, this one last.
    let encoding = error.message().rsplit('"').nth(1).unwrap_or("another one");
    Some(
        Diagnostic::error(
            Code::Rejected,
            format!("the database can't store `{c}`: its encoding is {encoding}"),
        )
        .at(&statement.file, at..at + c.len_utf8(), "this character")
        .note(format!("in `{}`", statement.description()))
        .help(format!(
            "write it with characters that {encoding} has, or move to a database with UTF8"
        )),
    )
}

/// The character whose bytes a message names: `byte sequence 0xe2 0x82 0xac in encoding …`.
fn untranslatable(message: &str) -> Option<char> {
    let bytes = message
        .split_whitespace()
        .filter_map(|word| u8::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let text = String::from_utf8(bytes.collect()).ok()?;
    text.chars().next()
}

/// The bytes of the file that the server's error points at: in the statement's text, or in a function's body.
fn place(statement: &Statement, error: &DbError) -> Option<Range<usize>> {
    let at = match error.position()? {
        ErrorPosition::Original(position) => {
            let at = source::byte_of_character(&statement.sql(), *position as usize);
            statement.file_offset(at)
        }
        ErrorPosition::Internal { position, query } => {
            body_place(statement, query, *position as usize)?
        }
    };
    Some(source::name_at(&statement.file.text, at))
}

/// The byte of the file for a character of a function's body, if `query` is the body that the statement gives.
pub(super) fn body_place(statement: &Statement, query: &str, position: usize) -> Option<usize> {
    (statement.body()? == query).then_some(())?;
    statement.body_offset(source::byte_of_character(query, position))
}

/// PostgreSQL quotes names with ", forge with backticks.
pub(super) fn quotes_to_backticks(message: &str) -> String {
    message.replace('"', "`")
}

/// What to do about something that isn't there: a name that is much like it, an extension that has it, or a declaration.
fn help(
    statements: &[&Statement],
    statement: &Statement,
    error: &DbError,
    place: Option<&Range<usize>>,
) -> Option<String> {
    let name = missing_name(error.message())?;
    if error.message().starts_with("role ") {
        return Some(format!(
            "create the role `{name}` in the cluster; roles are not part of a schema tree"
        ));
    }
    if let Some((_, extension)) = WELL_KNOWN.iter().find(|(known, _)| *known == name) {
        return Some(format!(
            "declare the extension that has it: CREATE EXTENSION \"{extension}\""
        ));
    }
    if let Some(similar) = similar(statements, error.code(), &name) {
        return Some(format!("did you mean `{similar}`?"));
    }
    if error.code() == &SqlState::UNDEFINED_COLUMN {
        return Some("add the column to what it is taken from, or correct its name".to_owned());
    }
    if name.contains('.') || statement.session.search_path.len() != 1 || place.is_none() {
        return Some("declare it in the schema tree".to_owned());
    }
    let path = &statement.session.search_path[0];
    Some(format!(
        "declare it in the schema tree, or qualify it with its schema; names without one are looked up in `{path}`"
    ))
}

/// Names that belong to extensions which trees often forget to declare.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("citext", "citext"),
    ("crypt", "pgcrypto"),
    ("digest", "pgcrypto"),
    ("gen_random_bytes", "pgcrypto"),
    ("gen_salt", "pgcrypto"),
    ("geography", "postgis"),
    ("geometry", "postgis"),
    ("gin_trgm_ops", "pg_trgm"),
    ("gist_trgm_ops", "pg_trgm"),
    ("hmac", "pgcrypto"),
    ("hstore", "hstore"),
    ("ltree", "ltree"),
    ("similarity", "pg_trgm"),
    ("unaccent", "unaccent"),
    ("uuid_generate_v1", "uuid-ossp"),
    ("uuid_generate_v4", "uuid-ossp"),
    ("vector", "vector"),
];

/// The name in a message such as `relation "app.users" does not exist` or `function f(integer) does not exist`.
fn missing_name(message: &str) -> Option<String> {
    if let Some((_, rest)) = message.split_once('"') {
        return rest.split_once('"').map(|(name, _)| name.to_owned());
    }
    let (_, rest) = message.split_once(' ')?;
    let name = rest.split(['(', ' ']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// A name of the tree that is much like the missing one.
fn similar(statements: &[&Statement], code: &SqlState, name: &str) -> Option<String> {
    let wanted = |symbol: &Symbol| {
        if code == &SqlState::UNDEFINED_TABLE {
            symbol.namespace() == Namespace::Relation
        } else if code == &SqlState::UNDEFINED_FUNCTION {
            symbol.namespace() == Namespace::Routine
        } else if code == &SqlState::UNDEFINED_COLUMN {
            symbol.namespace() == Namespace::Column
        } else if code == &SqlState::INVALID_SCHEMA_NAME {
            symbol.namespace() == Namespace::Schema
        } else {
            !matches!(symbol.namespace(), Namespace::Column | Namespace::Key)
        }
    };
    let symbols = || {
        statements
            .iter()
            .flat_map(|statement| statement.symbols())
            .filter(|symbol| wanted(symbol))
    };
    let (schema, bare) = name
        .rsplit_once('.')
        .map_or((None, name), |(schema, bare)| (Some(schema), bare));
    // The very name in another schema is the likeliest slip of all.
    if let Some(elsewhere) =
        symbols().find(|symbol| symbol.member.is_none() && symbol.name.as_str() == bare)
    {
        return Some(elsewhere.dotted());
    }
    let names: Vec<&str> = symbols()
        .map(|symbol| symbol.member.as_ref().unwrap_or(&symbol.name).as_str())
        .collect();
    let found = closest(bare, names)?;
    Some(schema.map_or_else(|| found.to_owned(), |schema| format!("{schema}.{found}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untranslatable_characters_are_read_from_messages() {
        let message = "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"";
        assert_eq!(untranslatable(message), Some('€'));
        assert_eq!(untranslatable("no such thing"), None);
    }

    #[test]
    fn missing_names_are_read_from_messages() {
        fn check(message: &str, name: Option<&str>) {
            assert_eq!(missing_name(message).as_deref(), name);
        }
        check("relation \"app.users\" does not exist", Some("app.users"));
        check(
            "function app.f(integer, text) does not exist",
            Some("app.f"),
        );
        check("column u.nme does not exist", Some("u.nme"));
        check("type \"citext\" does not exist", Some("citext"));
        check("trouble", None);
    }
}
