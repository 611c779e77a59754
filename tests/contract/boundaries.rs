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

/// The rooms that talk to PostgreSQL.
const TALKING: &[&str] = &[
    "src/connection",
    "src/introspect",
    "src/shadow",
    "src/build",
    "src/apply",
];

#[test]
fn only_some_rooms_hold_a_client() {
    hold(
        "only `connection`, `introspect`, `shadow`, `build` and `apply` talk to PostgreSQL; others hold a `Session`",
        only_below(TALKING, &["tokio_postgres", "postgres_types"]),
        &[],
    );
    let clients = only_below(TALKING, &["Client", "client()", "client_mut()"]);
    hold(
        "only they use a client",
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

/// The server takes several statements in one message only of the simple protocol. What the tree or a plan says is never sent
/// so: under settings that its own code has made, the server could read two statements where the parser has read one.
#[test]
fn only_commands_of_forges_own_are_sent_as_scripts() {
    let words = ["batch_execute", "simple_query", "simple_query_raw"];
    let own = "it says what stands here, and no text of the tree or of a plan";
    let names = "forge quotes the names in it, and says the rest";
    hold(
        "text of the tree and of plans is sent by `execute_typed`, as exactly one statement",
        only_below(&[], &words),
        &[
            ("src/apply/backfill/mod.rs", "\"ROLLBACK\"", own),
            ("src/apply/backfill/mod.rs", "&begin", own),
            ("src/apply/commit.rs", "\"COMMIT\"", own),
            ("src/apply/kept.rs", "&lock", names),
            ("src/apply/kept.rs", ".batch_execute(&comment)", names),
            ("src/apply/leftovers.rs", "DROP INDEX CONCURRENTLY", names),
            (
                "src/apply/runner.rs",
                ".batch_execute(sql)",
                "`plain` is for commands of forge's own",
            ),
            ("src/history/store.rs", "&create", own),
            ("src/history/store.rs", "\"ROLLBACK\"", own),
            ("src/connection/open.rs", "client.simple_query(&query)", own),
            ("src/connection/open.rs", "client.simple_query(&watch)", own),
            (
                "src/connection/open.rs",
                "client.simple_query(&keepalive)",
                own,
            ),
            ("src/connection/role.rs", "SET ROLE", names),
            ("src/connection/pooler.rs", "(PROCESS)", own),
            ("src/connection/pooler.rs", "\"BEGIN\"", own),
            ("src/connection/pooler.rs", "\"ROLLBACK\"", own),
            ("src/connection/open.rs", "simple_query(&query)", own),
            ("src/connection/open.rs", "setup::watch_query", own),
            ("src/connection/session.rs", "setup::READ_AS_PARSED", own),
            ("src/connection/session.rs", "\"ROLLBACK\"", own),
            ("src/connection/session.rs", "DISCARD ALL", own),
            ("src/shadow/admin.rs", ".batch_execute(statements)", names),
            ("src/build/elevation.rs", "RESET", own),
            ("src/build/elevation.rs", "(begin)", names),
            ("src/shadow/guest.rs", "DROP ROLE", names),
            ("src/build/tree_session.rs", "(reset)", own),
            ("src/build/tree_session.rs", "(command)", names),
            ("src/build/tree_session.rs", "(commands)", names),
            ("src/build/tree_session.rs", "SAVEPOINT", own),
            ("src/connection/snapshot.rs", "BEGIN ISOLATION LEVEL", own),
            ("src/connection/snapshot.rs", "\"COMMIT\"", own),
            (
                "src/connection/snapshot.rs",
                ".batch_execute(script)",
                "`Session::run`, whose callers the next test knows",
            ),
        ],
    );
}

#[test]
fn sessions_run_no_text_of_the_tree() {
    let runs = |line: &str| line.contains("session.run(") || line.contains("session().run(");
    let breaches = sources();
    let breaches = breaches.iter().flat_map(|source| source.breaches(runs));
    let settings = "what each plan begins with is forge's own";
    let own = "it is forge's own";
    hold(
        "`Session::run` is for scripts of forge's own; `Session::run_all` sends statements one by one",
        breaches.collect(),
        &[
            ("src/apply/sync.rs", "SETTINGS", settings),
            ("src/workbench/rebuild.rs", "SETTINGS", settings),
            ("src/workbench/walk.rs", "SETTINGS", settings),
            ("src/workbench/replay.rs", "SETTINGS", settings),
            ("src/cli/up.rs", "forget", own),
            ("src/history/stamp.rs", "\"BEGIN\"", own),
            ("src/history/stamp.rs", "\"COMMIT\"", own),
            ("src/history/stamp.rs", "\"ROLLBACK\"", own),
            ("src/build/tree_session.rs", "RESET", own),
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
            ("src/kinds/breakage.rs", "'\"'", reads),
            (
                "src/kinds/casting/types.rs",
                r#""\"char\"""#,
                "the type is called that, and `format_type` quotes it",
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
    let outside = "it is a path of the machine or of the cache, and none of the repository";
    hold(
        "only `files` reads and writes the project's files: links, FIFOs and devices are judged in one place",
        only_below(&["src/files.rs", "src/connection", "src/shadow"], &words),
        &[
            ("src/conclusions.rs", "fs_err::", outside),
            (
                "src/commands/person.rs",
                "/proc/sys/kernel/hostname",
                outside,
            ),
            (
                "src/hooks/backup.rs",
                "fs_err::",
                "it looks whether a command has left something, and opens no file",
            ),
        ],
    );
}
