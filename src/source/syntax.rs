//! Parses SQL as any supported server does, and says what is wrong with it.

use std::{ffi::c_int, sync::Arc};

use pg_query::protobuf::ParseResult;
use serde_json::Value;

use super::{
    dialect,
    grammar::{SyntaxError, parse_once},
    lexer,
    newer_words::Reading,
    places::word_at,
};
use crate::diagnostic::{Code, Diagnostic, SourceFile};

impl SyntaxError {
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
