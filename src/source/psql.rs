//! What psql makes of SQL text: lines that are meant for it, such as pg_dump's `\restrict`, and its variables.

use std::{borrow::Cow, sync::Arc};

use pg_query::protobuf::Token;

use super::{
    lexer::{Lexeme, Lexer},
    tokens,
};
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// The file's text with harmless psql lines blanked out, so that every position stays what it was.
pub(super) fn mask(file: &Arc<SourceFile>) -> Result<Cow<'_, str>> {
    let mut masked = Cow::Borrowed(file.text.as_str());
    // A backslash inside a literal, a quoted name or a comment isn't psql's.
    let commands = Lexer::for_psql(&file.text).filter(|(lexeme, _)| *lexeme == Lexeme::Command);
    for (_, line) in commands {
        let line = line.start..line.start + file.text[line.clone()].trim_end().len();
        let words = &file.text[line.clone()];
        match words.split_whitespace().next().unwrap_or(words) {
            "\\restrict" | "\\unrestrict" => masked
                .to_mut()
                .replace_range(line.clone(), &" ".repeat(line.len())),
            "\\." => {
                return Err(Diagnostic::error(Code::NotSchema, "the file holds rows, not only schema")
                    .at(file, line, "the end of a COPY's rows")
                    .note("a schema tree declares what the database looks like; rows come from the application or from a plan")
                    .help("dump with `pg_dump --schema-only`"));
            }
            command => {
                return Err(Diagnostic::error(
                    Code::NotSchema,
                    format!("`{command}` is a command of psql, not SQL"),
                )
                .at(file, line, "forge reads SQL only")
                .help(match command {
                    "\\i" | "\\ir" | "\\include" => {
                        "remove it; forge reads every *.sql file of the tree by itself"
                    }
                    "\\c" | "\\connect" => "remove it; forge.toml names the database",
                    _ => "remove the line",
                }));
            }
        }
    }
    Ok(masked)
}

/// The same statement with a space behind each colon that psql would take for the beginning of a variable's name: the slice
/// `a[1:n]` as PostgreSQL prints it is `a[1: n]` then. Text that does not scan stays as it is.
pub fn without_variables(sql: String) -> String {
    let begins = |next: char| {
        next.is_alphanumeric() || matches!(next, '_' | '"' | '\'' | '{') || !next.is_ascii()
    };
    let mut colons = sql.match_indices(':');
    if !colons.any(|(at, _)| sql[at + 1..].starts_with(begins)) {
        return sql;
    }
    let Ok(scanned) = tokens::scan(&sql) else {
        return sql;
    };
    let mut spaced = sql;
    for token in scanned
        .iter()
        .rev()
        .filter(|token| token.token() == Token::Ascii58)
    {
        let end = tokens::bounds(token).end;
        if spaced[end..].starts_with(begins) {
            spaced.insert(end, ' ');
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile {
            path: "a.sql".into(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn colons_are_no_variables() {
        fn check(sql: &str, expected: &str) {
            assert_eq!(without_variables(sql.to_owned()), expected);
        }
        check("SELECT a[1:n], b[:\"Up\"]", "SELECT a[1: n], b[: \"Up\"]");
        check(
            "SELECT ':x', \":x\", $$:x$$, a::text, a[1:2]",
            "SELECT ':x', \":x\", $$:x$$, a::text, a[1: 2]",
        );
        check(
            "SELECT a[1:], f(b := c) -- :x",
            "SELECT a[1:], f(b := c) -- :x",
        );
        check("SELECT 'unfinished :x", "SELECT 'unfinished :x");
    }

    #[test]
    fn harmless_lines_become_blank() {
        fn check(text: &str, masked: &str) {
            assert_eq!(mask(&file(text)).unwrap(), masked);
        }
        check(
            "\\restrict xY\nSELECT 1;\n\\unrestrict xY\n",
            "            \nSELECT 1;\n              \n",
        );
        check("SELECT '\n\\x';", "SELECT '\n\\x';");
        check("/*\n\\x */", "/*\n\\x */");
        check("SELECT $$\n\\x\n$$;", "SELECT $$\n\\x\n$$;");
    }

    #[test]
    fn other_lines_are_refused() {
        fn check(text: &str, message: &str) {
            assert_eq!(mask(&file(text)).unwrap_err().message(), message);
        }
        check(
            "\\connect app\n",
            "`\\connect` is a command of psql, not SQL",
        );
        check(
            "SELECT 1;\n\\i x.sql\n",
            "`\\i` is a command of psql, not SQL",
        );
        check(
            "COPY t FROM stdin;\n1\tx\n\\.\n",
            "the file holds rows, not only schema",
        );
    }
}
