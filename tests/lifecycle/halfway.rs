//! The ways out of a plan that has stopped half-way: on, and back.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use forge::apply::is_free;
use insta::assert_snapshot;

use support::{cluster::Cluster, desk::Desk, dump::Dump};

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
pub(crate) fn typed(desk: &mut Desk<'_>, line: &str, exit: i32) -> String {
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
    assert!(!said.contains("nothing of it stands"), "{said}");
    assert_eq!(desk.dump(), before);
    assert_eq!(count(&desk, filled).await, 1);
}

/// An undo that goes on still names the rows that a step has written, and none that go with their column.
pub(crate) async fn rows_that_stay_are_named_by_an_abort_that_goes_on(cluster: &Cluster) {
    let schema = SCHEMA.replace(
        "country text, name text",
        "
    -- forge:backfill 'nowhere'
    country text NOT NULL,
    name text,
    -- forge:backfill 'none'
    nick text NOT NULL CHECK (nick <> 'none')",
    );
    let (mut desk, before) = planned(cluster, &schema, ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    let used = "CREATE VIEW app.nicks AS SELECT nick FROM app.users";
    desk.database.run(used).await.unwrap();
    let mut said = typed(&mut desk, "apply --abort --allow all", 6);
    desk.database.run("DROP VIEW app.nicks").await.unwrap();
    for _ in 0..2 {
        assert!(said.contains("(column app.users.country)"), "{said}");
        assert!(!said.contains("(column app.users.nick)"), "{said}");
        assert!(!said.contains("nothing of it stands"), "{said}");
        if desk.dump() != before {
            said = typed(&mut desk, "apply --abort --allow all", 0);
        }
    }
    assert_eq!(desk.dump(), before);
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

/// forge was killed behind the last step: no step is next.
pub(crate) async fn behind_the_last_step_no_step_is_named(cluster: &Cluster) {
    let schema = format!("{SCHEMA}CREATE INDEX users_name ON app.users (name);\n");
    let (mut desk, _) = planned(cluster, &schema, ROWS).await;
    desk.database
        .run("CREATE TEMP TABLE kept AS SELECT * FROM forge.snapshot")
        .await
        .unwrap();
    typed(&mut desk, "apply", 0);
    let killed = "DELETE FROM forge.snapshot; INSERT INTO forge.snapshot SELECT * FROM kept;
         DELETE FROM forge.event WHERE rev = '200000000000' AND kind = 'applied'";
    desk.database.run(killed).await.unwrap();
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains("interrupted behind the last step"), "{said}");
    assert!(said.contains("all steps are done"), "{said}");
    assert!(!said.contains("step 2"), "{said}");
    let said = typed(&mut desk, "repair --mark-done 2", 1);
    assert!(said.contains("all steps"), "{said}");
    typed(&mut desk, "apply", 0);
    typed(&mut desk, "drift", 0);
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

/// Drift is told against the revision that the database is at, not against one that was taken back.
pub(crate) async fn drift_speaks_of_the_revision_before_one_that_was_undone(cluster: &Cluster) {
    let (mut desk, _) = planned(cluster, &refuses_null(), ROWS).await;
    typed(&mut desk, "apply --skip-row-checks", 6);
    typed(&mut desk, "apply --abort", 0);
    let as_before = "no drift: the database is as revision 100000000000 left it";
    let said = typed(&mut desk, "drift", 0);
    assert!(said.contains(as_before), "{said}");
    let filled = "UPDATE app.users SET country = 'it' WHERE country IS NULL";
    desk.database.run(filled).await.unwrap();
    typed(&mut desk, "apply", 0);
    typed(&mut desk, "downgrade -1", 0);
    let said = typed(&mut desk, "drift", 0);
    assert!(said.contains(as_before), "{said}");

    desk.database
        .run("ALTER TABLE app.users ADD COLUMN extra int")
        .await
        .unwrap();
    let said = typed(&mut desk, "drift", 2);
    assert!(
        said.contains("the database is not as revision 100000000000 left it"),
        "{said}"
    );
    let said = typed(&mut desk, "drift --revert", 0);
    assert!(
        said.contains("back to what revision 100000000000 left"),
        "{said}"
    );
    let said = typed(&mut desk, "drift --format json", 2);
    assert!(said.contains("\"revision\": \"100000000000\""), "{said}");
    desk.database
        .run("ALTER TABLE app.users DROP COLUMN extra")
        .await
        .unwrap();
    typed(&mut desk, "downgrade base --allow all", 0);
    let said = typed(&mut desk, "drift", 0);
    assert!(
        said.contains("no drift: the database is as the return to base left it"),
        "{said}"
    );
}

/// A plan whose first step waits for the lock of a table, and the second for that of a row.
async fn two_locks(cluster: &Cluster) -> Desk<'_> {
    const SCHEMA: &str = "CREATE SCHEMA app;
CREATE TABLE app.a (id int);
CREATE TABLE app.b (id int PRIMARY KEY, n int);
";
    let naming = "[naming]\ntemplate = \"{seq}_{slug}\"\n";
    let files = [("forge.toml", naming), ("schema/app.sql", SCHEMA)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database
        .run("INSERT INTO app.b VALUES (1, 0)")
        .await
        .unwrap();
    desk.write(
        "schema/app.sql",
        &SCHEMA.replace("a (id int)", "a (id int, n int)"),
    );
    desk.forge("plan -m next --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_next.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let count =
        "\n-- forge:data table app.b\n-- forge:batch key=id size=10\nUPDATE app.b SET n = 1;\n";
    fs_err::write(&path, format!("{draft}{count}")).unwrap();
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    desk.typed.clear();
    desk
}

const FIRST: &str = "LOCK TABLE app.a IN SHARE MODE";
const SECOND: &str = "UPDATE app.b SET n = 2 WHERE id = 1";

/// Begins `forge apply` and returns when it waits for what this statement locks; COMMIT lets go of it.
async fn until_it_waits_for(desk: &Desk<'_>, holds: &str) -> Child {
    until_one_waits_for(desk, holds, &["apply", "--yes"]).await
}

async fn until_one_waits_for(desk: &Desk<'_>, holds: &str, args: &[&str]) -> Child {
    desk.database.run(&format!("BEGIN; {holds}")).await.unwrap();
    let mut command = desk.environment.command(args);
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    let started = Instant::now();
    while count(desk, waits).await == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it waits for nothing"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running
}

/// Whoever wants to stop is not told that a lock could not be had: that is what scripts try again for.
pub(crate) async fn whoever_stops_a_wait_for_a_lock_is_told_of_an_interruption(cluster: &Cluster) {
    let mut desk = two_locks(cluster).await;
    for (holds, exit, step, stands) in [
        (FIRST, 1, "step 1", "nothing of revision"),
        (SECOND, 6, "step 2", "1 of 2 steps stand"),
    ] {
        let running = until_it_waits_for(&desk, holds).await;
        let sent = Command::new("kill")
            .args(["-INT", &running.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let output = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains(&format!("interrupted in {step}")), "{said}");
        assert!(said.contains(stands), "{said}");
        assert!(!said.contains("failed:"), "{said}");
        desk.database.run("COMMIT").await.unwrap();
    }
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains("interrupted at step 2"), "{said}");
    assert!(!said.contains("failed  "), "{said}");
    typed(&mut desk, "apply", 0);
}

/// `forge status` is for the moment in which something hangs: it waits for nothing, and nothing waits for it.
pub(crate) async fn status_takes_no_lock(cluster: &Cluster) {
    let mut desk = two_locks(cluster).await;
    // In a transaction, a lock would be kept.
    desk.database.run("BEGIN").await.unwrap();
    assert!(is_free(desk.database.session()).await.unwrap());
    let own =
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
    assert_eq!(count(&desk, own).await, 0);
    desk.database.run("COMMIT").await.unwrap();
    let mut running = until_it_waits_for(&desk, FIRST).await;
    assert!(!is_free(desk.database.session()).await.unwrap());
    typed(&mut desk, "status", 0);
    desk.database.run("COMMIT").await.unwrap();
    running.wait().unwrap();
    assert!(is_free(desk.database.session()).await.unwrap());
}

/// What was killed has not failed, and a run that works has not been interrupted.
pub(crate) async fn a_run_that_was_killed_is_not_told_as_one_that_failed(cluster: &Cluster) {
    let mut desk = two_locks(cluster).await;
    let mut running = until_it_waits_for(&desk, SECOND).await;
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains("a forge works on the database now"), "{said}");
    assert!(!said.contains("way out"), "{said}");
    running.kill().unwrap();
    running.wait().unwrap();
    desk.database.run("COMMIT").await.unwrap();
    let killed = async |desk: &Desk<'_>| {
        let works = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name LIKE 'forge/%'";
        while count(desk, works).await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    killed(&desk).await;
    let said = typed(&mut desk, "status", 0);
    let interrupted = [
        "interrupted at step 2 (data table app.b); no step failed",
        "`forge apply` goes on at step 2\n",
        "`forge apply --abort` undoes what stands, 1 step",
    ];
    for part in interrupted {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("failed on"), "{said}");

    // What nobody has approved isn't run, and the first step still stands.
    let fires =
        "CREATE FUNCTION app.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER fire BEFORE UPDATE ON app.b FOR EACH ROW EXECUTE FUNCTION app.fire()";
    desk.database.run(fires).await.unwrap();
    let said = typed(&mut desk, "apply", 6);
    assert!(said.contains("fires the trigger app.b.fire"), "{said}");
    assert!(said.contains("1 of 2 steps stand"), "{said}");
    let gone = "DROP FUNCTION app.fire() CASCADE";
    desk.database.run(gone).await.unwrap();

    let fails = "ALTER TABLE app.b ADD CONSTRAINT refuse CHECK (n < -1000) NOT VALID";
    desk.database.run(fails).await.unwrap();
    typed(&mut desk, "apply", 6);
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains("once what it failed on is changed"), "{said}");
    assert!(said.contains("violates check constraint"), "{said}");
    desk.database
        .run("ALTER TABLE app.b DROP CONSTRAINT refuse")
        .await
        .unwrap();

    // An earlier failure is not that of the run that was killed.
    let mut running = until_it_waits_for(&desk, SECOND).await;
    running.kill().unwrap();
    running.wait().unwrap();
    desk.database.run("COMMIT").await.unwrap();
    killed(&desk).await;
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains(interrupted[0]), "{said}");
    typed(&mut desk, "apply", 0);
}

/// A database that is not what the approved plan promised is not called done by the next command.
pub(crate) async fn a_result_that_differs_is_named_until_it_does_not(cluster: &Cluster) {
    let schema = SCHEMA.replace("name text", "name text, more int");
    let (mut desk, _) = planned(cluster, &schema, "SELECT 1").await;
    // Somebody changes the database while the plan runs.
    let holds = "LOCK TABLE app.users IN SHARE MODE; CREATE TABLE app.by_hand (id int)";
    let running = until_it_waits_for(&desk, holds).await;
    desk.database.run("COMMIT").await.unwrap();
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("error[result-differs]"), "{said}");

    let differs = "the database is not what revision 200000000000 promised";
    let open = |desk: &mut Desk<'_>| {
        for (line, exit) in [("status", 0), ("apply", 3), ("verify", 2)] {
            let said = typed(desk, line, exit);
            assert!(said.contains(differs), "{line}: {said}");
            assert!(
                said.contains("`forge plan` shows the difference"),
                "{line}: {said}"
            );
            assert!(said.contains("`forge drift`"), "{line}: {said}");
        }
        let said = typed(desk, "drift", 2);
        let told = "revision 200000000000 has left something else than it promised";
        assert!(said.contains(told), "{said}");
    };
    let settled = |desk: &mut Desk<'_>| {
        for line in ["status", "apply", "verify", "drift"] {
            let said = typed(desk, line, 0);
            assert!(!said.contains("promised"), "{line}: {said}");
        }
    };
    open(&mut desk);
    // It goes if somebody takes it back by hand, and comes back with it.
    desk.database.run("DROP TABLE app.by_hand").await.unwrap();
    settled(&mut desk);
    desk.database
        .run("CREATE TABLE app.by_hand (id int)")
        .await
        .unwrap();
    open(&mut desk);

    // A plan that knows nothing of it leaves it open.
    desk.write("schema/other.sql", "CREATE TABLE app.other (id int);\n");
    typed(
        &mut desk,
        "plan --from history -m other --rev-id 300000000000",
        0,
    );
    typed(&mut desk, "approve", 0);
    let said = typed(&mut desk, "apply", 0);
    assert!(said.contains(differs), "{said}");
    open(&mut desk);
    // One that was made for the database as it is settles it.
    typed(&mut desk, "plan -m settle --rev-id 400000000000", 0);
    typed(&mut desk, "approve --allow all", 0);
    typed(&mut desk, "apply", 0);
    settled(&mut desk);
    typed(&mut desk, "plan --check", 0);
}

/// What isn't managed any more leaves no difference open, and a command that is to follow is told of truly.
pub(crate) async fn a_difference_ends_with_what_is_managed(cluster: &Cluster) {
    let settings = |more: &str| {
        format!(
            "[environments.local]\nafter_apply = \"touch told\"\n[naming]\ntemplate = \"{{seq}}_{{slug}}\"\n{more}"
        )
    };
    let schema = SCHEMA.replace("name text", "name text, more int");
    let (mut desk, _) = planned(cluster, &schema, "SELECT 1").await;
    desk.write("forge.toml", &settings(""));
    let holds = "LOCK TABLE app.users IN SHARE MODE; CREATE TABLE app.by_hand (id int)";
    let running = until_one_waits_for(&desk, holds, &["apply", "--env", "local"]).await;
    desk.database.run("COMMIT").await.unwrap();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");

    let said = typed(&mut desk, "status", 0);
    let named = "`forge apply` runs it once the difference is gone, or behind the next plan";
    assert!(said.contains(named), "{said}");
    let said = typed(&mut desk, "apply --env local", 3);
    let named = "it is run once the difference is gone, or behind the next plan";
    assert!(said.contains(named), "{said}");
    assert!(!desk.environment.project().join("told").exists());

    // What is left out now was no part of the difference, which stays.
    for exclude in ["app.users", "app.by_hand"] {
        let managed = format!("[managed]\nexclude = [\"{exclude}\"]\n");
        desk.write("forge.toml", &settings(&managed));
        if exclude == "app.users" {
            let said = typed(&mut desk, "apply", 3);
            assert!(said.contains("`[managed]` has changed since"), "{said}");
            desk.database.run("DROP TABLE app.by_hand").await.unwrap();
        }
        for line in ["status", "apply", "verify", "drift"] {
            let said = typed(&mut desk, line, 0);
            assert!(!said.contains("promised"), "{exclude}: {line}: {said}");
        }
        desk.database
            .run("CREATE TABLE IF NOT EXISTS app.by_hand (id int)")
            .await
            .unwrap();
    }
    typed(&mut desk, "apply --env local", 0);
    assert!(desk.environment.project().join("told").exists());
    let said = typed(&mut desk, "status", 0);
    assert!(!said.contains("after_apply"), "{said}");
}

/// A smoke test or a notice that has not followed an apply is not forgotten.
pub(crate) async fn a_command_that_follows_an_apply_is_run_until_it_succeeds(cluster: &Cluster) {
    let settings = |hook: &str| {
        format!("[environments.local]\n{hook}\n[naming]\ntemplate = \"{{seq}}_{{slug}}\"\n")
    };
    let schema = SCHEMA.replace("name text", "name text, more int");
    let (mut desk, _) = planned(cluster, &schema, "SELECT 1").await;
    let hook = "after_apply = \"echo $FORGE_REVISIONS >> told; test -e well\"";
    desk.write("forge.toml", &settings(hook));
    let told = |desk: &Desk<'_>| {
        fs_err::read_to_string(desk.environment.project().join("told")).unwrap_or_default()
    };
    let said = typed(&mut desk, "apply --env local", 1);
    assert!(said.contains("`after_apply` failed"), "{said}");
    assert!(
        said.contains("run `forge apply`: it runs `after_apply` again"),
        "{said}"
    );
    let named = "after     200000000000: `after_apply` failed; `forge apply` runs it again";
    let said = typed(&mut desk, "status", 0);
    assert!(said.contains(named), "{said}");
    let said = typed(&mut desk, "apply --env local", 1);
    assert!(
        said.contains("`after_apply` has not followed the apply of 200000000000 yet"),
        "{said}"
    );
    // Settings without the command do not settle it.
    let said = typed(&mut desk, "apply", 0);
    assert!(said.contains("these settings have none"), "{said}");
    assert_eq!(told(&desk), "200000000000\n200000000000\n");

    // It follows together with what is applied next.
    desk.write("schema/other.sql", "CREATE TABLE app.other (id int);\n");
    typed(&mut desk, "plan -m other --rev-id 300000000000", 0);
    typed(&mut desk, "approve", 0);
    desk.write("well", "");
    typed(&mut desk, "apply --env local", 0);
    assert!(
        told(&desk).ends_with("200000000000 300000000000\n"),
        "{}",
        told(&desk)
    );
    let said = typed(&mut desk, "status", 0);
    assert!(!said.contains("after_apply"), "{said}");
    typed(&mut desk, "apply --env local", 0);
    assert_eq!(told(&desk).lines().count(), 3);

    // Nor is one that was killed; one of a plan that was taken back is.
    let hook = "after_apply = \"kill -9 $PPID; echo $FORGE_REVISIONS >> told; sleep 1\"";
    desk.write("forge.toml", &settings(hook));
    typed(&mut desk, "downgrade -1 --allow all", 0);
    desk.forge("apply --env local");
    let said = typed(&mut desk, "status", 0);
    let named = "after     300000000000: `after_apply` has not come to its end; `forge apply` runs it again";
    assert!(said.contains(named), "{said}");
    desk.write(
        "forge.toml",
        &settings("after_apply = \"echo again >> told\""),
    );
    typed(&mut desk, "apply --env local", 0);
    assert!(told(&desk).ends_with("again\n"), "{}", told(&desk));
    let said = typed(&mut desk, "status", 0);
    assert!(!said.contains("after_apply"), "{said}");
    desk.write("forge.toml", &settings("after_apply = \"false\""));
    typed(&mut desk, "downgrade -1 --allow all", 0);
    typed(&mut desk, "apply --env local", 1);
    typed(&mut desk, "downgrade -1 --allow all", 0);
    let said = typed(&mut desk, "status", 0);
    assert!(!said.contains("after_apply"), "{said}");
}

/// The undo steps stand in the file of the way back, between `\if false` and `\endif`.
pub(crate) async fn psql_leaves_the_undo_steps_out(cluster: &Cluster) {
    let (mut desk, before) = planned(cluster, &refuses_null(), "").await;
    let down = fs_err::read_to_string(desk.environment.project().join("plans/0002_next.down.sql"))
        .unwrap();
    assert!(down.contains("\n-- forge:undo "), "{down}");
    typed(&mut desk, "apply", 0);
    assert_ne!(desk.dump(), before);
    let psql = [
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        "plans/0002_next.down.sql",
    ];
    desk.other("psql", &psql);
    assert_eq!(desk.dump(), before);
}
