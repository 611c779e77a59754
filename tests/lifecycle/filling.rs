//! Columns that are filled before they refuse NULL, while the application writes NULL.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use support::{cluster::Cluster, desk::Desk};

/// Every fill waits at its first statement until nobody holds the advisory lock 7.
const GATE: &str = "\
CREATE SCHEMA app;
CREATE FUNCTION app.gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(7);
    RETURN NULL;
END $$;
";
const TRIGGER: &str = "CREATE TRIGGER gate BEFORE UPDATE ON app.t EXECUTE FUNCTION app.gate();\n";

/// What a column becomes, and where forge has to wait for a writer before no NULL can be written any more.
struct Way {
    name: &'static str,
    before: &'static str,
    after: &'static str,
    /// How the plan writes a fill, of which it has two.
    fill: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        name: "a column that is there",
        before: "id int, state text",
        after: "id int,\n    -- forge:backfill 'new'\n    state text NOT NULL",
        fill: "UPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a column that is there, in batches",
        before: "id int PRIMARY KEY, state text",
        after: "id int PRIMARY KEY,\n    -- forge:backfill 'new'\n    state text NOT NULL",
        fill: "-- forge:batch key=id size=10000\nUPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a new column",
        before: "id int",
        after: "id int,\n    -- forge:backfill 'new'\n    state text NOT NULL",
        fill: "UPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a new column, in batches",
        before: "id int PRIMARY KEY",
        after: "id int PRIMARY KEY,\n    -- forge:backfill 'new'\n    state text NOT NULL",
        fill: "-- forge:batch key=id size=10000\nUPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a column of another type",
        before: "id int, state varchar(20)",
        after: "id int,\n    -- forge:backfill 'new'\n    state text NOT NULL",
        fill: "UPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a new column that a check refuses NULL in",
        before: "id int",
        after: "id int,\n    -- forge:backfill 'new'\n    state text CONSTRAINT has_state CHECK (state IS NOT NULL)",
        fill: "UPDATE app.t SET state = 'new' WHERE state IS NULL;",
    },
    Way {
        name: "a new column of a foreign key that matches in full, in batches",
        before: "id int PRIMARY KEY, other text DEFAULT 'here', UNIQUE (id, other)",
        after: "id int PRIMARY KEY, other text DEFAULT 'here', UNIQUE (id, other),\n    -- forge:backfill 'here'\n    state text,\n    CONSTRAINT whole FOREIGN KEY (id, state) REFERENCES app.t (id, other) MATCH FULL",
        fill: "-- forge:batch key=id size=10000\nUPDATE app.t SET state = 'here' WHERE state IS NULL;",
    },
];

fn schema(columns: &str) -> String {
    format!("{GATE}CREATE TABLE app.t (\n    {columns}\n);\n{TRIGGER}")
}

async fn number(desk: &Desk<'_>, query: &str) -> i64 {
    let client = desk.database.session().client();
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// Waits until a backend waits for such a lock.
async fn until_waited_for(desk: &Desk<'_>, lock: &str, apply: &mut Child) {
    let waiting = format!(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND {lock}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let started = Instant::now();
    while number(desk, &waiting).await == 0 {
        let ended = apply.try_wait().unwrap();
        assert!(ended.is_none(), "it has not waited for {lock}: {ended:?}");
        let is_late = started.elapsed() > Duration::from_mins(1);
        assert!(!is_late, "nobody waits for {lock}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Begins with an apply, and lets the application write a NULL: the first fill doesn't see it, and it is there before NULL
/// is refused.
async fn a_null_comes_between(desk: &Desk<'_>) -> Child {
    desk.database
        .run("SELECT pg_advisory_lock(7)")
        .await
        .unwrap();
    let mut command = desk.environment.command(&["apply", "--yes"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut apply = command.spawn().unwrap();
    until_waited_for(desk, "locktype = 'advisory'", &mut apply).await;
    // Its transaction is open while the fill runs, and holds off whatever refuses NULL.
    let write = "BEGIN; INSERT INTO app.t (id) VALUES (2); SELECT pg_advisory_unlock(7)";
    desk.database.run(write).await.unwrap();
    let strong =
        "relation = 'app.t'::regclass AND mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock')";
    until_waited_for(desk, strong, &mut apply).await;
    apply
}

async fn planned<'a>(cluster: &'a Cluster, way: &Way) -> Desk<'a> {
    let files = [
        ("forge.toml", ""),
        ("schema/app.sql", &schema(way.before)[..]),
    ];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database
        .run("INSERT INTO app.t (id) VALUES (1)")
        .await
        .unwrap();
    desk.write("schema/app.sql", &schema(way.after));
    desk.forge("plan -m \"states\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    desk.typed.clear();
    desk.forge("show 200000000000");
    let found = desk.typed.matches(way.fill).count();
    assert_eq!(found, 2, "{}: {}", way.name, desk.typed);
    desk.typed.clear();
    desk
}

async fn check_filled(mut desk: Desk<'_>, way: &Way) {
    let empty = "SELECT count(*) FROM app.t WHERE state IS NULL";
    assert_eq!(number(&desk, empty).await, 0, "{}", way.name);
    assert_eq!(number(&desk, "SELECT count(*) FROM app.t").await, 2);
    desk.forge("drift");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    desk.database.drop().await.unwrap();
}

pub(crate) async fn a_null_written_while_a_fill_runs_is_filled(cluster: &Cluster) {
    for way in WAYS {
        let desk = planned(cluster, way).await;
        let apply = a_null_comes_between(&desk).await;
        desk.database.run("COMMIT").await.unwrap();
        let status = ended(apply);
        assert_eq!(status.code(), Some(0), "{}: it failed", way.name);
        check_filled(desk, way).await;
    }
}

pub(crate) async fn a_null_written_before_an_apply_is_killed_is_filled_by_the_next(
    cluster: &Cluster,
) {
    for way in WAYS {
        let mut desk = planned(cluster, way).await;
        let apply = a_null_comes_between(&desk).await;
        let sent = Command::new("kill")
            .args(["-s", "KILL", &apply.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        ended(apply);
        desk.database.run("COMMIT").await.unwrap();
        desk.forge("apply --yes");
        assert!(
            !desk.typed.contains("[exit"),
            "{}: {}",
            way.name,
            desk.typed
        );
        desk.typed.clear();
        check_filled(desk, way).await;
    }
}

fn ended(mut apply: Child) -> ExitStatus {
    apply.wait().unwrap()
}
