//! Lines that are meant for psql, such as pg_dump's `\restrict`.

use std::{borrow::Cow, ops::Range, sync::Arc};

use super::tokens;
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// The file's text with harmless psql lines blanked out, so that every position stays what it was.
pub(super) fn mask(file: &Arc<SourceFile>) -> Result<Cow<'_, str>> {
    let mut masked = Cow::Borrowed(file.text.as_str());
    for line in backslash_lines(&file.text) {
        // A backslash inside a literal, a quoted name or a comment isn't psql's: what precedes it doesn't scan by itself then.
        if tokens::scan(&masked[..line.start]).is_err() {
            continue;
        }
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

/// The lines that start with a backslash.
fn backslash_lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let at = start;
        start += line.len();
        line.starts_with('\\')
            .then(|| at..at + line.trim_end().len())
    })
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
