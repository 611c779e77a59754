//! Branches, and how they meet.

use insta::assert_snapshot;

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

/// Three branches, of which two are joined by name and then all, one that is empty, and two that change the same object.
pub(crate) async fn branches_meet_in_every_form(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.commit("users");
    let mut branch = |name: &str, revision: &str, file: &str, sql: &str| {
        desk.git(&["checkout", "-q", "-b", name, "main"]);
        desk.write(file, sql);
        desk.forge(&format!(
            "plan --from history -m \"the work of {name}\" --rev-id {revision}"
        ));
        desk.forge("approve");
        desk.commit(name);
    };
    let table = |name: &str| format!("CREATE TABLE app.{name} (id bigint PRIMARY KEY);\n");
    branch(
        "orders",
        "200000000000",
        "schema/orders.sql",
        &table("orders"),
    );
    branch("carts", "300000000000", "schema/carts.sql", &table("carts"));
    branch("bills", "400000000000", "schema/bills.sql", &table("bills"));
    let named = |sql: &str| format!("COMMENT ON TABLE app.users IS '{sql}';\n");
    branch("one", "500000000000", "schema/users.sql", &named("one"));
    branch("two", "600000000000", "schema/users.sql", &named("two"));

    desk.git(&["checkout", "-q", "orders"]);
    desk.git(&["merge", "-q", "-m", "carts too", "carts"]);
    desk.git(&["merge", "-q", "-m", "bills too", "bills"]);
    desk.typed.clear();
    desk.forge("merge -r 2000 -r 3000 -m \"join orders and carts\" --rev-id 700000000000");
    desk.forge("merge -r 2000 -r 3000 -m \"join carts and orders\" --rev-id 700000000000");
    desk.forge("approve");
    desk.forge("heads");
    desk.forge("merge 4000 7000 -m \"join bills\" --rev-id 800000000000");
    desk.forge("approve");
    desk.forge("revision -m \"name the users\" --rev-id 900000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.forge("revision \"nothing new\"");
    desk.forge("revision --merge \"nothing to join\"");
    desk.forge("plan --empty -m \"name the users\" --rev-id 900000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.forge("plan --check");
    let versions =
        "SELECT version, description FROM forge.schema_version ORDER BY applied_at, version";
    desk.typed += &desk.other("psql", &["-X", "-Atc", versions]);
    let audit = "SELECT DISTINCT kind, actor = session_user, role = current_user, forge_version IS NOT NULL FROM forge.event ORDER BY 1";
    desk.typed += &desk.other("psql", &["-X", "-Atc", audit]);
    desk.commit("all");

    desk.git(&["checkout", "-q", "one"]);
    desk.git(&["merge", "-q", "-m", "two too", "-X", "ours", "two"]);
    desk.forge("heads --single");
    desk.forge("revision --merge \"say what users are\" --rev-id a00000000000");
    assert_snapshot!("branches_meet_in_every_form", desk.typed);
}

/// Two changes of one tree that were planned beside each other.
struct Pair {
    /// What both build on.
    base: &'static str,
    one: &'static str,
    two: &'static str,
    /// An object of the conflict, or none if there is no conflict.
    conflict: Option<&'static str>,
}

/// What one plan expects, and another one changes: in each kind of step, and beside the steps.
const PAIRS: &[Pair] = &[
    Pair {
        base: "CREATE TYPE app.mood AS ENUM ('sad');",
        one: "CREATE TYPE app.mood AS ENUM ('sad', 'ok');",
        two: "CREATE TYPE app.mood AS ENUM ('sad', 'happy');",
        conflict: Some("`enum app.mood` is not as it was"),
    },
    Pair {
        base: "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 0';",
        one: "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        two: "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 2';",
        conflict: Some("`function app.f()` is not as it was"),
    },
    Pair {
        base: "CREATE TABLE app.t (id int, n int);",
        one: "CREATE TABLE app.t (id int, n bigint);",
        two: "CREATE TABLE app.t (id int, n int); ALTER TABLE app.t ALTER n SET STATISTICS 500;",
        conflict: Some("`column app.t.n` is not as it was"),
    },
    Pair {
        base: "CREATE TABLE app.t (id int, n int);",
        one: "",
        two: "CREATE TABLE app.t (id int, n int, more int);",
        conflict: Some("`column app.t.more`"),
    },
    Pair {
        base: "CREATE TABLE app.t (id int, n int);",
        one: "CREATE TABLE app.t (id int);",
        two: "CREATE TABLE app.t (id int, n int); CREATE INDEX t_n ON app.t (n);",
        conflict: Some("app.t"),
    },
    Pair {
        base: "",
        one: "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;",
        two: "CREATE TABLE app.t (id int);",
        conflict: Some("app.t to pg_monitor"),
    },
    Pair {
        base: "CREATE TABLE app.t (id int);",
        one: "CREATE TABLE app.t (id int, a int); CREATE VIEW app.v AS SELECT id FROM app.t;",
        two: "CREATE TABLE app.t (id int, b int);",
        conflict: None,
    },
];

/// A merge is written if `apply` takes the branches' plans from each of their heads on, and is refused if it doesn't.
pub(crate) async fn a_merge_is_what_apply_takes(cluster: &Cluster) {
    for pair in PAIRS {
        let Pair {
            base,
            one,
            two,
            conflict,
        } = pair;
        let mut desk = Desk::new(cluster, FILES).await;
        let succeed = |desk: &Desk<'_>, args: &[&str]| {
            let text = desk.environment.run(args);
            assert!(text.ends_with("[exit 0]\n"), "{base} {one} {two}: {text}");
        };
        let planned = |desk: &Desk<'_>, sql: &str, args: &[&str]| {
            desk.write("schema/more.sql", sql);
            succeed(desk, &[&["plan", "-m", "change things"], args].concat());
            succeed(desk, &["approve", "--allow", "all"]);
        };
        let head = [
            "--from", "history", "--head", "1000", "--splice", "--rev-id",
        ];
        planned(&desk, base, &["--rev-id", "100000000000"]);
        planned(&desk, one, &[&head[..], &["200000000000"]].concat());
        planned(&desk, two, &[&head[..], &["300000000000"]].concat());
        if conflict.is_none() {
            desk.write(
                "schema/more.sql",
                "CREATE TABLE app.t (id int, a int, b int); CREATE VIEW app.v AS SELECT id FROM app.t;",
            );
        }
        let merged = desk.environment.run(&["merge", "--rev-id", "400000000000"]);
        let plans = fs_err::read_dir(desk.environment.project().join("plans")).unwrap();
        let files = plans.count();
        if let Some(conflict) = conflict {
            assert!(merged.contains(conflict), "{merged}");
            assert!(!merged.contains("report it"), "{merged}");
            assert!(!merged.ends_with("[exit 0]\n"), "{merged}");
            assert_eq!(files, 6, "{merged}");
        } else {
            assert!(merged.ends_with("[exit 0]\n"), "{merged}");
            succeed(&desk, &["approve"]);
        }
        // The proof of the claim: one of the heads, from which the rest is refused, or each of them, from which it isn't.
        let mut refused = 0;
        for first in ["1000", "2000", "3000"] {
            desk.turn_to_another().await;
            succeed(&desk, &["apply", first]);
            let rest = desk.environment.run(&["apply", "heads"]);
            refused += usize::from(!rest.ends_with("[exit 0]\n"));
        }
        assert_eq!(refused > 0, conflict.is_some(), "{base} {one} {two}");
        let tested = desk.environment.run(&["test", "heads", "--back", "2"]);
        assert_eq!(
            !tested.ends_with("[exit 0]\n"),
            conflict.is_some(),
            "{tested}"
        );
    }
}
