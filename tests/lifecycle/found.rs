//! What is found in databases that no tree declares: what failed operations and event triggers have left, and what the role that
//! connects may do.

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

fn succeeds(desk: &Desk<'_>, args: &[&str]) -> String {
    let text = desk.environment.run(args);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    text
}

/// What `plan --check` says of a database for which there is nothing to plan.
fn nothing(desk: &Desk<'_>) -> String {
    let text = succeeds(desk, &["plan", "--check"]);
    assert!(text.contains("no changes"), "{text}");
    text
}

/// A table of the tree that has to do with nothing else is planned and applied.
fn the_unrelated_is_applied(desk: &Desk<'_>) {
    desk.write("schema/more.sql", "CREATE TABLE app.more (id int);\n");
    succeeds(desk, &["plan", "-m", "add more"]);
    succeeds(desk, &["approve"]);
    succeeds(desk, &["apply"]);
    nothing(desk);
    let drift = succeeds(desk, &["drift"]);
    assert!(drift.contains("no drift"), "{drift}");
}

/// What concurrent builds leave when they fail, and an interrupted detach: nothing of it is planned, all is told.
const TABLES: &str = "
CREATE TABLE app.t (id int PRIMARY KEY, n int, CHECK (id > 0) NOT VALID);
ALTER TABLE app.t ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
CREATE INDEX t_n ON app.t (n);
CREATE TABLE app.p (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (10);
CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES FROM (10) TO (20);
CREATE INDEX p_n ON app.p (n);
";

/// A superuser can put into the catalogs what only a failure leaves there.
const LEFTOVERS: &str = "
CREATE INDEX t_n_ccnew ON app.t (n);
COMMENT ON INDEX app.t_n_ccnew IS 'left';
CREATE UNIQUE INDEX t_pkey_ccold ON app.t (id);
UPDATE pg_index SET indisvalid = false
WHERE indexrelid IN ('app.t_n'::regclass, 'app.t_n_ccnew'::regclass, 'app.t_pkey_ccold'::regclass,
                     'app.p1_n_idx'::regclass, 'app.p_n'::regclass);
UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'app.p2'::regclass;
";

pub(crate) async fn what_failed_is_told_and_not_planned(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.write("schema/tables.sql", TABLES);
    desk.database.run(FILES[1].1).await.unwrap();
    desk.database.run(TABLES).await.unwrap();
    desk.database.run(LEFTOVERS).await.unwrap();
    let text = nothing(&desk);
    for told in [
        "`index app.t_n` is invalid",
        "REINDEX INDEX CONCURRENTLY app.t_n",
        "DROP INDEX CONCURRENTLY app.t_n_ccnew",
        "DROP INDEX CONCURRENTLY app.t_pkey_ccold",
        "`index app.p1_n_idx` is invalid",
        "`index app.p_n` is invalid",
        "ALTER TABLE app.p DETACH PARTITION app.p2 FINALIZE",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    the_unrelated_is_applied(&desk);

    // What a plan would change has to be finished first.
    let attached = "CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES FROM (10) TO (20);";
    desk.write(
        "schema/tables.sql",
        &TABLES.replace(attached, "CREATE TABLE app.p2 (id int, n int);"),
    );
    let refused = desk.environment.run(&["plan", "--check"]);
    assert!(refused.contains("FINALIZE"), "{refused}");
    assert!(refused.ends_with("[exit 1]\n"), "{refused}");

    // A column takes its leftover along, and a table does.
    let without = TABLES.replace("n int, CHECK (id > 0)", "CHECK (id > 0)");
    let without = without.replace(
        "ALTER TABLE app.t ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;",
        "",
    );
    desk.write(
        "schema/tables.sql",
        &without.replace("CREATE INDEX t_n ON app.t (n);", ""),
    );
    succeeds(&desk, &["plan", "-m", "drop the column"]);
    succeeds(&desk, &["approve", "--allow", "all"]);
    succeeds(&desk, &["apply"]);
    desk.write("schema/tables.sql", "");
    desk.database
        .run("UPDATE pg_inherits SET inhdetachpending = false WHERE inhrelid = 'app.p2'::regclass")
        .await
        .unwrap();
    succeeds(&desk, &["plan", "-m", "drop the tables"]);
    succeeds(&desk, &["approve", "--allow", "all"]);
    succeeds(&desk, &["apply"]);
    nothing(&desk);
    let _old = desk.turn_to_another().await;
}

/// The role that connects has privileges on what belongs to another, which the tree doesn't name.
pub(crate) async fn privileges_of_the_role_that_connects_stay(cluster: &Cluster) {
    let desk = Desk::new(cluster, FILES).await;
    let variables = desk.database.variables();
    let (_, name) = variables
        .iter()
        .find(|(key, _)| *key == "PGDATABASE")
        .unwrap();
    let role = format!("{name}_connects");
    let owner = format!("{name}_owns");
    let tables = "
        CREATE TABLE app.t (id int, n int GENERATED ALWAYS AS IDENTITY);
        CREATE VIEW app.v AS SELECT id FROM app.t;
        CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
    desk.write("schema/tables.sql", tables);
    desk.database.run(FILES[1].1).await.unwrap();
    desk.database.run(tables).await.unwrap();
    desk.database
        .run(&format!(
            "CREATE ROLE {role} LOGIN; CREATE ROLE {owner};
             ALTER SCHEMA app OWNER TO {owner}; ALTER TABLE app.t OWNER TO {owner}; ALTER TABLE app.users OWNER TO {owner};
             ALTER VIEW app.v OWNER TO {owner}; ALTER FUNCTION app.f() OWNER TO {owner};
             GRANT USAGE, CREATE ON SCHEMA app TO {role}; GRANT USAGE, CREATE ON SCHEMA public TO {role};
             GRANT SELECT, INSERT ON app.t TO {role} WITH GRANT OPTION; GRANT UPDATE (id) ON app.t TO {role};
             GRANT SELECT ON app.v TO {role}; GRANT EXECUTE ON FUNCTION app.f() TO {role};
             GRANT CREATE, TEMPORARY ON DATABASE {name} TO {role};"
        ))
        .await
        .unwrap();
    let text = desk
        .environment
        .command(&["plan", "--check"])
        .env("PGUSER", &role)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stderr).into_owned();
    assert!(text.contains("no changes"), "{text}");
    // What others are granted by hand is taken back, and what the tree grants is granted.
    desk.database
        .run(&format!("GRANT SELECT ON app.t TO pg_monitor, {role}"))
        .await
        .unwrap();
    let text = desk
        .environment
        .command(&["plan", "--check"])
        .env("PGUSER", &role)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("FROM pg_monitor"), "{text}");
    assert!(!text.contains(&role), "{text}");
    desk.database
        .run(&format!(
            "DROP OWNED BY {role}, {owner}; DROP ROLE {role}, {owner}"
        ))
        .await
        .unwrap();
}

/// Event triggers of every sort: what they add is no difference, in tables that are there and in new ones.
const TRIGGERS: &[(&str, &str)] = &[
    (
        "row_security",
        "EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.object_identity);",
    ),
    (
        "grants",
        "EXECUTE format('GRANT SELECT ON %s TO pg_monitor', c.object_identity);",
    ),
    (
        "comments",
        "EXECUTE format('COMMENT ON TABLE %s IS %L', c.object_identity, 'made');",
    ),
    (
        "columns",
        "EXECUTE format('ALTER TABLE %s ADD COLUMN made timestamptz DEFAULT now()', c.object_identity);",
    ),
    (
        "owners",
        "EXECUTE format('ALTER TABLE %s OWNER TO found_by_trigger', c.object_identity);",
    ),
    (
        "all_of_it",
        "EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.object_identity);
         EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', c.object_identity);
         EXECUTE format('GRANT SELECT ON %s TO pg_monitor', c.object_identity);
         EXECUTE format('COMMENT ON TABLE %s IS %L', c.object_identity, 'made');",
    ),
];

pub(crate) async fn what_event_triggers_add_is_no_change(cluster: &Cluster) {
    let first = Desk::new(cluster, FILES).await;
    first
        .database
        .run("CREATE ROLE found_by_trigger")
        .await
        .unwrap();
    for (name, body) in TRIGGERS {
        for declared in [true, false] {
            let trigger = format!(
                "CREATE SCHEMA priv;
                 CREATE FUNCTION priv.each() RETURNS event_trigger LANGUAGE plpgsql AS $$
                 DECLARE c record;
                 BEGIN
                   FOR c IN SELECT * FROM pg_event_trigger_ddl_commands()
                            WHERE command_tag = 'CREATE TABLE' AND schema_name = 'app' LOOP
                     {body}
                   END LOOP;
                 END $$;
                 CREATE EVENT TRIGGER each_{name} ON ddl_command_end EXECUTE FUNCTION priv.each();"
            );
            let desk = Desk::new(cluster, FILES).await;
            desk.database
                .run("CREATE SCHEMA app; CREATE TABLE app.before (id int)")
                .await
                .unwrap();
            desk.write("schema/before.sql", "CREATE TABLE app.before (id int);\n");
            desk.database.run(&trigger).await.unwrap();
            if declared {
                desk.write("schema/trigger.sql", &trigger);
            } else {
                desk.write("forge.toml", "[managed]\nexclude = [\"priv\"]\n");
            }
            desk.database
                .run("CREATE TABLE app.users (id bigint PRIMARY KEY, name text NOT NULL)")
                .await
                .unwrap();
            nothing(&desk);
            the_unrelated_is_applied(&desk);

            // The way back finds what the trigger has added to what the plan made.
            let back = ["downgrade", "-1", "--yes", "--allow", "all"];
            if *name == "columns" {
                // Its values nobody has seen in the plan.
                let text = desk.environment.run(&back);
                assert!(text.contains("`table app.more` is not as it was"), "{text}");
            } else {
                succeeds(&desk, &back);
                succeeds(&desk, &["apply"]);
            }
            nothing(&desk);

            // What the tree takes back itself is taken back.
            desk.write("schema/more.sql", "");
            succeeds(&desk, &["plan", "-m", "drop more"]);
            succeeds(&desk, &["approve", "--allow", "all"]);
            succeeds(&desk, &["apply"]);
            nothing(&desk);
        }
    }
    // One that does nothing of that sort hides nothing.
    let desk = Desk::new(cluster, FILES).await;
    desk.database.run(FILES[1].1).await.unwrap();
    desk.database
        .run(
            "CREATE SCHEMA priv;
             CREATE FUNCTION priv.tells() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY ddl; END';
             CREATE EVENT TRIGGER tells ON ddl_command_end EXECUTE FUNCTION priv.tells();
             GRANT SELECT ON app.users TO pg_monitor; ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;",
        )
        .await
        .unwrap();
    desk.write("forge.toml", "[managed]\nexclude = [\"priv\"]\n");
    let text = desk.environment.run(&["plan", "--check"]);
    for planned in ["REVOKE SELECT", "DISABLE ROW LEVEL SECURITY"] {
        assert!(text.contains(planned), "{text}");
    }
}
