//! What a step that somebody wrote does through the objects that it meets, which its text does not tell.

use support::{cluster::Cluster, desk::Desk};

const TREE: &str = "\
CREATE SCHEMA app;
CREATE EXTENSION citext;
CREATE FUNCTION app.purge() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.fits(a integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a > 0';
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE DOMAIN app.positive AS integer CHECK (app.fits(VALUE));
CREATE TABLE app.plain (id integer PRIMARY KEY, a integer, b integer);
CREATE TABLE app.audited (id integer PRIMARY KEY, a integer, b integer);
CREATE TRIGGER touched BEFORE UPDATE OF a ON app.audited FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE TRIGGER swept AFTER DELETE ON app.audited FOR EACH STATEMENT EXECUTE FUNCTION app.note();
CREATE TABLE app.ruled (id integer PRIMARY KEY);
CREATE TABLE app.parents (id integer PRIMARY KEY, name text);
CREATE TABLE app.children (
    id integer PRIMARY KEY,
    parent integer REFERENCES app.parents ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE app.notes (id integer PRIMARY KEY, child integer REFERENCES app.children ON DELETE SET NULL);
CREATE TRIGGER noted AFTER UPDATE ON app.notes FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE TABLE app.checked (id integer CHECK (app.fits(id)));
CREATE TABLE app.defaulted (id integer DEFAULT app.purge());
CREATE TABLE app.indexed (id integer);
CREATE INDEX indexed_fits ON app.indexed (app.fits(id));
CREATE TABLE app.ranged (id integer);
CREATE INDEX ranged_fits ON app.ranged USING brin ((app.fits(id)::integer));
CREATE TABLE app.generated (id integer, fits boolean GENERATED ALWAYS AS (app.fits(id)) STORED);
CREATE TABLE app.typed (id app.positive);
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE TABLE app.origins (id integer PRIMARY KEY);
CREATE TABLE app.fallbacks (origin integer DEFAULT app.purge() REFERENCES app.origins ON DELETE SET DEFAULT);
CREATE TABLE app.computed (a integer, g integer GENERATED ALWAYS AS (a + 1) STORED);
CREATE TRIGGER counted AFTER UPDATE OF g ON app.computed FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE VIEW app.purging AS SELECT app.purge() AS a;
CREATE VIEW app.shown AS SELECT id, a FROM app.audited;
CREATE VIEW app.written AS SELECT 1 AS id;
CREATE TRIGGER placed INSTEAD OF INSERT ON app.written FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE TABLE app.sliced (id integer, a integer) PARTITION BY LIST (id);
CREATE TABLE app.slice PARTITION OF app.sliced FOR VALUES IN (1);
CREATE TABLE app.rest PARTITION OF app.sliced DEFAULT;
CREATE TRIGGER came AFTER INSERT ON app.rest FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE MATERIALIZED VIEW app.kept AS SELECT app.purge() AS a;
";

/// Statements, the hazards that their text shows, and what is said besides.
const WAYS: &[(&str, &str, &[&str])] = &[
    (
        "UPDATE app.audited SET a = 1",
        "changes-rows",
        &["runs-code · fires the trigger app.audited.touched"],
    ),
    (
        "DELETE FROM app.audited",
        "deletes-data",
        &["runs-code · fires the trigger app.audited.swept"],
    ),
    ("UPDATE app.audited SET b = 1", "changes-rows", &[]),
    (
        "UPDATE app.ruled SET id = 1",
        "changes-rows",
        &["runs-code · fires the rule also on app.ruled"],
    ),
    (
        "DELETE FROM app.parents",
        "deletes-data",
        &[
            "changes-rows · changes rows of app.notes, by the constraint app.notes.notes_child_fkey",
            "runs-code · fires the trigger app.notes.noted",
        ],
    ),
    ("UPDATE app.parents SET name = ''", "changes-rows", &[]),
    (
        "UPDATE app.plain SET a = (SELECT a FROM app.purging)",
        "changes-rows",
        &["runs-code · calls app.purge for the view app.purging"],
    ),
    (
        "UPDATE app.shown SET a = 1",
        "changes-rows",
        &["runs-code · fires the trigger app.audited.touched"],
    ),
    (
        "INSERT INTO app.written VALUES (1)",
        "changes-rows",
        &["runs-code · fires the trigger app.written.placed"],
    ),
    (
        "UPDATE app.plain SET a = '1'::app.positive",
        "changes-rows",
        &["runs-code · calls app.fits for the domain constraint app.positive.positive_check"],
    ),
    (
        "INSERT INTO app.typed VALUES (1)",
        "changes-rows",
        &["runs-code · calls app.fits for the domain constraint app.positive.positive_check"],
    ),
    (
        "INSERT INTO app.checked VALUES (1)",
        "changes-rows",
        &["runs-code · calls app.fits for the constraint app.checked.checked_id_check"],
    ),
    (
        "INSERT INTO app.defaulted DEFAULT VALUES",
        "changes-rows",
        &["runs-code · calls app.purge for the default app.defaulted.id"],
    ),
    (
        "INSERT INTO app.indexed VALUES (1)",
        "changes-rows",
        &["runs-code · calls app.fits for the index app.indexed_fits"],
    ),
    (
        "INSERT INTO app.generated VALUES (1)",
        "changes-rows",
        &["runs-code · calls app.fits for the column app.generated.fits"],
    ),
    (
        "ALTER TABLE app.checked VALIDATE CONSTRAINT checked_id_check",
        "",
        &["runs-code · calls app.fits for the constraint app.checked.checked_id_check"],
    ),
    (
        "CREATE TRIGGER late BEFORE INSERT ON app.plain FOR EACH ROW EXECUTE FUNCTION app.note();\n\
         INSERT INTO app.plain VALUES (9);\nDROP TRIGGER late ON app.plain",
        "changes-rows",
        &["runs-code · fires the trigger app.plain.late"],
    ),
    ("UPDATE app.plain SET a = abs(b)", "changes-rows", &[]),
    (
        "DELETE FROM app.origins",
        "deletes-data",
        &[
            "changes-rows · changes rows of app.fallbacks, by the constraint app.fallbacks.fallbacks_origin_fkey",
            "runs-code · calls app.purge for the default app.fallbacks.origin",
        ],
    ),
    (
        "UPDATE app.computed SET a = 1",
        "changes-rows",
        &["runs-code · fires the trigger app.computed.counted"],
    ),
    (
        "UPDATE app.sliced SET id = 2",
        "changes-rows",
        &["runs-code · fires the trigger app.rest.came"],
    ),
    ("UPDATE app.sliced SET a = 2", "changes-rows", &[]),
    (
        "CREATE INDEX late ON app.plain ((a::app.positive));\nDROP INDEX app.late",
        "",
        &["runs-code · calls app.fits for the domain constraint app.positive.positive_check"],
    ),
    (
        "SET LOCAL search_path = app, pg_catalog;\nUPDATE app.plain SET a = abs(1)",
        "changes-rows, \"runs-code:SET search_path\"",
        &["runs-code · calls abs"],
    ),
    ("ANALYZE app.indexed", "", FITS),
    ("VACUUM app.ranged", "", RANGED),
    ("REINDEX TABLE app.indexed", "", FITS),
    ("REINDEX INDEX app.indexed_fits", "", FITS),
    ("ALTER TABLE app.indexed SET UNLOGGED", "", FITS),
    ("ALTER TABLE app.indexed ALTER id SET NOT NULL", "", FITS),
    (
        "ALTER TABLE app.plain ALTER b SET DEFAULT app.purge();\n\
         INSERT INTO app.plain VALUES (9);\nALTER TABLE app.plain ALTER b DROP DEFAULT",
        "changes-rows",
        &["runs-code · calls app.purge for what the plan makes of app.plain"],
    ),
];

const RANGED: &[&str] = &["runs-code · calls app.fits for the index app.ranged_fits"];

const FITS: &[&str] = &["runs-code · calls app.fits for the index app.indexed_fits"];

/// A step in batches behind the first transaction of a plan.
const FILL: &str = "\
COMMIT;

-- forge:data table app.plain
-- forge:batch key=id size=10
UPDATE app.plain SET a = 1;
";

/// What the text shows is asked for before; then what the objects do, by name.
pub(crate) async fn what_a_step_meets_is_approved_by_name(cluster: &Cluster) {
    let files = [
        ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
        ("schema/app.sql", TREE),
    ];
    let mut desk = Desk::new(cluster, &files).await;
    // The extension and the materialized view are the tree's: forge's own steps need no approval.
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve --allow runs-code:app.kept");
    desk.forge("upgrade");
    assert!(
        desk.typed.contains("the database is at 100000000000"),
        "{}",
        desk.typed
    );
    // Rules are none of forge's kinds.
    let rule = "CREATE RULE also AS ON UPDATE TO app.ruled DO ALSO DELETE FROM app.plain";
    desk.database.run(rule).await.unwrap();
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.parents ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let edit = |sql: &str| {
        let step = format!("-- forge:data table app.parents\n{sql};\n\nCOMMIT;");
        fs_err::write(&path, draft.replace("COMMIT;", &step)).unwrap();
    };
    for (statement, shown, met) in WAYS {
        edit(statement);
        desk.typed.clear();
        if !shown.is_empty() {
            desk.forge("approve");
            // By the table that the statement changes, where that is not the step's.
            let first = shown.split(',').next().unwrap();
            let asked = format!("--allow {first}:app.");
            assert!(desk.typed.contains(&asked), "{statement}: {}", desk.typed);
        }
        desk.typed.clear();
        let allow = match *shown {
            "" => String::new(),
            shown => format!(" --allow {}", shown.replace(", ", " --allow ")),
        };
        if met.is_empty() {
            desk.forge(&format!("approve{allow}"));
            assert!(
                desk.typed.contains("approved `"),
                "{statement}: {}",
                desk.typed
            );
            continue;
        }
        // What the text shows is allowed, and what changes rows elsewhere, too: the rest is asked for.
        desk.forge(&format!("approve{allow}"));
        assert!(
            desk.typed.contains("[exit 3]"),
            "{statement}: {}",
            desk.typed
        );
        let said = desk.typed.replace("\n  │   ", " ").replace("\n      ", " ");
        for what in *met {
            assert!(said.contains(what), "{statement}: {what}: {}", desk.typed);
        }
    }
    // An event trigger of the database's fires at what somebody wrote, and is there for forge's own steps.
    let watch = "CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION app.watch()";
    desk.database.run(watch).await.unwrap();
    edit("COMMENT ON TABLE app.plain IS NULL");
    desk.typed.clear();
    desk.forge("approve");
    let said = "runs-code · fires the event trigger watch";
    assert!(desk.typed.contains(said), "{}", desk.typed);
    assert!(
        desk.typed.contains("--allow runs-code:watch"),
        "{}",
        desk.typed
    );
    desk.database.run("DROP EVENT TRIGGER watch").await.unwrap();
    // With every hazard allowed by its name, it passes and is applied.
    edit("UPDATE app.audited SET a = 1");
    desk.typed.clear();
    desk.forge("approve --allow changes-rows:app.audited --allow runs-code:app.audited.touched");
    desk.forge("upgrade");
    assert!(
        desk.typed.contains("the database is at 200000000000"),
        "{}",
        desk.typed
    );
}

/// A trigger that somebody has made since the approval.
pub(crate) async fn apply_looks_again_at_what_a_step_meets(cluster: &Cluster) {
    let files = [
        ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
        ("schema/app.sql", TREE),
    ];
    let mut desk = Desk::new(cluster, &files).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve --allow all");
    desk.forge("upgrade");
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.parents ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, draft.replacen("COMMIT;\n", FILL, 1)).unwrap();
    let back = path.with_extension("down.sql");
    let draft = fs_err::read_to_string(&back).unwrap();
    fs_err::write(&back, draft.replacen("COMMIT;\n", FILL, 1)).unwrap();
    desk.typed.clear();
    desk.forge("approve");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    let trigger =
        "CREATE TRIGGER late BEFORE UPDATE ON app.plain FOR EACH ROW EXECUTE FUNCTION app.note()";
    desk.database.run(trigger).await.unwrap();
    for command in ["apply --dry-run", "apply --sql", "apply"] {
        desk.typed.clear();
        desk.forge(command);
        assert!(desk.typed.contains("[exit 3]"), "{command}: {}", desk.typed);
        let expected = "runs-code app.plain.late: fires the trigger app.plain.late";
        assert!(desk.typed.contains(expected), "{command}: {}", desk.typed);
    }
    desk.typed.clear();
    desk.forge("preflight");
    assert!(
        desk.typed
            .contains("nobody has allowed runs-code app.plain.late"),
        "{}",
        desk.typed
    );
    desk.database
        .run("DROP TRIGGER late ON app.plain")
        .await
        .unwrap();
    desk.forge("apply");
    assert!(
        desk.typed.contains("the database is at 200000000000"),
        "{}",
        desk.typed
    );
    // The way back meets what is there when it runs.
    desk.database.run(trigger).await.unwrap();
    desk.typed.clear();
    desk.forge("downgrade -1 --yes --allow deletes-data");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
    let expected = "runs-code · fires the trigger app.plain.late";
    assert!(desk.typed.contains(expected), "{}", desk.typed);
    desk.typed.clear();
    desk.forge("rollback-plan");
    assert!(
        desk.typed
            .contains("runs-code: fires the trigger app.plain.late"),
        "{}",
        desk.typed
    );
    desk.forge("downgrade -1 --yes --allow deletes-data --allow runs-code:app.plain.late");
    assert!(desk.typed.contains("reverted 1 plan"), "{}", desk.typed);
}

/// A definition by hand in a database where it meets other objects than where it was approved: those that evaluate something
/// are named, and the steps of forge's own beside it stay approved.
pub(crate) async fn apply_looks_again_at_definitions_by_hand(cluster: &Cluster) {
    let files = [
        ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
        ("schema/app.sql", TREE),
    ];
    let mut desk = Desk::new(cluster, &files).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve --allow all");
    desk.forge("upgrade");
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.parents ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let step = "-- forge:data table app.plain\nALTER TABLE app.plain SET UNLOGGED;\nALTER TABLE app.plain SET LOGGED;\n\nCOMMIT;";
    fs_err::write(&path, draft.replacen("COMMIT;", step, 1)).unwrap();
    let back = path.with_extension("down.sql");
    let draft = fs_err::read_to_string(&back).unwrap();
    fs_err::write(&back, draft.replacen("COMMIT;", step, 1)).unwrap();
    desk.typed.clear();
    desk.forge("approve");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    let frozen = fs_err::read_to_string(&path).unwrap();
    assert!(frozen.contains("-- forge:by_hand 2\n"), "{frozen}");
    for (add, drop, expected) in [
        (
            "CREATE INDEX late ON app.plain ((app.fits(a)))",
            "DROP INDEX app.late",
            "runs-code app.fits: calls app.fits for the index app.late",
        ),
        (
            "CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION app.watch()",
            "DROP EVENT TRIGGER watch",
            "runs-code watch: fires the event trigger watch",
        ),
    ] {
        desk.database.run(add).await.unwrap();
        for command in ["apply --dry-run", "apply"] {
            desk.typed.clear();
            desk.forge(command);
            assert!(desk.typed.contains("[exit 3]"), "{command}: {}", desk.typed);
            assert!(desk.typed.contains(expected), "{command}: {}", desk.typed);
        }
        desk.database.run(drop).await.unwrap();
    }
    desk.typed.clear();
    desk.forge("apply");
    assert!(
        desk.typed.contains("the database is at 200000000000"),
        "{}",
        desk.typed
    );
    let late = "CREATE INDEX late ON app.plain ((app.fits(a)))";
    desk.database.run(late).await.unwrap();
    desk.typed.clear();
    desk.forge("downgrade -1 --yes --allow deletes-data");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
    let expected = "runs-code · calls app.fits for the index app.late";
    assert!(desk.typed.contains(expected), "{}", desk.typed);
    // Once the line is gone, the file is another one.
    let edited = frozen.replace("-- forge:by_hand 2\n", "");
    fs_err::write(&path, edited).unwrap();
    desk.typed.clear();
    desk.forge("validate --files");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
}

/// A plan by hand on a table that the plan before it makes: what an approval covers there, `preflight` and `apply` say alike.
pub(crate) async fn preflight_knows_what_earlier_plans_make(cluster: &Cluster) {
    let files = [
        ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
        ("schema/app.sql", "CREATE SCHEMA app;\n"),
    ];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.write(
        "schema/new.sql",
        "CREATE TABLE app.new (id integer PRIMARY KEY);\n",
    );
    desk.forge("plan -m \"add new\" --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.new ADD COLUMN a integer;\n",
    );
    desk.forge("plan -m \"fill new\" --rev-id 300000000000");
    let path = desk.environment.project().join("plans/0003_fill_new.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let insert = "COMMIT;\n\nBEGIN;\n\n-- forge:data table app.new\nINSERT INTO app.new VALUES (1, 1);\n\nCOMMIT;\n";
    fs_err::write(&path, draft.replacen("COMMIT;\n", insert, 1)).unwrap();
    desk.typed.clear();
    desk.forge("approve --allow changes-rows");
    assert!(!desk.typed.contains("[exit"), "{draft}\n{}", desk.typed);
    // Elsewhere, all are pending.
    let _first = desk.turn_to_another().await;
    for command in ["preflight", "apply --dry-run", "apply --sql", "apply"] {
        desk.typed.clear();
        desk.forge(command);
        assert!(!desk.typed.contains("[exit"), "{command}: {}", desk.typed);
    }
}

/// Two branches, one of which makes the trigger that a step by hand of the other fires.
pub(crate) async fn a_merge_looks_at_what_a_step_meets(cluster: &Cluster) {
    let files = [
        ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
        ("schema/app.sql", TREE),
    ];
    let mut desk = Desk::new(cluster, &files).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve --allow all");
    desk.forge("upgrade");
    let email = "ALTER TABLE app.parents ADD COLUMN email text;\n";
    desk.write("schema/email.sql", email);
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, draft.replacen("COMMIT;\n", FILL, 1)).unwrap();
    desk.forge("approve");
    desk.remove("schema/email.sql");
    desk.write(
        "schema/late.sql",
        "CREATE TRIGGER late BEFORE UPDATE ON app.plain FOR EACH ROW EXECUTE FUNCTION app.note();\n",
    );
    let from = "--from history --head 1000 --splice";
    desk.forge(&format!("plan -m \"note it\" {from} --rev-id 300000000000"));
    desk.forge("approve --all");
    desk.write("schema/email.sql", email);
    desk.typed.clear();
    desk.forge("merge --rev-id 400000000000");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
    let expected = "runs-code app.plain.late: fires the trigger app.plain.late";
    assert!(desk.typed.contains(expected), "{}", desk.typed);
}
