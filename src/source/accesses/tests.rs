//! What single statements are said to access.

use super::*;

fn columns(names: &[&str]) -> Access {
    Access::Updates(Some(names.iter().map(ToString::to_string).collect()))
}

#[track_caller]
fn check(sql: &str, relations: &[(&str, Access)], types: &[&str]) {
    let found = accesses(sql);
    let expected: BTreeSet<(String, Access)> = relations
        .iter()
        .map(|(name, access)| (name.to_string(), access.clone()))
        .collect();
    assert_eq!(found.relations, expected, "{sql}");
    assert_eq!(
        found.types,
        types.iter().map(ToString::to_string).collect(),
        "{sql}"
    );
}

#[test]
fn statements_about_rows() {
    check("SELECT 1", &[], &[]);
    check("SELECT a FROM app.v", &[("app.v", Access::Reads)], &[]);
    check(
        "WITH d AS (DELETE FROM app.t RETURNING 1) SELECT 1 FROM d",
        &[("app.t", Access::Deletes)],
        &[],
    );
    check(
        "UPDATE app.\"T\" SET a = 1, b = 2 WHERE a IN (SELECT a FROM app.n)",
        &[
            ("app.\"T\"", columns(&["a", "b"])),
            ("app.n", Access::Reads),
        ],
        &[],
    );
    check(
        "UPDATE app.t SET (a, b) = (SELECT 1, 2)",
        &[("app.t", columns(&["a", "b"]))],
        &[],
    );
    check(
        "UPDATE app.t SET a = DEFAULT",
        &[("app.t", columns(&["a"])), ("app.t", Access::Defaults)],
        &[],
    );
    check(
        "INSERT INTO app.t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
        &[("app.t", Access::Inserts), ("app.t", columns(&["a"]))],
        &[],
    );
    check(
        "MERGE INTO app.t USING app.n ON true WHEN MATCHED THEN DELETE",
        &[
            ("app.t", Access::Inserts),
            ("app.t", Access::Updates(None)),
            ("app.t", Access::Deletes),
            ("app.n", Access::Reads),
        ],
        &[],
    );
    check(
        "EXPLAIN ANALYZE DELETE FROM app.t",
        &[("app.t", Access::Deletes)],
        &[],
    );
    check(
        "COPY app.t FROM '/tmp/x'",
        &[("app.t", Access::Inserts)],
        &[],
    );
    check(
        "TRUNCATE app.t",
        &[("app.t", Access::Truncates { cascades: false })],
        &[],
    );
    check(
        "TRUNCATE app.t CASCADE",
        &[("app.t", Access::Truncates { cascades: true })],
        &[],
    );
    check(
        "REFRESH MATERIALIZED VIEW app.m",
        &[("app.m", Access::Refreshes)],
        &[],
    );
    check(
        "SELECT a::app.dom, CAST(b AS int), c::app.list[] FROM app.t",
        &[("app.t", Access::Reads)],
        &["app.dom", "app.list"],
    );
}

#[test]
fn definitions_compute_for_rows_that_are_there() {
    check(
        "ALTER TABLE app.t ADD COLUMN a app.dom DEFAULT 1",
        &[("app.t", Access::Computes)],
        &["app.dom"],
    );
    check(
        "ALTER TABLE app.t VALIDATE CONSTRAINT c",
        &[("app.t", Access::Computes)],
        &[],
    );
    check("ALTER TABLE app.t ADD CHECK (a > 0) NOT VALID", &[], &[]);
    check("ALTER TABLE app.t DROP COLUMN a", &[], &[]);
    for computes in [
        "ALTER TABLE app.t SET LOGGED",
        "ALTER TABLE app.t SET UNLOGGED",
        "ALTER TABLE app.t ALTER a SET EXPRESSION AS (b + 1)",
        "ALTER TABLE app.t ALTER a SET NOT NULL",
        "ALTER TABLE app.t ATTACH PARTITION app.p DEFAULT",
        "CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (1)",
        "REINDEX TABLE app.t",
        "CLUSTER app.t",
        "VACUUM FULL app.t",
    ] {
        check(computes, &[("app.t", Access::Computes)], &[]);
    }
    for analyzes in ["ANALYZE app.t", "VACUUM ANALYZE app.t (a)"] {
        check(analyzes, &[("app.t", Access::Analyzes)], &[]);
    }
    check("VACUUM app.t", &[("app.t", Access::Vacuums)], &[]);
    check(
        "ALTER DOMAIN app.dom VALIDATE CONSTRAINT c",
        &[],
        &["app.dom"],
    );
    check("CREATE VIEW app.v AS SELECT a FROM app.t", &[], &[]);
    check("CREATE TABLE app.n (a app.dom)", &[], &[]);
    assert_eq!(
        query_accesses("CREATE VIEW app.v AS SELECT a FROM app.t").relations,
        BTreeSet::from([("app.t".to_owned(), Access::Reads)]),
    );
}

#[test]
fn triggers_fire_at_their_events() {
    let definition = "CREATE TRIGGER g BEFORE INSERT OR UPDATE OF a ON app.t FOR EACH ROW EXECUTE FUNCTION app.f()";
    assert!(fires(definition, &Access::Inserts));
    assert!(fires(definition, &columns(&["a", "b"])));
    assert!(fires(definition, &Access::Updates(None)));
    assert!(!fires(definition, &columns(&["b"])));
    assert!(!fires(definition, &Access::Deletes));
    assert!(!fires(definition, &Access::Reads));
    assert!(fires("not SQL", &Access::Deletes));
}

#[test]
fn foreign_keys_pass_changes_on() {
    let own = vec![columns(&["p"])];
    let key = |actions: &str| format!("FOREIGN KEY (p) REFERENCES app.p(id) {actions}");
    let deletes = |actions: &str| passed_on(&key(actions), &Access::Deletes);
    assert_eq!(deletes(""), []);
    assert_eq!(deletes("ON DELETE CASCADE"), [Access::Deletes]);
    assert_eq!(deletes("ON DELETE SET NULL"), own);
    assert_eq!(
        deletes("ON DELETE SET DEFAULT"),
        [own[0].clone(), Access::Defaults]
    );
    assert_eq!(deletes("ON UPDATE CASCADE"), []);
    let updates = |columns_: &[&str]| passed_on(&key("ON UPDATE CASCADE"), &columns(columns_));
    assert_eq!(updates(&["id"]), own);
    assert_eq!(updates(&["name"]), []);
    let truncates = Access::Truncates { cascades: true };
    assert_eq!(
        passed_on(&key(""), &truncates),
        std::slice::from_ref(&truncates)
    );
    assert_eq!(passed_on("CHECK ((a > 0))", &truncates), []);
    let sql =
        "CREATE TABLE app.c (a int REFERENCES app.p ON DELETE CASCADE, b int REFERENCES app.q)";
    assert_eq!(passes_on(sql, "app.p", &Access::Deletes), [Access::Deletes]);
    assert_eq!(passes_on(sql, "app.q", &Access::Deletes), []);
}

/// A name that WITH gives is one only there, and never that of a relation of a schema.
#[test]
fn names_of_with_hide_relations_only_where_they_are_seen() {
    let reads = |name: &'static str| [(name, Access::Reads)];
    check(
        "WITH \"app.v\" AS (SELECT 1) SELECT * FROM app.v",
        &reads("app.v"),
        &[],
    );
    check(
        "WITH v AS (SELECT 1) SELECT * FROM app.v",
        &reads("app.v"),
        &[],
    );
    check(
        "WITH v AS (SELECT * FROM v) SELECT * FROM v",
        &reads("v"),
        &[],
    );
    check(
        "WITH RECURSIVE v AS (SELECT * FROM v) SELECT * FROM v",
        &[],
        &[],
    );
    check(
        "WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b",
        &[],
        &[],
    );
    check(
        "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
        &reads("b"),
        &[],
    );
    check(
        "SELECT * FROM v, (WITH v AS (SELECT 1) SELECT * FROM v) x",
        &reads("v"),
        &[],
    );
    check(
        "WITH v AS (SELECT 1) INSERT INTO app.t SELECT * FROM v, (SELECT * FROM v) x",
        &[("app.t", Access::Inserts)],
        &[],
    );
}

#[test]
fn parts_of_statements_name_types_and_relations() {
    check("CREATE INDEX ON app.t ((a::app.d))", &[], &["app.d"]);
    check("EXECUTE p (1::app.d)", &[], &["app.d"]);
    check(
        "COPY app.t FROM '/x' WHERE a::app.d IS NULL",
        &[("app.t", Access::Inserts)],
        &["app.d"],
    );
    check("ALTER DOMAIN app.d ADD CHECK (VALUE > 0)", &[], &["app.d"]);
    check("ALTER DOMAIN app.d DROP CONSTRAINT c", &[], &[]);
    check("ALTER DOMAIN app.d SET DEFAULT 1", &[], &[]);
}
