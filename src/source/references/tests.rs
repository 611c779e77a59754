use super::*;

fn listed(symbols: impl IntoIterator<Item = Symbol>) -> Vec<String> {
    symbols
        .into_iter()
        .map(|symbol| format!("{} {}", symbol.sort.words(), symbol.dotted()))
        .collect()
}

#[test]
fn statements_refer() {
    fn check(sql: &str, expected: &[&str]) {
        let parsed = syntax::parse(sql).unwrap();
        let node = ast::kind(parsed.stmts[0].stmt.as_deref().unwrap()).unwrap();
        let found = listed(references(node).needs);
        for name in expected {
            assert!(
                found.iter().any(|found| found == name),
                "{sql}: no {name} in {found:?}"
            );
        }
    }
    check(
        "CREATE VIEW v AS SELECT f(x) FROM app.t",
        &["schema app", "relation app.t", "routine f"],
    );
    check(
        "CREATE TABLE t (a app.kind DEFAULT nextval('app.s'::regclass))",
        &["type app.kind", "relation app.s"],
    );
    check(
        "CREATE TABLE t (a int DEFAULT nextval('s'))",
        &["relation s"],
    );
    check(
        "CREATE TABLE p PARTITION OF t FOR VALUES IN (1)",
        &["relation t"],
    );
    check(
        "CREATE TABLE t (LIKE u INCLUDING ALL) INHERITS (w)",
        &["relation u", "relation w"],
    );
    check(
        "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b",
        &["relation a", "relation b", "key b"],
    );
    check(
        "COMMENT ON COLUMN app.t.c IS 'x'",
        &["column app.t.c", "relation app.t"],
    );
    check("COMMENT ON FUNCTION f(int) IS 'x'", &["function f"]);
    check("GRANT SELECT ON t TO r", &["table t"]);
    check("ALTER TABLE t OWNER TO r", &["relation t"]);
    check("ALTER FUNCTION f(int) OWNER TO r", &["function f"]);
    check(
        "CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()",
        &["relation t", "routine f"],
    );
    check("CREATE EXTENSION citext WITH SCHEMA ext", &["schema ext"]);
    check(
        "CREATE INDEX ON t (c COLLATE k o)",
        &["collation k", "operator class o"],
    );
    check(
        "CREATE AGGREGATE a (int) (sfunc = f, stype = s)",
        &["routine f", "type s"],
    );
    check(
        "CREATE FUNCTION f() RETURNS t.c%TYPE LANGUAGE sql AS ''",
        &["relation t"],
    );
    check(
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT a FROM t; END",
        &["relation t"],
    );
    check("DROP TABLE app.t", &["table app.t"]);
}

#[test]
fn common_tables_and_foreign_keys_are_left_out() {
    fn check(sql: &str, absent: &str) {
        let parsed = syntax::parse(sql).unwrap();
        let node = ast::kind(parsed.stmts[0].stmt.as_deref().unwrap()).unwrap();
        assert!(
            !listed(references(node).needs)
                .iter()
                .any(|found| found == absent),
            "{sql}"
        );
    }
    check(
        "CREATE VIEW v AS WITH w AS (SELECT 1) SELECT * FROM w",
        "relation w",
    );
    check("CREATE TABLE t (a int REFERENCES u)", "relation u");
    check("CREATE TABLE t (a int)", "type pg_catalog.int4");
}

#[test]
fn bodies_refer() {
    fn check(definition: &str, expected: &[&str]) {
        assert_eq!(
            listed(body_references(definition)),
            expected,
            "{definition}"
        );
    }
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT g(a) FROM app.t'",
        &["schema app", "relation app.t", "routine g"],
    );
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ DECLARE r app.u%ROWTYPE; x int := g(); BEGIN
           SELECT * INTO r FROM t WHERE a = h(x); x := k(1); RETURN x; END $$",
        &["schema app", "relation t", "relation app.u", "routine g", "routine h", "routine k"],
    );
    check(
        "CREATE FUNCTION f(json json) RETURNS json LANGUAGE plpgsql AS $$ BEGIN json := g(json); RETURN json; END $$",
        &["routine g"],
    );
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'no plpgsql at all'",
        &[],
    );
    check(
        "CREATE FUNCTION f() RETURNS int LANGUAGE plperl AS 'SELECT 1 FROM t'",
        &[],
    );
    check("not even SQL", &[]);
}

#[test]
fn roles_are_found() {
    fn check(sql: &str, roles: &[&str]) {
        let parsed = syntax::parse(sql).unwrap();
        let node = ast::kind(parsed.stmts[0].stmt.as_deref().unwrap()).unwrap();
        assert_eq!(
            references(node)
                .roles
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            roles,
            "{sql}"
        );
    }
    check("ALTER TABLE t OWNER TO app", &["app"]);
    check("GRANT SELECT ON t TO reader, PUBLIC", &["reader"]);
    check("CREATE POLICY p ON t TO a, CURRENT_USER", &["a"]);
    check(
        "ALTER DEFAULT PRIVILEGES FOR ROLE own GRANT SELECT ON TABLES TO reader",
        &["own", "reader"],
    );
    check("CREATE SCHEMA AUTHORIZATION app", &["app"]);
}
