//! What only one place may do.

use crate::sources::{has_word, hold, only_below, source, sources};

#[test]
fn only_source_parses_sql() {
    hold(
        "only `source` sees the parsers: what SQL means is PostgreSQL's to say",
        only_below(&["src/source"], &["pg_query", "sqlparser"]),
        &[(
            "src/report/sql.rs",
            "use sqlparser",
            "it paints tokens; the next test holds it to that",
        )],
    );
}

#[test]
fn the_reporter_only_tokenizes() {
    let breaches = source("src/report/sql.rs").breaches(|line| {
        ["parser::", "ast::", "Parser"].iter().any(|part| {
            line.split("sqlparser")
                .skip(1)
                .any(|rest| rest.contains(part))
        }) || has_word(line, "Parser")
    });
    hold(
        "`report/sql.rs` may take tokens from sqlparser and nothing else",
        breaches,
        &[],
    );
}

#[test]
fn only_server_and_apply_hold_a_client() {
    let rows = "a model is made of a row; it holds no client";
    hold(
        "only `server` and `apply` talk to PostgreSQL; others hold a `Session`",
        only_below(
            &["src/server", "src/apply"],
            &["tokio_postgres", "postgres_types"],
        ),
        &[
            (
                "src/catalog/introspect.rs",
                "use tokio_postgres::Row;",
                rows,
            ),
            ("src/catalog/row.rs", "use tokio_postgres::{", rows),
            ("src/catalog/row.rs", "tokio_postgres::types::Json", rows),
        ],
    );
    let clients = only_below(
        &["src/server", "src/apply"],
        &["Client", "client()", "client_mut()"],
    );
    hold(
        "only `server` and `apply` use a client",
        clients,
        &[
            (
                "src/history/store.rs",
                ".client()",
                "the journal stands in the database that it is about",
            ),
            (
                "src/history/backfill.rs",
                ".client()",
                "so does how far its steps in batches have come",
            ),
            (
                "src/history/running.rs",
                ".client()",
                "so does which process carries a run out",
            ),
        ],
    );
}

#[test]
fn only_report_prints() {
    let words = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "io::stdout",
        "io::stderr",
        "anstream",
        "owo_colors",
        "indicatif",
    ];
    let printing = only_below(&["src/report"], &words);
    hold("only `report` prints", printing, &[]);
}

#[test]
fn only_sql_writes_comments() {
    // A name in a comment could end the line, and what follows would be run.
    let begins = |line: &str| {
        line.match_indices('"').any(|(at, _)| {
            let text = line[at + 1..].trim_start_matches("\\n");
            let literal = text.split('"').next().unwrap_or_default();
            literal == "-- " || (literal.starts_with("-- ") && literal.contains('{'))
        })
    };
    let outside = sources()
        .into_iter()
        .filter(|source| !source.is_below(&["src/sql"]));
    let made_up = "a plan that unit tests make up";
    hold(
        "only `sql::comment` writes comments with something in them",
        outside.flat_map(|source| source.breaches(begins)).collect(),
        &[
            ("src/history/graph.rs", "-- forge:down_revision", made_up),
            ("src/history/graph.rs", "-- forge:format", made_up),
        ],
    );
    hold(
        "only `sql` makes hidden characters visible",
        only_below(
            &["src/sql", "src/report/screen.rs"],
            &[
                "is_hidden",
                "is_control",
                "escape_debug",
                "escape_default",
                "escape_unicode",
            ],
        ),
        &[],
    );
}

#[test]
fn only_sql_quotes() {
    let quotes = [
        r#"\""#,
        r#"'"'"#,
        r#""''""#,
        r"'\''",
        "quote_ident",
        "quote_literal",
    ];
    let kinds = sources().into_iter().filter(|source| {
        source.is_below(&[
            "src/kinds",
            "src/plan",
            "src/diff.rs",
            "src/catalog",
            "src/apply",
        ])
    });
    let breaches = kinds
        .flat_map(|source| source.breaches(|line| quotes.iter().any(|quote| line.contains(quote))))
        .collect();
    let reads = "it reads what `Ident` wrote; what it writes goes through `Ident`";
    hold(
        "only `sql` quotes",
        breaches,
        &[
            ("src/kinds/id.rs", "'\"'", reads),
            (
                "src/kinds/column/cast.rs",
                r#""\"char\"""#,
                "the type is called that, and `format_type` quotes it",
            ),
            (
                "src/apply/leftovers.rs",
                "matches!(c, '_' | '$' | '\"')",
                "it looks for a whole name in a statement",
            ),
        ],
    );
}

#[test]
fn only_files_opens_what_the_repository_names() {
    let words = [
        "fs_err",
        "fs::",
        "File::",
        "OpenOptions",
        "read_dir_utf8",
        "read_to_string",
    ];
    let server = "src/server";
    let outside = "it is a path of the machine or of the cache, and none of the repository";
    hold(
        "only `files` reads and writes the project's files: links, FIFOs and devices are judged in one place",
        only_below(&["src/files.rs", server], &words),
        &[
            ("src/conclusions.rs", "fs_err::", outside),
            ("src/cli/person.rs", "/proc/sys/kernel/hostname", outside),
            (
                "src/hooks/backup.rs",
                "fs_err::",
                "it looks whether a command has left something, and opens no file",
            ),
        ],
    );
}
