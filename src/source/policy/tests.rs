use std::sync::Arc;

use crate::{
    diagnostic::{Code, Result, SourceFile},
    source::{Statement, Tree},
};

fn parse(sql: &str) -> Result<Vec<Statement>> {
    let file = SourceFile {
        path: "a.sql".into(),
        text: sql.to_owned(),
    };
    Tree {
        files: vec![Arc::new(file)],
    }
    .parse()
}

#[test]
fn what_is_no_schema_is_refused() {
    fn check(sql: &str, code: Code, message: &str) {
        let problem = parse(sql).unwrap_err();
        assert_eq!((problem.code(), problem.message()), (code, message));
        assert!(
            problem.help_text().is_some() && !problem.notes().is_empty(),
            "{sql}"
        );
    }
    let not_schema = Code::NotSchema;
    check(
        "INSERT INTO t VALUES (1)",
        not_schema,
        "`INSERT INTO t VALUES` is about rows, not about the schema",
    );
    check(
        "UPDATE t SET a = 1",
        not_schema,
        "`UPDATE t SET a` is about rows, not about the schema",
    );
    check(
        "DELETE FROM t",
        not_schema,
        "`DELETE FROM t` is about rows, not about the schema",
    );
    check(
        "TRUNCATE t",
        not_schema,
        "`TRUNCATE t` is about rows, not about the schema",
    );
    check(
        "COPY t FROM '/tmp/x'",
        not_schema,
        "`COPY t FROM` is about rows, not about the schema",
    );
    check(
        "SELECT a FROM t",
        not_schema,
        "`SELECT a FROM t` is about rows, not about the schema",
    );
    check(
        "CALL p()",
        not_schema,
        "`CALL p` is about rows, not about the schema",
    );
    check("ROLLBACK", not_schema, "`ROLLBACK` controls a transaction");
    check(
        "DO $$ BEGIN IF true THEN INSERT INTO t VALUES (1); END IF; END $$",
        not_schema,
        "`DO` is about rows, not about the schema",
    );
    check(
        "CREATE TABLE t AS SELECT 1",
        not_schema,
        "`CREATE TABLE t` takes its columns and rows from a query",
    );
    check(
        "SELECT 1 INTO t",
        not_schema,
        "`SELECT 1 INTO t` takes its columns and rows from a query",
    );
    check(
        "CREATE TEMP TABLE t ()",
        not_schema,
        "`CREATE TEMP TABLE t` is temporary",
    );
    check(
        "CREATE DATABASE d",
        not_schema,
        "`CREATE DATABASE d` is about a whole database",
    );
    check(
        "VACUUM t",
        not_schema,
        "`VACUUM t` is maintenance, not schema",
    );
    check(
        "CLUSTER t USING i",
        not_schema,
        "`CLUSTER t USING i` is maintenance, not schema",
    );
    check("LISTEN x", not_schema, "`LISTEN x` declares nothing");
    check(
        "SET ROLE app",
        not_schema,
        "`SET ROLE app` changes a setting that a file of the tree can't change",
    );
    let unsafe_statement = Code::UnsafeStatement;
    check(
        "COPY t TO PROGRAM 'sh'",
        unsafe_statement,
        "`COPY t TO PROGRAM` would run a program on the server's machine",
    );
    check(
        "ALTER SYSTEM SET work_mem = 1",
        unsafe_statement,
        "`ALTER SYSTEM SET work_mem` would change the server's configuration",
    );
    check(
        "LOAD 'x'",
        unsafe_statement,
        "`LOAD` would load a library into the server",
    );
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/x.so', 'f'",
        unsafe_statement,
        "`CREATE FUNCTION f` loads a library from outside the server's own folder",
    );
    check(
        "DROP SUBSCRIPTION s",
        unsafe_statement,
        "`DROP SUBSCRIPTION s` would connect to another server",
    );
}

#[test]
fn what_belongs_to_the_cluster_is_left_out_with_a_warning() {
    fn check(sql: &str, warned: bool) {
        let statements = parse(sql).unwrap();
        assert!(!statements[0].is_loaded(), "{sql}");
        assert_eq!(
            !crate::source::warnings(&statements).is_empty(),
            warned,
            "{sql}"
        );
    }
    check("CREATE ROLE app", true);
    check("GRANT a TO b", true);
    check("COMMENT ON DATABASE d IS 'x'", true);
    check("GRANT CONNECT ON DATABASE d TO r", true);
    check("SELECT pg_catalog.setval('s', 1)", true);
    check(
        "SELECT pg_catalog.set_config('search_path', '', false)",
        false,
    );
    check("SELECT nextval('s')", true);
    check(
        "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)",
        true,
    );
    check("ALTER SUBSCRIPTION s OWNER TO app", true);
    check("COMMENT ON SUBSCRIPTION s IS 'x'", true);
    check("SET statement_timeout = 0", false);
    check("BEGIN", false);
    check("START TRANSACTION", false);
    check("COMMIT", false);
    check("END", false);
}

#[test]
fn what_is_loaded_runs_no_query_and_meets_nothing() {
    fn check(sql: &str, loaded: &str) {
        let statements = parse(sql).unwrap();
        let statement = &statements[0];
        assert_eq!(statement.sql(), loaded);
        // Every byte that stays comes from where it stood.
        if let Some(at) = loaded.find("v1") {
            assert_eq!(statement.file_offset(at), sql.find("v1").unwrap());
        }
    }
    check("CREATE TABLE v1 ();", "CREATE TABLE v1 ()");
    check(
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 -- x",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1\nWITH NO DATA",
    );
    check(
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 WITH DATA",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 WITH NO DATA",
    );
    check(
        "CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA",
    );
    check(
        "CREATE INDEX CONCURRENTLY ON v1 (a)",
        "CREATE INDEX  ON v1 (a)",
    );
    check("CREATE SCHEMA public", "CREATE SCHEMA IF NOT EXISTS public");
    check(
        "CREATE EXTENSION plpgsql",
        "CREATE EXTENSION IF NOT EXISTS plpgsql",
    );
}

#[test]
fn programs_are_loaded() {
    fn check(sql: &str, defined: &[&str], needed: &[&str]) {
        let statements = parse(sql).unwrap();
        let [statement] = statements.as_slice() else {
            panic!("{sql}")
        };
        assert!(statement.is_loaded() && statement.is_program(), "{sql}");
        let symbols: Vec<String> = statement.symbols().map(ToString::to_string).collect();
        let references: Vec<String> = statement.needs.iter().map(ToString::to_string).collect();
        for name in defined {
            assert!(symbols.iter().any(|found| found == name), "{symbols:?}");
        }
        for name in needed {
            assert!(
                references.iter().any(|found| found == name),
                "{references:?}"
            );
        }
    }
    check("SELECT app.f('t', 1)", &[], &["app.f"]);
    check("SELECT f(), g()", &[], &["f", "g"]);
    check("SELECT * FROM f(1)", &[], &["f"]);
    check(
        "DO $$ BEGIN CREATE TYPE app.kind AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        &["app.kind"],
        &["app"],
    );
    check(
        "DO $$ BEGIN IF true THEN ALTER TABLE t ADD c app.kind; END IF; END $$",
        &["public.t.c"],
        &["t", "app.kind"],
    );
}
