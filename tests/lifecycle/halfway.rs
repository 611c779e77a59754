//! The ways out of a plan that has stopped half-way: on, and back.

use insta::assert_snapshot;

use crate::{cluster::Cluster, desk::Desk, dump::Dump};

const SCHEMA: &str = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, country text, name text);
";

/// A project with rows whose next plan is approved; and the database before it.
async fn planned<'a>(cluster: &'a Cluster, schema: &str, rows: &str) -> (Desk<'a>, Dump) {
    let naming = "[naming]\ntemplate = \"{seq}_{slug}\"\n";
    let files = [("forge.toml", naming), ("schema/app.sql", SCHEMA)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database.run(rows).await.unwrap();
    desk.write("schema/app.sql", schema);
    desk.forge("plan -m \"next\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    desk.typed.clear();
    let before = desk.dump();
    (desk, before)
}

/// Types a command that has to end with this exit code, and returns what it says.
fn typed(desk: &mut Desk<'_>, line: &str, exit: i32) -> String {
    let earlier = std::mem::take(&mut desk.typed);
    desk.forge(line);
    let said = std::mem::take(&mut desk.typed);
    let ends_so = match exit {
        0 => !said.contains("[exit "),
        code => said.contains(&format!("[exit {code}]")),
    };
    assert!(ends_so, "{line} was to end with {exit}: {said}");
    desk.typed = earlier + &said;
    said
}

async fn count(desk: &Desk<'_>, query: &str) -> i64 {
    let client = desk.database.session().client();
    client.query_one(query, &[]).await.unwrap().get(0)
}

fn refuses_null() -> String {
    SCHEMA.replace("country text", "country text NOT NULL")
}

const ROWS: &str = "INSERT INTO app.users VALUES (1, 'it', 'Ann'), (2, NULL, 'Bob')";

pub(crate) async fn a_check_that_rows_break_has_ways_out(cluster: &Cluster) {
    let (mut desk, before) = planned(cluster, &refuses_null(), ROWS).await;
    typed(&mut desk, "apply", 3);
    typed(&mut desk, "apply --skip-row-checks", 6);
    // The application's own statements fail meanwhile.
    let touch = "UPDATE app.users SET name = 'Bert' WHERE id = 2";
    assert!(desk.database.run(touch).await.is_err());
    typed(&mut desk, "status", 0);
    typed(&mut desk, "downgrade -1", 6);
    typed(&mut desk, "drift", 6);
    typed(&mut desk, "repair", 0);
    typed(&mut desk, "apply --abort --dry-run", 0);
    typed(&mut desk, "apply --abort", 0);
    assert_eq!(desk.dump(), before);
    desk.database.run(touch).await.unwrap();
    typed(&mut desk, "drift", 0);
    typed(&mut desk, "apply --abort", 0);
    typed(&mut desk, "apply", 3);
    let filled = "UPDATE app.users SET country = 'it' WHERE country IS NULL";
    desk.database.run(filled).await.unwrap();
    typed(&mut desk, "apply", 0);
    typed(&mut desk, "drift", 0);
    assert_snapshot!(desk.typed);
}

pub(crate) async fn what_somebody_has_undone_runs_again(cluster: &Cluster) {
    let (mut desk, before) = planned(cluster, &refuses_null(), ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    let by_hand = "ALTER TABLE app.users DROP CONSTRAINT forge_country_not_null;
         UPDATE app.users SET country = 'it' WHERE country IS NULL";
    desk.database.run(by_hand).await.unwrap();
    let said = typed(&mut desk, "repair --mark-done 2", 3);
    assert!(said.contains("somebody has undone steps"), "{said}");
    let said = typed(&mut desk, "apply", 0);
    assert!(said.contains("step 1: somebody has undone it"), "{said}");
    typed(&mut desk, "drift", 0);
    typed(&mut desk, "downgrade -1", 0);
    assert_eq!(desk.dump(), before);

    // Nothing stands any more: nothing is to be undone, and that is recorded.
    desk.database
        .run("UPDATE app.users SET country = NULL WHERE id = 2")
        .await
        .unwrap();
    typed(&mut desk, "apply --skip-row-checks", 6);
    let by_hand = "ALTER TABLE app.users DROP CONSTRAINT forge_country_not_null";
    desk.database.run(by_hand).await.unwrap();
    typed(&mut desk, "apply --abort", 0);
    assert_eq!(desk.dump(), before);
    typed(&mut desk, "downgrade -1 --allow all", 0);
}

pub(crate) async fn what_somebody_has_done_is_not_run_again(cluster: &Cluster) {
    let schema = format!(
        "{}CREATE INDEX users_name ON app.users (name);\n",
        refuses_null()
    );
    let (mut desk, before) = planned(cluster, &schema, ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    let said = typed(&mut desk, "status", 0);
    let next: usize = said
        .split("goes on at step ")
        .nth(1)
        .and_then(|rest| rest.split(',').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no step: {said}"));
    let said = typed(&mut desk, &format!("repair --mark-done {next}"), 3);
    assert!(said.contains("is not done"), "{said}");
    let by_hand = [
        "UPDATE app.users SET country = 'it' WHERE country IS NULL",
        "ALTER TABLE app.users VALIDATE CONSTRAINT forge_country_not_null",
        "CREATE INDEX IF NOT EXISTS users_name ON app.users USING btree (name)",
    ];
    desk.database.statements(&by_hand, false).await.unwrap();
    typed(&mut desk, &format!("repair --mark-done {next}"), 0);
    let said = typed(&mut desk, "apply", 0);
    assert!(said.contains("it is done already"), "{said}");
    typed(&mut desk, "drift", 0);
    typed(&mut desk, "downgrade -1", 0);
    assert_eq!(desk.dump(), before);
}

pub(crate) async fn an_invalid_index_is_in_nobodys_way(cluster: &Cluster) {
    let schema = format!(
        "{SCHEMA}COMMENT ON TABLE app.users IS 'people';\nCREATE UNIQUE INDEX users_name ON app.users (name);\n"
    );
    let rows = "INSERT INTO app.users VALUES (1, 'it', 'Ann'), (2, 'it', 'Ann')";
    let (mut desk, before) = planned(cluster, &schema, rows).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    // Somebody tries by hand, and leaves an invalid index.
    let by_hand = ["CREATE UNIQUE INDEX CONCURRENTLY users_name ON app.users (name)"];
    assert!(desk.database.statements(&by_hand, false).await.is_err());
    typed(&mut desk, "apply --abort", 0);
    assert_eq!(desk.dump(), before);
    typed(&mut desk, "apply --skip-row-checks", 6);
    assert!(desk.database.statements(&by_hand, false).await.is_err());
    desk.database
        .run("UPDATE app.users SET name = 'Bob' WHERE id = 2")
        .await
        .unwrap();
    typed(&mut desk, "apply", 0);
    typed(&mut desk, "drift", 0);
}

pub(crate) async fn rows_that_a_backfill_wrote_stay(cluster: &Cluster) {
    let schema = SCHEMA.replace(
        "country text",
        "\n    -- forge:backfill CASE WHEN id = 2 THEN 'nowhere' END\n    country text NOT NULL",
    );
    let rows = format!("{ROWS}, (3, NULL, 'Cid')");
    let (mut desk, before) = planned(cluster, &schema, &rows).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    let filled = "SELECT count(*) FROM app.users WHERE country = 'nowhere'";
    assert_eq!(count(&desk, filled).await, 1, "{}", desk.typed);
    let said = typed(&mut desk, "apply --abort", 0);
    assert!(said.contains("stay as they are"), "{said}");
    assert_eq!(desk.dump(), before);
    assert_eq!(count(&desk, filled).await, 1);
}

pub(crate) async fn a_column_that_is_added_and_filled_needs_an_approval_to_go(cluster: &Cluster) {
    let schema = SCHEMA.replace(
        "name text",
        "name text,\n    -- forge:backfill 'none'\n    nick text NOT NULL CHECK (nick <> 'none')",
    );
    let (mut desk, before) = planned(cluster, &schema, ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    let half_way = desk.dump();
    let said = typed(&mut desk, "apply --abort", 3);
    assert!(
        said.contains("--allow deletes-data:app.users.nick"),
        "{said}"
    );
    assert_eq!(desk.dump(), half_way);
    typed(
        &mut desk,
        "apply --abort --allow deletes-data:app.users.nick",
        0,
    );
    assert_eq!(desk.dump(), before);
    assert_eq!(count(&desk, "SELECT count(*) FROM app.users").await, 2);
}

/// forge was killed when the index stood, before it could record that.
pub(crate) async fn a_step_whose_end_nobody_recorded_is_seen(cluster: &Cluster) {
    let schema = format!("{SCHEMA}CREATE INDEX users_name ON app.users (name);\n");
    let kept = "CREATE TEMP TABLE kept AS SELECT * FROM forge.snapshot";
    let killed = "DELETE FROM forge.snapshot; INSERT INTO forge.snapshot SELECT * FROM kept;
         DELETE FROM forge.event WHERE rev = '200000000000' AND kind IN ('step_done', 'applied')";
    for abort in [true, false] {
        let (mut desk, before) = planned(cluster, &schema, ROWS).await;
        desk.database.run(kept).await.unwrap();
        typed(&mut desk, "apply", 0);
        let after = desk.dump();
        desk.database.run(killed).await.unwrap();
        if abort {
            typed(&mut desk, "apply --abort", 0);
            assert_eq!(desk.dump(), before);
        } else {
            let said = typed(&mut desk, "apply", 0);
            assert!(said.contains("it is done already"), "{said}");
            assert_eq!(desk.dump(), after);
        }
    }
}

pub(crate) async fn an_abort_that_stops_goes_on(cluster: &Cluster) {
    let schema = SCHEMA.replace(
        "name text",
        "name text,\n    -- forge:backfill 'none'\n    nick text NOT NULL CHECK (nick <> 'none')",
    );
    let (mut desk, before) = planned(cluster, &schema, ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    // Somebody uses what is to be undone.
    let used = "CREATE VIEW app.nicks AS SELECT nick FROM app.users";
    desk.database.run(used).await.unwrap();
    let said = typed(&mut desk, "apply --abort --allow all", 6);
    assert!(said.contains("other objects depend on it"), "{said}");
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains("`forge apply --abort` goes on"), "{said}");
    let said = typed(&mut desk, "apply", 6);
    assert!(said.contains("forge apply --abort"), "{said}");
    desk.database.run("DROP VIEW app.nicks").await.unwrap();
    typed(&mut desk, "apply --abort --allow all", 0);
    assert_eq!(desk.dump(), before);
}
