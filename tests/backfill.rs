//! Steps in batches and plans in phases, as the program carries them out: killed, stopped, paused, and begun again.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails shows what it unwrapped"
)]

use std::{
    process::{self, Child, Command, ExitCode},
    thread::sleep,
    time::{Duration, Instant},
};

use forge::{
    catalog::Scope,
    introspect::{Cast, introspect},
    plan::{
        Plan,
        file::{PlanFile, SETTINGS},
    },
};
use support::{
    TestEnvironment,
    cluster::{Cluster, Database},
    desk,
};

fn main() -> ExitCode {
    desk::run(support::trials![
        killed_at_any_moment_it_repeats_nothing_and_skips_nothing,
        stopped_paused_aborted_and_resumed,
        applied_in_phases,
        rows_are_copied_and_deleted_in_batches,
        without_a_key_nothing_is_done,
        a_batch_that_fails_stands_alone,
    ])
}

const ROWS: i64 = 3000;

/// A table with a composite key, whose rows note how often they are written.
const TABLE: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.users (tenant int, id int, name text, n int NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id));
    CREATE TABLE app.names (tenant int, id int, name text);
    INSERT INTO app.users SELECT g % 7, g, 'user ' || g FROM generate_series(1, 3000) AS g;";

/// A project on a database of its own.
struct Project {
    environment: TestEnvironment,
    database: Database,
}

impl Project {
    async fn new(cluster: &Cluster) -> Self {
        let database = cluster.database(TABLE).await.unwrap();
        let environment = TestEnvironment::new()
            .file("forge.toml", "")
            .variable("DATABASE_URL", &database.url());
        Self {
            environment,
            database,
        }
    }

    /// Puts an approved plan of these steps, which change no object, into the plans folder.
    async fn plan(mut self, steps: &str) -> Self {
        let mut live = introspect(self.database.session(), &Cast::new())
            .await
            .unwrap();
        Scope::default().restrict(&mut live);
        let state = live.fingerprint();
        let text = format!(
            "-- forge:format 1\n-- forge:revision aaaaaaaaaaaa\n-- forge:message fill the users\n-- forge:author a\n\
             -- forge:created 2026-01-01T00:00:00Z\n-- forge:postgres {}\n-- forge:from {state}\n-- forge:to {state}\n-- forge:semver 0.1.0\n\n{};\n\n{steps}",
            self.database.session().major(),
            SETTINGS.join(";\n"),
        );
        let mut up = PlanFile::read("plans/fill.sql".into(), &text).unwrap();
        let mut down = PlanFile {
            plan: Plan::default(),
            ..up.clone()
        };
        // As forge leaves a plan that it has proved.
        up.mark_proved().unwrap();
        down.mark_proved().unwrap();
        self.environment = self
            .environment
            .file("plans/fill.sql", &up.render())
            .file("plans/fill.down.sql", &down.render());
        self.expect(&["approve", "--all", "--allow", "all"], 0);
        self
    }

    /// Runs forge, which has to end with this exit code. Returns what it says.
    fn expect(&self, args: &[&str], code: i32) -> String {
        let text = self.environment.run(args);
        assert!(text.ends_with(&format!("[exit {code}]\n")), "{text}");
        text
    }

    fn start(&self, args: &[&str]) -> Child {
        self.environment
            .command(args)
            .stdout(process::Stdio::null())
            .stderr(process::Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn number(&self, query: &str) -> i64 {
        let client = self.database.session().client();
        client.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Waits until so many rows are done.
    async fn until(&self, rows: i64) {
        let started = Instant::now();
        let done = "SELECT COALESCE((SELECT max(rows_done) FROM forge.backfill), 0)";
        let begun = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('forge.backfill')";
        while self.number(begun).await == 0 || self.number(done).await < rows {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "it doesn't go on"
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Each row was written so many times.
    async fn written(&self, times: i64) {
        let counted = format!("SELECT count(*) FROM app.users WHERE n = {times}");
        assert_eq!(self.number(&counted).await, ROWS);
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

const COUNT: &str = "\
-- forge:data table app.users count how often a row is written
-- lock: RowExclusive on app.users
-- forge:batch key=tenant,id size=100 pause=20ms
UPDATE app.users AS u SET n = u.n + 1 WHERE u.name IS NOT NULL;
";

async fn killed_at_any_moment_it_repeats_nothing_and_skips_nothing(cluster: &Cluster) {
    let project = Project::new(cluster).await.plan(COUNT).await;
    let mut kills = 0;
    for wait in (0..40).map(|turn| 120 + turn * 37 % 200) {
        let mut apply = project.start(&["apply", "--yes"]);
        sleep(Duration::from_millis(wait));
        if let Some(status) = apply.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            break;
        }
        signal(&apply, "KILL");
        apply.wait().unwrap();
        kills += 1;
    }
    project.expect(&["apply", "--yes"], 0);
    assert!(kills > 2, "it was killed {kills} times");
    project.written(1).await;
    let done = "SELECT rows_done FROM forge.backfill WHERE finished IS NOT NULL AND rows_written = rows_done";
    assert_eq!(project.number(done).await, ROWS);
    project.database.drop().await.unwrap();
}

async fn stopped_paused_aborted_and_resumed(cluster: &Cluster) {
    let project = Project::new(cluster).await.plan(COUNT).await;
    assert!(
        project
            .expect(&["backfill", "status"], 0)
            .contains("no step")
    );
    let mut apply = project.start(&["apply", "--yes"]);
    project.until(200).await;
    signal(&apply, "INT");
    assert_eq!(apply.wait().unwrap().code(), Some(6));

    let mut apply = project.start(&["apply", "--yes"]);
    project.until(600).await;
    project.expect(&["backfill", "pause"], 0);
    sleep(Duration::from_millis(200));
    let text = project.expect(&["backfill", "status"], 0);
    assert!(text.contains("app.users: paused"), "{text}");
    let paused_at = project.number("SELECT rows_done FROM forge.backfill").await;
    sleep(Duration::from_millis(300));
    assert_eq!(apply.try_wait().unwrap(), None);
    assert_eq!(
        project.number("SELECT rows_done FROM forge.backfill").await,
        paused_at
    );
    project.expect(&["backfill", "abort", "aaaa"], 0);
    assert_eq!(apply.wait().unwrap().code(), Some(6));

    let text = project.expect(&["apply", "--yes"], 6);
    assert!(
        text.contains("`forge backfill resume` takes that back"),
        "{text}"
    );
    let text = project.expect(&["downgrade", "-1"], 6);
    assert!(text.contains("is partly applied"), "{text}");
    project.expect(&["backfill", "resume"], 0);
    project.expect(&["apply", "--yes"], 0);
    project.written(1).await;
    let text = project.expect(&["backfill", "status", "--format", "json"], 0);
    assert!(text.contains("\"state\": \"done\""), "{text}");

    // A plan that comes again begins anew.
    project.expect(&["downgrade", "-1", "--yes"], 0);
    project.expect(&["apply", "--yes"], 0);
    project.written(2).await;
    project.database.drop().await.unwrap();
}

async fn applied_in_phases(cluster: &Cluster) {
    let add = "UPDATE app.users SET n = n + 1";
    let steps = format!(
        "-- forge:data table app.users\n{add};\n\n-- forge:phase backfill\n{COUNT}\n\
         -- forge:phase contract\nBEGIN;\n-- forge:data table app.users\n{add};\nCOMMIT;\n"
    );
    let project = Project::new(cluster).await.plan(&steps).await;
    let text = project.expect(&["apply", "--yes", "--phase", "backfill"], 1);
    assert!(text.contains("comes behind `expand`"), "{text}");
    let text = project.expect(&["apply", "--yes", "--phase", "expand"], 0);
    assert!(text.contains("waits for its phase backfill"), "{text}");
    project.written(1).await;
    let text = project.expect(&["status"], 0);
    assert!(
        text.contains("expand done, backfill to come, contract to come"),
        "{text}"
    );
    project.expect(&["apply", "--yes", "--phase", "expand"], 0);
    project.expect(&["apply", "--yes", "--phase", "contract"], 1);
    project.expect(&["downgrade", "base"], 6);
    project.expect(&["apply", "--yes", "--phase", "backfill"], 0);
    project.written(2).await;
    let text = project.expect(&["apply", "--yes"], 0);
    assert!(text.contains("applied 1 plan"), "{text}");
    project.written(3).await;
    project.database.drop().await.unwrap();
}

async fn rows_are_copied_and_deleted_in_batches(cluster: &Cluster) {
    let steps = "\
-- forge:data table app.names
-- forge:batch key=tenant,id size=700
INSERT INTO app.names (tenant, id, name)
SELECT u.tenant, u.id, upper(u.name) -- in capitals
FROM app.users AS u
WHERE u.id % 2 = 0 OR u.id % 3 = 0;

-- forge:data table app.users
-- hazard: deletes-data · they have been copied
-- forge:batch key=tenant,id size=450
DELETE FROM app.users USING app.names AS n WHERE n.tenant = users.tenant AND n.id = users.id;
";
    let project = Project::new(cluster).await.plan(steps).await;
    project.expect(&["apply", "--yes"], 0);
    let copied = project.number("SELECT count(*) FROM app.names").await;
    assert_eq!(copied, 2000);
    assert_eq!(project.number("SELECT count(*) FROM app.users").await, 1000);
    project.database.drop().await.unwrap();
}

async fn without_a_key_nothing_is_done(cluster: &Cluster) {
    let steps = COUNT.replace("key=tenant,id", "key=id");
    let project = Project::new(cluster).await.plan(&steps).await;
    let text = project.expect(&["apply", "--yes"], 1);
    assert!(text.contains("`app.users` has no key (id)"), "{text}");
    assert!(text.contains("its keys: (tenant, id)"), "{text}");
    assert!(text.contains("plans/fill.sql:25:1"), "{text}");
    project.written(0).await;
    project.database.drop().await.unwrap();
}

async fn a_batch_that_fails_stands_alone(cluster: &Cluster) {
    let steps = COUNT.replace("u.n + 1", "u.n + 1 / (u.tenant - 3)");
    let project = Project::new(cluster).await.plan(&steps).await;
    let text = project.expect(&["apply", "--yes", "--skip-row-checks"], 6);
    assert!(text.contains("division by zero"), "{text}");
    assert!(text.contains("and 1200 rows of this one"), "{text}");
    project.database.drop().await.unwrap();
}
