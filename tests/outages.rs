//! What forge does when connections, servers and other sessions fail it: nothing is left unknown, nothing is done twice.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails shows what it unwrapped"
)]

use std::{
    collections::BTreeSet,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use camino::Utf8Path;
use forge::connection::{options::ConnectOptions, session::Session};
use support::{
    cluster::Cluster,
    desk::{self, Desk},
    proxy::{Loss, Proxy, Silence},
};

fn main() -> ExitCode {
    desk::run(support::trials![
        a_commit_whose_answer_is_lost,
        a_way_to_the_server_that_goes_silent,
        a_reader_whose_way_to_the_server_goes_silent,
        whatever_ends_a_run_while_steps_stand_is_told_by_the_exit_code,
        a_server_that_is_stopped_before_a_step_stands_cannot_be_reached,
        a_run_whose_client_has_gone,
        who_is_in_the_way,
        what_is_dropped_can_be_kept,
    ])
}

const FILES: &[(&str, &str)] = &[
    ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
    (
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, name text, n int NOT NULL);\n",
    ),
];

/// A project whose first revision is applied, with rows.
async fn begun(cluster: &Cluster) -> Desk<'_> {
    let desk = Desk::begun(cluster, FILES).await;
    let rows = "INSERT INTO app.users SELECT g, 'user ' || g, 0 FROM generate_series(1, 250) AS g";
    desk.database.run(rows).await.unwrap();
    desk
}

/// What a command says, which has to end well.
fn done(desk: &Desk<'_>, args: &[&str]) -> String {
    let text = desk.environment.run(args);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    text
}

async fn number(desk: &Desk<'_>, query: &str) -> i64 {
    let client = desk.database.session().client();
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn a_commit_whose_answer_is_lost(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_more.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let count = "\n-- forge:data table app.users\n-- forge:batch key=id size=100\nUPDATE app.users SET n = n + 1;\n";
    fs_err::write(&path, format!("{draft}{count}")).unwrap();
    desk.forge("approve");
    let before = desk.dump();
    let forward = desk.database.variables();
    let value = |name: &str| &forward.iter().find(|(found, _)| *found == name).unwrap().1;
    let proxy = Proxy::start(value("PGHOST"), value("PGPORT"));
    desk.environment = std::mem::replace(&mut desk.environment, support::TestEnvironment::new())
        .variable("PGHOST", "127.0.0.1")
        .variable("PGPORT", &proxy.port())
        .variable("PGSSLMODE", "disable");

    let mut rounds = 0;
    let mut kinds = BTreeSet::new();
    for loss in [Loss::BeforeCommit, Loss::AfterCommit, Loss::Silent] {
        let commits = if loss == Loss::Silent { 1..2 } else { 1..20 };
        for commit in commits {
            proxy.lose(loss, commit);
            let text = done(&desk, &["apply", "--yes"]);
            rounds += 1;
            assert_eq!(
                number(&desk, "SELECT sum(n) FROM app.users").await,
                250 * rounds
            );
            let all_there =
                "SELECT count(*) FROM forge.event WHERE kind = 'step_done' AND rev = '200000000000'
                AND run_id = (SELECT run_id FROM forge.event ORDER BY id DESC LIMIT 1)";
            assert_eq!(number(&desk, all_there).await, 3, "{text}");
            let lost = proxy.has_lost();
            if lost {
                let (verdict, other) = match loss {
                    Loss::AfterCommit => ("was committed", "was not committed"),
                    Loss::BeforeCommit | Loss::Silent => ("was not committed", "was committed"),
                };
                assert!(text.contains(verdict), "{loss:?} {commit} {text}");
                assert!(!text.contains(other), "{loss:?} {commit} {text}");
                let (_, what) = text.split_once("the COMMIT of ").unwrap();
                kinds.insert(what.split(" was under way").next().unwrap().to_owned());
            }
            proxy.lose(loss, commit);
            let text = done(&desk, &["downgrade", "-1", "--yes", "--allow", "all"]);
            assert_eq!(text.contains("was under way"), proxy.has_lost(), "{text}");
            if !lost {
                break;
            }
        }
    }
    assert_eq!(desk.dump(), before);
    let kinds: Vec<String> = kinds.into_iter().collect();
    assert_eq!(
        kinds.join(", "),
        "a batch of step 3, step 1, the record of step 2, the record of step 3"
    );
}

/// Something that the database does when the history is written, as long as it is there.
struct Trap<'a> {
    table: &'a str,
    when: &'a str,
    does: &'a str,
}

impl Trap<'_> {
    async fn set(&self, desk: &Desk<'_>) {
        let Self { table, when, does } = self;
        let script = format!(
            "CREATE FUNCTION forge.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does}; RETURN NEW; END $$;
             CREATE TRIGGER trap BEFORE INSERT ON forge.{table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION forge.trap()"
        );
        desk.database.run(&script).await.unwrap();
    }

    async fn clear(desk: &Desk<'_>) {
        let script = "DROP FUNCTION forge.trap() CASCADE";
        desk.database.run(script).await.unwrap();
    }
}

/// Scripts know by the exit code 6 that a run has left steps standing and that the next one goes on.
async fn whatever_ends_a_run_while_steps_stand_is_told_by_the_exit_code(cluster: &Cluster) {
    const FULL: &str = "RAISE disk_full USING MESSAGE = 'no space left on device'";
    const KILLED: &str = "PERFORM pg_terminate_backend(pg_backend_pid())";
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    desk.forge("approve");
    let back = ["downgrade", "-1", "--yes", "--allow", "all"];
    let trap = |table, when, does| Trap { table, when, does };
    let ways = [
        // The step that is announced, the one that is done, the end of the plan, what is kept of the result.
        trap("event", "NEW.kind = 'step_start'", FULL),
        trap("event", "NEW.kind = 'step_start'", KILLED),
        trap("event", "NEW.kind = 'step_done' AND NEW.step = 2", FULL),
        trap("event", "NEW.kind = 'step_done' AND NEW.step = 2", KILLED),
        trap("event", "NEW.kind = 'applied'", FULL),
        trap("event", "NEW.kind = 'applied'", KILLED),
        trap("snapshot", "true", FULL),
        trap("snapshot", "true", KILLED),
    ];
    for way in &ways {
        way.set(&desk).await;
        let text = desk.environment.run(&["apply", "--yes"]);
        let what = format!("{} {} {}", way.table, way.when, way.does);
        assert!(text.ends_with("[exit 6]\n"), "{what}: {text}");
        assert!(text.contains("forge apply"), "{what}: {text}");
        Trap::clear(&desk).await;
        done(&desk, &["apply", "--yes"]);
        done(&desk, &["verify"]);
        done(&desk, &back);
    }

    // The way back is one transaction: all of it stands or nothing.
    for (way, end) in [
        (trap("event", "NEW.kind = 'reverted'", FULL), "[exit 1]\n"),
        (trap("snapshot", "true", FULL), "[exit 6]\n"),
    ] {
        done(&desk, &["apply", "--yes"]);
        way.set(&desk).await;
        let text = desk.environment.run(&back);
        assert!(text.ends_with(end), "{} {text}", way.when);
        Trap::clear(&desk).await;
    }

    // Steps of an earlier plan of the same run.
    done(&desk, &["apply", "--yes"]);
    desk.write("schema/yet.sql", "CREATE TABLE app.yet (id int);\n");
    desk.forge("plan -m yet --rev-id 300000000000");
    desk.forge("approve");
    done(&desk, &back);
    let second = "NEW.rev = '300000000000' AND NEW.kind = 'step_done'";
    trap("event", second, FULL).set(&desk).await;
    let text = desk.environment.run(&["apply", "--yes"]);
    assert!(text.ends_with("[exit 6]\n"), "{text}");
    assert!(
        text.contains("revision `200000000000` is applied"),
        "{text}"
    );
    Trap::clear(&desk).await;
    // Nothing of this run stands.
    trap("event", second, FULL).set(&desk).await;
    let text = desk.environment.run(&["apply", "--yes"]);
    assert!(text.ends_with("[exit 1]\n"), "{text}");
    Trap::clear(&desk).await;
    done(&desk, &["apply", "--yes"]);
    done(&desk, &["downgrade", "-2", "--yes", "--allow", "all"]);

    // A third signal waits for nothing.
    let held = another(&desk).await;
    held.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    let apply = start(&desk, &["apply", "--yes"]);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND application_name LIKE 'forge/%/200000000000/2'";
    until(&desk, waiting).await;
    // The server does not hear of the second one: it has not let go when the third comes.
    for _ in 0..3 {
        let id = apply.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
    }
    let (text, code) = ended_within(apply, Duration::from_secs(20)).await;
    assert_eq!(code, 6, "{text}");
    held.close().await;
    done(&desk, &["apply", "--yes", "--takeover"]);
    done(&desk, &["verify"]);
}

/// As whoever stops the server, and whoever cuts the network.
async fn a_server_that_is_stopped_before_a_step_stands_cannot_be_reached(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nALTER TABLE app.users ADD CHECK (n >= 0);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    desk.forge("approve --allow all");
    let proxy = through_proxy(&mut desk, "keepalives_idle=1");
    let process = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND application_name LIKE 'forge/%/200000000000/%'";
    let waits = format!("SELECT count(*) FROM {process}");
    let stop = format!("SELECT count(pg_terminate_backend(pid)) FROM {process}");
    let gone = "SELECT (count(*) = 0)::int::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'forge/%'";
    for is_stopped in [true, false] {
        let held = another(&desk).await;
        held.run("BEGIN; LOCK TABLE app.users IN SHARE MODE")
            .await
            .unwrap();
        let apply = start(&desk, &["apply", "--yes"]);
        until(&desk, &waits).await;
        if is_stopped {
            number(&desk, &stop).await;
        } else {
            proxy.cut();
        }
        let (text, code) = ended_within(apply, Duration::from_secs(30)).await;
        assert_eq!(code, 7, "{text}");
        for part in [
            "error[connection-lost]",
            "the connection to the server was lost in step 1 of ",
            "nothing of revision `200000000000` was applied",
            "check that the server runs and can be reached, then run `forge apply` again",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        held.close().await;
        until(&desk, gone).await;
    }

    // So it is for a command that reads.
    desk.database
        .run("CREATE VIEW app.names AS SELECT name FROM app.users")
        .await
        .unwrap();
    let held = another(&desk).await;
    held.run("BEGIN; LOCK TABLE app.names IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let drift = start(&desk, &["drift"]);
    until(
        &desk,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
         AND wait_event_type = 'Lock' AND application_name LIKE 'forge drift%'",
    )
    .await;
    proxy.cut();
    let (text, code) = ended_within(drift, Duration::from_secs(30)).await;
    assert_eq!(code, 7, "{text}");
    held.close().await;
    desk.database.run("DROP VIEW app.names").await.unwrap();

    done(&desk, &["apply", "--yes"]);
    done(&desk, &["verify"]);
}

/// Waits until a query finds something.
async fn until(desk: &Desk<'_>, query: &str) {
    let started = Instant::now();
    while number(desk, query).await == 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "{query}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_run_whose_client_has_gone(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    desk.forge("approve");
    desk.write(
        "forge.toml",
        "[environments.local]\nlock_wait = \"2s\"\n[naming]\ntemplate = \"{seq}_{slug}\"\n",
    );
    // A transaction that keeps CREATE INDEX CONCURRENTLY waiting.
    let held = another(&desk).await;
    held.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    let mut other = desk.environment.command(&["apply", "--yes"]);
    let mut other = other.stderr(Stdio::null()).spawn().unwrap();
    let waiting =
        "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND application_name LIKE 'forge/%/200000000000/2'";
    until(&desk, &format!("SELECT count(*) {waiting}")).await;
    let process = number(&desk, &format!("SELECT pid::bigint {waiting}")).await;
    // It answers nobody any more, and its connection stays: as if its machine had been cut off.
    let stopped = Command::new("kill")
        .args(["-STOP", &other.id().to_string()])
        .status();
    assert!(stopped.unwrap().success());

    let local = ["apply", "--yes", "--env", "local"];
    let busy = desk.environment.run(&local);
    assert!(busy.ends_with("[exit 5]\n"), "{busy}");
    let words = busy.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        format!("process {process} of role"),
        "/200000000000/2`, from this server's machine".to_owned(),
        "revision 200000000000, at step 2, begun by".to_owned(),
        "`forge apply --takeover` ends its process".to_owned(),
    ] {
        assert!(words.replace("│ ", "").contains(&part), "{part}: {busy}");
    }
    let mut takeover = desk.environment.command(&local);
    let takeover = takeover
        .arg("--takeover")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(
        &desk,
        &format!(
            "SELECT (NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {process}))::int::bigint"
        ),
    )
    .await;
    held.close().await;
    let output = takeover.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains(&format!("taking over from process {process}")),
        "{text}"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(done(&desk, &["verify"]).contains("leftovers"));

    // Whoever holds the lock and is no run is left alone.
    let held = another(&desk).await;
    let name = "SET application_name = 'forge/12345678/200000000000/2'";
    held.run(name).await.unwrap();
    held.run("SELECT pg_advisory_lock(1907629421, -2083505810)")
        .await
        .unwrap();
    desk.write("schema/yet.sql", "CREATE TABLE app.yet (id int);\n");
    desk.forge("plan -m yet --rev-id 300000000000");
    desk.forge("approve");
    let text = desk
        .environment
        .run(&["apply", "--yes", "--env", "local", "--takeover"]);
    assert!(text.ends_with("[exit 5]\n"), "{text}");
    assert!(
        text.contains("is no run of forge that the history knows"),
        "{text}"
    );
    assert!(
        text.contains("`pg_terminate_backend` ends one that hangs"),
        "{text}"
    );
    held.run("SELECT 1").await.unwrap();
    held.close().await;
}

/// Leads forge through a proxy, with the keepalives of the connection string set.
fn through_proxy(desk: &mut Desk<'_>, keepalives: &str) -> Proxy {
    let variables = desk.database.variables();
    let value = |name: &str| {
        &variables
            .iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
    };
    let proxy = Proxy::start(value("PGHOST"), value("PGPORT"));
    let url = format!(
        "postgresql://{}@127.0.0.1:{}/{}?sslmode=disable&{keepalives}",
        value("PGUSER"),
        proxy.port(),
        value("PGDATABASE")
    );
    desk.environment = std::mem::replace(&mut desk.environment, support::TestEnvironment::new())
        .variable("DATABASE_URL", &url);
    proxy
}

fn start(desk: &Desk<'_>, args: &[&str]) -> Child {
    let mut command = desk.environment.command(args);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// What a command says and how it ends, which has to be before this limit.
async fn ended_within(mut child: Child, limit: Duration) -> (String, i32) {
    let started = Instant::now();
    let mut late = false;
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > limit {
            late = true;
            child.kill().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let words = text.replace("│", " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!late, "it still runs after {limit:?}: {words}");
    (words, output.status.code().unwrap())
}

/// A proxy that stops forwarding keeps its sockets open: its kernel answers for it, and no keepalive of TCP notices.
async fn a_way_to_the_server_that_goes_silent(cluster: &Cluster) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND application_name LIKE 'forge/%/200000000000/2'";
    for silence in [Silence::Open, Silence::All] {
        let mut desk = begun(cluster).await;
        desk.write(
            "schema/more.sql",
            "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n",
        );
        desk.forge("plan -m more --rev-id 200000000000");
        desk.forge("approve");
        // A transaction that keeps CREATE INDEX CONCURRENTLY waiting.
        let held = another(&desk).await;
        held.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
            .await
            .unwrap();
        let proxy = through_proxy(
            &mut desk,
            "keepalives_idle=1&keepalives_interval=1&keepalives_count=2",
        );
        let mut apply = start(&desk, &["apply", "--yes"]);
        until(&desk, waiting).await;
        // A statement that takes its time is left to it.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(apply.try_wait().unwrap().is_none(), "{silence:?}");
        proxy.go_silent(silence);
        let is_reachable = silence == Silence::Open;
        if is_reachable {
            // The server says that it still works on the statement.
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(apply.try_wait().unwrap().is_none());
            held.run("COMMIT").await.unwrap();
        }
        let (text, code) = ended_within(apply, Duration::from_secs(30)).await;
        assert_eq!(code, 6, "{text}");
        for part in [
            "the connection to `127.0.0.1:",
            "is lost: no answer for ",
            "check the proxy, tunnel or firewall between forge and the server",
            "1 of 2 steps of revision `200000000000` stand",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let again: &[&str] = if is_reachable {
            assert!(text.contains("is idle"), "{text}");
            // Its process has been ended, and no lock is left.
            &["apply", "--yes"]
        } else {
            assert!(text.contains("`forge apply --takeover` ends it"), "{text}");
            held.run("COMMIT").await.unwrap();
            &["apply", "--yes", "--takeover"]
        };
        held.close().await;
        let direct = desk.database.variables();
        for (name, value) in direct {
            desk.environment =
                std::mem::replace(&mut desk.environment, support::TestEnvironment::new())
                    .variable(name, &value)
                    .variable("DATABASE_URL", "");
        }
        done(&desk, again);
        done(&desk, &["verify"]);
        assert!(done(&desk, &["plan", "--check"]).contains("no changes"));
    }
}

async fn a_reader_whose_way_to_the_server_goes_silent(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    // What prints a definition waits for this lock.
    desk.database
        .run("CREATE VIEW app.names AS SELECT name FROM app.users")
        .await
        .unwrap();
    let held = another(&desk).await;
    held.run("BEGIN; LOCK TABLE app.names IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let proxy = through_proxy(
        &mut desk,
        "keepalives_idle=1&keepalives_interval=1&keepalives_count=2",
    );
    let drift = start(&desk, &["drift"]);
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND application_name LIKE 'forge drift%'";
    until(&desk, waiting).await;
    proxy.go_silent(Silence::All);
    let (text, code) = ended_within(drift, Duration::from_secs(30)).await;
    assert!(text.contains("is lost: no answer for "), "{text}");
    assert_eq!(code, 7, "{text}");
    held.close().await;
}

async fn who_is_in_the_way(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/more.sql",
        "CREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    desk.forge("approve");
    let held = another(&desk).await;
    held.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .await
        .unwrap();
    let mut apply = desk.environment.command(&["apply", "--yes"]);
    let apply = apply.stderr(Stdio::piped()).spawn().unwrap();
    until(
        &desk,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'forge watch'",
    )
    .await;
    // Whoever looks keeps nobody waiting: it has no snapshot.
    let snapshots = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'forge watch' AND state = 'idle' AND backend_xmin IS NULL";
    until(&desk, snapshots).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let process = held.backend().pid;
    held.close().await;
    let output = apply.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let told = format!(
        "step 1 waits for process {process} of role `postgres`, application `psql`, idle in transaction"
    );
    assert_eq!(text.matches(&told).count(), 1, "{text}");
}

async fn what_is_dropped_can_be_kept(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    let orders = "CREATE TYPE app.state AS ENUM ('new', 'sent');
        CREATE TABLE app.orders (id int, state app.state, note text COLLATE \"C\", states app.state[]);
        CREATE TABLE app.keyless (a int, b text);
        CREATE SEQUENCE app.tickets CACHE 5;";
    desk.write("schema/orders.sql", orders);
    desk.forge("plan -m orders --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("apply");
    let rows =
        "INSERT INTO app.orders VALUES (1, 'new', 'a', '{new,sent}'), (2, 'sent', 'b', NULL);
        INSERT INTO app.keyless VALUES (1, 'x');
        SELECT setval('app.tickets', 77);";
    desk.database.run(rows).await.unwrap();
    desk.write("schema/orders.sql", "CREATE TABLE app.keyless (a int);");
    desk.write(
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, n int NOT NULL);\n",
    );
    desk.forge("plan -m drop --rev-id 300000000000");
    desk.forge("approve --allow all");
    let state = desk.environment.run(&["status"]);
    assert!(state.contains("300000000000"), "{state} {}", desk.typed);

    let text = done(&desk, &["apply", "--yes", "--backup-dropped"]);
    let kept = |text: &str, what: &str| -> String {
        let (_, table) = text
            .split_once(&format!("rows of {what} are kept in "))
            .unwrap_or_else(|| panic!("{text}"));
        table.split(';').next().unwrap().to_owned()
    };
    let (orders, names, keyless) = (
        kept(&text, "table app.orders"),
        kept(&text, "column app.users.name"),
        kept(&text, "column app.keyless.b"),
    );
    let tickets = kept(&text, "sequence app.tickets");
    assert!(
        text.contains(&format!(
            "2 rows of table app.orders are kept in {orders}; `DROP TABLE {orders}`"
        )),
        "{text}"
    );
    for (query, expected) in [
        (format!("SELECT last_value::text FROM {tickets}"), "77\n"),
        (
            format!("SELECT id, state, note, states FROM {orders} ORDER BY id"),
            "1|new|a|{new,sent}\n2|sent|b|\n",
        ),
        (
            format!("SELECT count(*), min(id), max(name) FROM {names}"),
            "250|1|user 99\n",
        ),
        (format!("SELECT * FROM {keyless}"), "1|x\n"),
        (
            format!("SELECT count(*) FROM forge.event WHERE kind = 'kept' AND backup = '{names}'"),
            "1\n",
        ),
    ] {
        assert_eq!(
            desk.other("psql", &["-X", "-Atc", &query]),
            expected,
            "{query}"
        );
    }
    assert!(done(&desk, &["plan", "--check"]).contains("no changes"));
    done(&desk, &["drift"]);

    // The copies of another time stay.
    done(&desk, &["downgrade", "-1", "--yes", "--allow", "all"]);
    let text = done(&desk, &["apply", "--yes", "--backup-dropped"]);
    assert_eq!(kept(&text, "table app.orders"), format!("{orders}_2"));
    let text = done(
        &desk,
        &[
            "downgrade",
            "-3",
            "--yes",
            "--allow",
            "all",
            "--backup-dropped",
        ],
    );
    assert!(
        text.contains("250 rows of table app.users are kept in"),
        "{text}"
    );
    // Without the flag nothing is kept.
    desk.forge("apply");
    let text = done(&desk, &["downgrade", "base", "--yes", "--allow", "all"]);
    assert!(!text.contains("kept in"), "{text}");
}

async fn another(desk: &Desk<'_>) -> Session {
    let variables = desk.database.variables();
    let [(_, folder), (_, port), (_, user), (_, database)] = &variables[..] else {
        panic!("a server and a database")
    };
    let folder = Utf8Path::new(folder);
    let options = ConnectOptions::local(folder, port.parse().unwrap(), user, database);
    Session::open(&options, "psql").await.unwrap()
}
