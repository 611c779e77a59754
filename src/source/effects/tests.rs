//! What single statements are said to do.

use super::*;

#[track_caller]
fn check(sql: &str, expected: &[&str]) {
    // What breaks the application is tested with its table.
    let effects = effects(sql).into_iter();
    let found: Vec<String> = effects
        .filter(|effect| effect.harm != Harm::Breaks)
        .map(|Effect { harm, how, .. }| {
            let what = how.trim_start_matches("runs ").trim_start_matches("calls ");
            let what = what.trim_start_matches("until ").trim_end_matches(" ends");
            let harm = match harm {
                Harm::Deletes | Harm::Cascades => "deletes",
                Harm::Changes => "changes",
                Harm::Calls => "calls",
                Harm::Runs => "unknown",
                Harm::PassesOn => "passes on",
                Harm::BlocksReads => "blocks reads",
                Harm::BlocksWrites => "blocks writes",
                Harm::Breaks => "breaks",
                Harm::Rewrites => "rewrites",
            };
            format!("{harm} {what}")
        })
        .collect();
    assert_eq!(found, expected, "{sql}");
}

#[test]
fn statements_that_lock_and_rewrite() {
    let anew = |verb: &str| [format!("blocks reads {verb}"), format!("rewrites {verb}")];
    for (sql, verb) in [
        ("VACUUM FULL app.t", "VACUUM FULL"),
        ("VACUUM (FULL, ANALYZE) app.t", "VACUUM FULL"),
        ("VACUUM (FULL on) app.t", "VACUUM FULL"),
        ("CLUSTER app.t USING i", "CLUSTER"),
        ("REINDEX TABLE app.t", "REINDEX"),
        ("REINDEX INDEX app.i", "REINDEX"),
        ("REINDEX (CONCURRENTLY false) INDEX app.i", "REINDEX"),
    ] {
        check(sql, &anew(verb).each_ref().map(String::as_str));
    }
    for harmless in [
        "VACUUM app.t",
        "VACUUM (ANALYZE) app.t",
        "VACUUM (FULL false) app.t",
        "VACUUM (FULL off) app.t",
        "VACUUM (FULL 0) app.t",
        "REINDEX TABLE CONCURRENTLY app.t",
        "REINDEX (CONCURRENTLY) INDEX app.i",
        "LOCK TABLE app.t IN ROW EXCLUSIVE MODE",
        "LOCK TABLE app.t IN SHARE UPDATE EXCLUSIVE MODE",
    ] {
        check(harmless, &[]);
    }
    check("LOCK TABLE app.t", &["blocks reads LOCK TABLE"]);
    check(
        "LOCK TABLE app.t IN SHARE MODE",
        &["blocks writes LOCK TABLE"],
    );
    check(
        "LOCK TABLE app.t IN EXCLUSIVE MODE",
        &["blocks writes LOCK TABLE"],
    );
    check(
        "REFRESH MATERIALIZED VIEW CONCURRENTLY app.m",
        &["unknown REFRESH MATERIALIZED VIEW, which runs the view's query"],
    );
}

#[test]
fn statements_that_write_rows() {
    check("DELETE FROM app.t WHERE id = 1", &["deletes DELETE"]);
    check(
        "WITH d AS (DELETE FROM app.t RETURNING 1) SELECT 1 FROM d",
        &["deletes DELETE"],
    );
    check("EXPLAIN ANALYZE DELETE FROM app.t", &["deletes DELETE"]);
    check(
        "EXPLAIN (ANALYZE) UPDATE app.t SET a = NULL",
        &["changes UPDATE"],
    );
    check("PREPARE p AS DELETE FROM app.t", &["deletes DELETE"]);
    check("EXECUTE p", &["unknown EXECUTE"]);
    check("EXPLAIN ANALYZE EXECUTE p", &["unknown EXECUTE"]);
    check("CREATE TABLE app.n AS EXECUTE p", &["unknown EXECUTE"]);
    check("UPDATE app.t SET a = NULL", &["changes UPDATE"]);
    check(
        "INSERT INTO app.t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
        &["changes INSERT"],
    );
    check(
        "INSERT INTO app.t SELECT lower(a) FROM app.n",
        &["changes INSERT"],
    );
    check(
        "MERGE INTO app.t USING app.n ON true WHEN MATCHED THEN DELETE",
        &["deletes MERGE"],
    );
    check("TRUNCATE app.t", &["deletes TRUNCATE"]);
    for sql in [
        "ALTER TABLE app.t ALTER a TYPE text USING ''",
        "ALTER TABLE app.t ALTER a TYPE date",
    ] {
        check(sql, &["changes ALTER COLUMN … TYPE"]);
    }
    check(
        "ALTER SEQUENCE app.s RESTART",
        &["changes ALTER SEQUENCE … RESTART"],
    );
    check(
        "ALTER SEQUENCE app.s INCREMENT 2 RESTART WITH 7",
        &["changes ALTER SEQUENCE … RESTART"],
    );
    check("ALTER SEQUENCE app.s INCREMENT 2", &[]);
    check(
        "ALTER TABLE app.t ALTER a RESTART WITH 1",
        &["changes ALTER COLUMN … RESTART"],
    );
    check("DROP SEQUENCE app.s", &["deletes DROP SEQUENCE"]);
    check("COPY app.t FROM '/tmp/x'", &["changes COPY"]);
    check("COPY app.t TO PROGRAM 'sh'", &["unknown COPY … PROGRAM"]);
    check(
        "COPY (DELETE FROM app.t RETURNING 1) TO '/tmp/x'",
        &["deletes DELETE", "unknown COPY … TO"],
    );
    check("DROP TABLE app.t", &["deletes DROP TABLE"]);
    check("DROP TYPE app.t CASCADE", &["deletes DROP … CASCADE"]);
    check("DROP EXTENSION pg_partman", &["deletes DROP EXTENSION"]);
    check("DROP OWNED BY me", &["deletes DROP OWNED"]);
    check(
        "ALTER TABLE app.t ADD a int, DROP COLUMN b",
        &["deletes DROP COLUMN"],
    );
    check(
        "ALTER TABLE app.t DROP CONSTRAINT c CASCADE",
        &["deletes DROP … CASCADE"],
    );
}

#[test]
fn statements_that_run_code() {
    check("DO 'BEGIN END'", &["unknown DO"]);
    check("CALL app.p()", &["unknown CALL"]);
    check("SELECT app.f()", &["calls app.f"]);
    check("SELECT 1 WHERE app.f() IS NULL", &["calls app.f"]);
    check("SELECT lo_unlink(1)", &["unknown the function lo_unlink"]);
    check(
        "SELECT pg_catalog.setval('app.s', 1)",
        &["unknown the function setval"],
    );
    check(
        "SELECT set_config('role', 'x', false)",
        &["unknown the function set_config"],
    );
    check(
        "SELECT query_to_xml('DELETE …', true, true, '')",
        &["unknown the function query_to_xml"],
    );
    check(
        "SELECT count(*) FROM app.v",
        &["unknown a query of app.v, which may be a view that calls functions"],
    );
    check(
        "SELECT * INTO app.n FROM app.v",
        &["unknown a query of app.v, which may be a view that calls functions"],
    );
    check(
        "TABLE app.v",
        &["unknown a query of app.v, which may be a view that calls functions"],
    );
    check("VALUES (app.f())", &["calls app.f"]);
    check("SELECT 1 OPERATOR(app.+) 1", &["calls app.+"]);
    check("SELECT 1 OPERATOR(app.=) ANY (SELECT 1)", &["calls app.="]);
    check(
        "SELECT 1 ORDER BY 1 USING OPERATOR(app.<)",
        &["calls app.<"],
    );
    check(
        "ALTER TABLE app.t ADD EXCLUDE USING gist (a WITH OPERATOR(app.&&), b WITH =)",
        &["calls app.&&"],
    );
    check("ANALYZE", &["unknown VACUUM or ANALYZE of every table"]);
    check(
        "VACUUM ANALYZE",
        &["unknown VACUUM or ANALYZE of every table"],
    );
    // A BRIN index of expressions is brought up to date.
    check("VACUUM", &["unknown VACUUM or ANALYZE of every table"]);
    check(
        "DECLARE c CURSOR WITH HOLD FOR SELECT app.f()",
        &["calls app.f"],
    );
    check(
        "FETCH ALL FROM c",
        &["unknown a statement of the kind FetchStmt"],
    );
    check(
        "UPDATE app.t SET a = app.f()",
        &["changes UPDATE", "calls app.f"],
    );
    check("CREATE TABLE app.n AS SELECT app.f()", &["calls app.f"]);
    check(
        "CREATE MATERIALIZED VIEW app.m AS SELECT app.f() FROM app.t",
        &["calls app.f"],
    );
    check(
        "CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (app.f())",
        &["calls app.f"],
    );
    check(
        "CREATE INDEX ON app.t (app.f(a)) WHERE app.g(a)",
        &["calls app.f", "calls app.g"],
    );
    check(
        "ALTER TABLE app.t ADD a int DEFAULT app.f()",
        &["calls app.f"],
    );
    check(
        "ALTER TABLE app.t ALTER a TYPE int USING app.f(a)",
        &["changes ALTER COLUMN … TYPE", "calls app.f"],
    );
    check(
        "ALTER TABLE app.t ADD CHECK (app.f(a)) NOT VALID",
        &["calls app.f"],
    );
    check(
        "ALTER DOMAIN app.d ADD CHECK (app.f(VALUE))",
        &["calls app.f"],
    );
    check(
        "ALTER ROLE postgres PASSWORD 'x'",
        &["unknown a statement of the kind AlterRoleStmt"],
    );
    check(
        "ALTER DATABASE app SET search_path = x",
        &["unknown a statement of the kind AlterDatabaseSetStmt"],
    );
    check("SET ROLE postgres", &["unknown SET role"]);
    check(
        "SET session_replication_role = replica",
        &["unknown SET session_replication_role"],
    );
    check("SET search_path = app", &["unknown SET search_path"]);
    check("RESET ALL", &["unknown SET "]);
    check("LOAD 'x'", &["unknown a statement of the kind LoadStmt"]);
    check(
        "ALTER SYSTEM SET x = 1",
        &["unknown a statement of the kind AlterSystemStmt"],
    );
    check(
        "REFRESH MATERIALIZED VIEW app.m",
        &[
            "unknown REFRESH MATERIALIZED VIEW, which runs the view's query",
            "blocks reads REFRESH MATERIALIZED VIEW",
            "rewrites REFRESH MATERIALIZED VIEW",
        ],
    );
    check(
        "CREATE EXTENSION IF NOT EXISTS hstore",
        &["unknown the script of the extension hstore"],
    );
    check(
        "ALTER EXTENSION hstore UPDATE",
        &["unknown the script of the extension hstore"],
    );
    check(
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        &["unknown a statement of the kind CreateSubscriptionStmt"],
    );
    check(
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.f()",
        &["unknown CREATE EVENT TRIGGER"],
    );
    check(
        "ROLLBACK",
        &["unknown a statement of the kind TransactionStmt"],
    );
    check("not SQL", &["unknown a statement that cannot be read"]);
}

#[test]
fn statements_that_are_known_to_be_harmless() {
    for sql in [
        "SELECT 1",
        "SELECT lower('A'), now(), coalesce(NULL, 1), CAST('1' AS int)",
        "SELECT oid FROM pg_catalog.pg_class",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "CREATE TABLE app.t (id int DEFAULT app.f(), CHECK (app.g(id)))",
        "CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (1)",
        "CREATE VIEW app.v AS SELECT app.f()",
        "CREATE FUNCTION app.f() RETURNS void LANGUAGE sql AS 'DELETE FROM app.t'",
        "CREATE RULE r AS ON INSERT TO app.t DO INSTEAD DELETE FROM app.n",
        "ALTER TABLE app.t ALTER a SET DEFAULT app.f()",
        "ALTER TABLE app.t ADD a int DEFAULT nextval('app.s'), ADD CHECK (a > 0)",
        "ALTER TABLE app.t VALIDATE CONSTRAINT c",
        "ALTER TABLE app.t DROP CONSTRAINT c",
        "CREATE INDEX CONCURRENTLY ON app.t (lower(a))",
        "DROP VIEW app.v",
        "DROP SCHEMA app",
        "SET LOCAL lock_timeout = '2s'",
        "ANALYZE app.t",
    ] {
        check(sql, &[]);
    }
}

/// What is allowed for each of the statements.
#[test]
fn effects_are_named_by_what_they_are_about() {
    fn check(sql: &str, expected: &[&str]) {
        let found = effects(sql).into_iter();
        let found = found.filter(|effect| effect.harm != Harm::Breaks);
        let found = found.map(|effect| effect.about);
        assert_eq!(found.collect::<Vec<_>>(), expected, "{sql}");
    }
    check("DELETE FROM app.t", &["app.t"]);
    check("TRUNCATE app.t, app.\"N\" CASCADE", &["app.\"N\"", "app.t"]);
    check(
        "ALTER TABLE app.t DROP a, DROP COLUMN b CASCADE",
        &["app.t.a", "app.t.b"],
    );
    check("ALTER TABLE app.t DROP CONSTRAINT c CASCADE", &["app.t.c"]);
    check("ALTER TABLE app.t ALTER a TYPE text", &["app.t.a"]);
    check("DROP TABLE app.t, app.n", &["app.n", "app.t"]);
    check("DROP VIEW app.v CASCADE", &["app.v"]);
    check("DROP FUNCTION app.f(int) CASCADE", &["app.f"]);
    check("DROP TYPE app.m CASCADE", &["app.m"]);
    check("DROP TRIGGER g ON app.t CASCADE", &["app.t.g"]);
    check("DROP SCHEMA app, other CASCADE", &["app", "other"]);
    check("DROP EXTENSION hstore", &["hstore"]);
    check("DROP OWNED BY me", &["DROP OWNED BY me"]);
    check("DROP DATABASE app", &["app"]);
    check("ALTER SEQUENCE app.s RESTART", &["app.s"]);
    check("COPY app.t FROM '/tmp/x'", &["app.t"]);
    check("CALL app.p()", &["app.p"]);
    check("SELECT app.f(app.g())", &["app.f", "app.g"]);
    check("SELECT 1 FROM app.v", &["app.v"]);
    check("DO 'BEGIN END'", &["DO"]);
    check("SET ROLE x", &["SET role"]);
    check("CREATE EXTENSION hstore", &["hstore"]);
    check("SELECT app.\"f.g\"()", &["app.\"f.g\""]);
    check("SELECT \"app.f\"()", &["\"app.f\""]);
    check("CALL app.\"P\"()", &["app.\"P\""]);
    check("SELECT 1 OPERATOR(\"A\".+) 1", &["\"A\".+"]);
    check("CREATE INDEX ON app.t (a app.ops)", &["app.ops"]);
    check(
        "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION app.f()",
        &["e"],
    );
    check("CREATE SERVER s FOREIGN DATA WRAPPER w", &["s"]);
    check("NOTIFY news", &["news"]);
}

/// Code that stands where one does not look for it.
#[test]
fn statements_that_run_hidden_code() {
    check(
        "COPY app.t FROM '/tmp/x' WHERE app.f(a)",
        &["changes COPY", "calls app.f"],
    );
    check(
        "COPY (SELECT app.f()) TO '/tmp/x'",
        &["calls app.f", "unknown COPY … TO"],
    );
    check("SELECT 1 LIMIT app.f()", &["calls app.f"]);
    check("EXECUTE p (app.f())", &["calls app.f", "unknown EXECUTE"]);
    check("CALL app.p(app.f())", &["calls app.f", "unknown CALL"]);
    check(
        "DELETE FROM app.t USING (SELECT 1 FROM pg_class TABLESAMPLE app.pick (1)) x",
        &["deletes DELETE", "calls app.pick"],
    );
    check(
        "DELETE FROM app.t USING pg_class TABLESAMPLE system (1)",
        &["deletes DELETE"],
    );
    check(
        "MERGE INTO app.t USING app.n ON app.f() WHEN MATCHED THEN UPDATE SET a = app.g()",
        &["deletes MERGE", "calls app.f", "calls app.g"],
    );
    check(
        "CREATE INDEX ON app.t (a app.ops)",
        &["unknown the operator class app.ops"],
    );
    check(
        "ALTER TABLE app.t ADD EXCLUDE USING gist (a app.ops WITH =)",
        &["unknown the operator class app.ops"],
    );
    check("CREATE INDEX ON app.t (a text_pattern_ops)", &[]);
    check(
        "CREATE FUNCTION app.f() RETURNS int LANGUAGE plperl AS 'BEGIN {}'",
        &["unknown what the language plperl does with a new function"],
    );
    check("CREATE FUNCTION app.f() RETURNS int RETURN app.g()", &[]);
    check(
        "CREATE FUNCTION pg_catalog.lower(a app.t) RETURNS text LANGUAGE sql AS ''",
        &["unknown a definition in pg_catalog, where every statement finds it"],
    );
    check(
        "CREATE OPERATOR pg_catalog.+ (FUNCTION = app.f, RIGHTARG = app.t)",
        &["unknown a definition in pg_catalog, where every statement finds it"],
    );
    check(
        "ALTER FUNCTION app.lower(app.t) SET SCHEMA pg_catalog",
        &["unknown a definition in pg_catalog, where every statement finds it"],
    );
    check(
        "CREATE LANGUAGE plperl",
        &["unknown the script of the extension plperl"],
    );
    check(
        "CREATE CONVERSION app.c FOR 'UTF8' TO 'LATIN1' FROM app.f",
        &["calls app.f"],
    );
    for sql in [
        "CREATE SERVER s FOREIGN DATA WRAPPER w",
        "ALTER SERVER s OPTIONS (SET a '1')",
        "CREATE USER MAPPING FOR me SERVER s",
        "CREATE FOREIGN DATA WRAPPER w VALIDATOR app.f",
    ] {
        check(sql, &["unknown the validator of a foreign-data wrapper"]);
    }
    check(
        "CREATE FOREIGN TABLE app.p PARTITION OF app.t FOR VALUES IN (app.f()) SERVER s",
        &[
            "calls app.f",
            "unknown the validator of a foreign-data wrapper",
        ],
    );
    check("NOTIFY news, 'x'", &["unknown NOTIFY"]);
    check("LISTEN news", &[]);
    check(
        "SECURITY LABEL FOR anon ON TABLE app.t IS 'x'",
        &["unknown SECURITY LABEL"],
    );
    check("LOCK TABLE app.t IN ACCESS SHARE MODE", &[]);
    for (sql, kind) in [
        (
            "IMPORT FOREIGN SCHEMA a FROM SERVER s INTO app",
            "ImportForeignSchemaStmt",
        ),
        ("DISCARD ALL", "DiscardStmt"),
        ("GRANT a TO b", "GrantRoleStmt"),
    ] {
        check(sql, &[&format!("unknown a statement of the kind {kind}")]);
    }
    check(
        "SET SESSION AUTHORIZATION me",
        &["unknown SET session_authorization"],
    );
    for function in [
        "pg_terminate_backend",
        "pg_advisory_lock",
        "pg_notify",
        "lo_import",
        "pg_read_file",
        "brin_summarize_new_values",
        "pg_logical_emit_message",
        "ts_rewrite",
        "schema_to_xml",
    ] {
        check(
            &format!("SELECT {function}(1)"),
            &[&format!("unknown the function {function}")],
        );
    }
    check(
        "SELECT public.dblink_exec('')",
        &["calls public.dblink_exec"],
    );
}

#[test]
fn domains_are_computed_only_where_their_values_are_checked() {
    for sql in [
        "ALTER DOMAIN app.d SET DEFAULT app.f()",
        "ALTER DOMAIN app.d ADD CHECK (app.f(VALUE)) NOT VALID",
        "ALTER DOMAIN app.d DROP CONSTRAINT c",
    ] {
        check(sql, &[]);
    }
    check(
        "ALTER DOMAIN app.d ADD CHECK (app.f(VALUE))",
        &["calls app.f"],
    );
}
