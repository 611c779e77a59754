//! Behind a real PgBouncer: what works there, and what is refused.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::FILES;
use support::{TestEnvironment, cluster::Cluster, desk::Desk, pooler::Pooler};

/// The ways in which a pooler may share processes, and what makes that hard to see: one process that comes back each time, and
/// several in turn.
const SHARED: [&str; 5] = [
    "pool_mode = transaction\ndefault_pool_size = 1",
    "pool_mode = transaction\ndefault_pool_size = 2\nmin_pool_size = 2\nserver_round_robin = 1",
    "pool_mode = transaction\ndefault_pool_size = 4\nmin_pool_size = 4\nserver_round_robin = 1",
    "pool_mode = statement\ndefault_pool_size = 1",
    "pool_mode = statement\ndefault_pool_size = 4\nmin_pool_size = 4",
];

const OWN: [&str; 3] = [
    "pool_mode = session",
    // A single process: nobody else gets one while forge has it.
    "pool_mode = session\ndefault_pool_size = 1",
    // Nothing is reset between two clients.
    "pool_mode = session\nserver_reset_query =",
];

fn way<'a>(variables: &'a [(&'static str, String)]) -> BTreeMap<&'static str, &'a str> {
    variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// Goes through the pooler, or straight to the server again.
fn lead(desk: &mut Desk<'_>, pooler: Option<&Pooler>) {
    let variables = desk.database.variables();
    let database = way(&variables)["PGDATABASE"].to_owned();
    let url = pooler.map_or(String::new(), |pooler| {
        format!(
            "postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable",
            pooler.port()
        )
    });
    desk.environment = std::mem::replace(&mut desk.environment, TestEnvironment::new())
        .variable("DATABASE_URL", &url);
}

fn pooler(desk: &Desk<'_>, settings: &str) -> Pooler {
    let variables = desk.database.variables();
    let way = way(&variables);
    Pooler::start((way["PGHOST"], way["PGPORT"]), settings)
}

/// What a command says, without where the database is.
fn said(desk: &Desk<'_>, line: &str) -> String {
    let args: Vec<&str> = line.split(' ').collect();
    let text = desk.environment.run(&args);
    let lines = text.lines().filter(|line| !line.starts_with("target"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A project with two applied plans and one that is pending.
async fn begun(cluster: &Cluster) -> Desk<'_> {
    let mut desk = Desk::begun(cluster, FILES).await;
    desk.write(
        "schema/more.sql",
        "CREATE TYPE app.state AS ENUM ('new', 'sent');\n\
         CREATE TABLE app.orders (id bigint PRIMARY KEY, state app.state NOT NULL DEFAULT 'new', at date DEFAULT '2026-02-01');\n\
         CREATE VIEW app.names AS SELECT name FROM app.users;\n",
    );
    desk.forge("plan -m more --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk
}

const READING: [&str; 15] = [
    "status",
    "current",
    "history",
    "history --from-db",
    "show 200000000000",
    "show --applied 200000000000",
    "plan --check",
    "drift",
    "validate",
    "rollback-plan",
    "heads",
    "verify",
    "backfill status",
    "backfill status --format json",
    "apply --dry-run",
];

pub(crate) async fn what_only_reads_works_behind_any_pooler(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    let compare = |desk: &mut Desk<'_>, lines: &[&str]| {
        lead(desk, None);
        let expected: Vec<String> = lines.iter().map(|line| said(desk, line)).collect();
        for settings in SHARED.iter().chain(&OWN[..1]) {
            let pooler = pooler(desk, settings);
            lead(desk, Some(&pooler));
            for (line, expected) in lines.iter().zip(&expected) {
                assert_eq!(&said(desk, line), expected, "{settings}: {line}");
            }
        }
        expected.concat()
    };
    let same = compare(&mut desk, &READING);
    assert!(!same.contains("[exit 2]"), "{same}");
    let change = "ALTER TABLE app.orders ADD COLUMN note text DEFAULT 'x'";
    desk.database.run(change).await.unwrap();
    let different = compare(&mut desk, &["plan --check", "drift"]);
    assert_eq!(different.matches("[exit 2]").count(), 2, "{different}");

    // What only prints or writes files, of a plan that is pending and of a new project.
    desk.write("schema/yet.sql", "CREATE TABLE app.yet (id int);\n");
    lead(&mut desk, None);
    desk.forge("plan -m yet --rev-id 300000000000");
    let steps = compare(
        &mut desk,
        &[
            "stamp head --sql --force",
            "apply --sql",
            "downgrade -1 --sql",
        ],
    );
    assert!(steps.contains("forge.event"), "{steps}");
    desk.forge("approve 3000 --allow all");
    let steps = compare(&mut desk, &["apply --dry-run"]);
    assert!(steps.contains("CREATE TABLE app.yet"), "{steps}");
    for (number, settings) in SHARED.iter().enumerate() {
        let pooler = pooler(&desk, settings);
        lead(&mut desk, Some(&pooler));
        let line = format!("init new{number} --from-db --no-baseline");
        let text = said(&desk, &line);
        assert!(text.ends_with("[exit 0]"), "{settings}: {text}");
        let folder = format!("new{number}/schema");
        let found = desk.other("grep", &["-rl", "app.names", &folder]);
        assert!(!found.is_empty());
    }
}

/// Other clients of a pooler, which come and go as long as this is there.
struct Others {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Others {
    fn come(url: &str, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let (stop, url) = (Arc::clone(&stop), url.to_owned());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let query = ["-X", "-Atc", "SELECT pg_sleep(0.01)", &url];
                    let output = Command::new("psql").args(query).output().unwrap();
                    assert!(output.status.success(), "{output:?}");
                }
            })
        };
        let clients = (0..count).map(client).collect();
        Self { stop, clients }
    }

    fn go(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
    }
}

/// Has the pooler begin as many processes as its pool takes, up to four.
fn fill(url: &str) {
    let client = |_| {
        let query = ["-X", "-Atc", "SELECT pg_sleep(0.3)", url];
        let mut psql = Command::new("psql");
        psql.args(query).stdout(Stdio::null()).spawn().unwrap()
    };
    let clients: Vec<_> = (0..4).map(client).collect();
    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
}

/// How psql gets there.
fn url(desk: &Desk<'_>, pooler: &Pooler) -> String {
    let variables = desk.database.variables();
    let database = way(&variables)["PGDATABASE"];
    format!(
        "postgresql://postgres@127.0.0.1:{}/{database}",
        pooler.port()
    )
}

pub(crate) async fn what_takes_locks_is_refused_behind_a_pooler_that_shares_processes(
    cluster: &Cluster,
) {
    let mut desk = begun(cluster).await;
    desk.write("schema/yet.sql", "CREATE TABLE app.yet (id int);\n");
    desk.forge("plan -m yet --rev-id 300000000000");
    desk.forge("approve");
    let before = desk.dump();
    for settings in SHARED {
        let pooler = pooler(&desk, settings);
        lead(&mut desk, Some(&pooler));
        fill(&url(&desk, &pooler));
        for line in [
            "apply --yes",
            "apply --abort",
            "downgrade -1 --yes",
            "stamp head",
            "repair",
            "ensure-history",
        ] {
            let text = desk.environment.run(&line.split(' ').collect::<Vec<_>>());
            let words = text.replace('│', " ");
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.ends_with("[exit 4]\n"), "{settings}: {line}: {text}");
            for part in [
                "is a connection pooler that does not keep a server process for a connection",
                "server process",
                "would stay with the process and reach other clients",
                "connect to the server itself, or to a pool in session mode",
            ] {
                assert!(words.contains(part), "{part}: {line}: {text}");
            }
        }
        assert_eq!(desk.dump(), before, "{settings}");
        // Nothing was left in a process that the next client gets.
        let variables = desk.database.variables();
        let database = way(&variables)["PGDATABASE"];
        let url = format!(
            "postgresql://postgres@127.0.0.1:{}/{database}",
            pooler.port()
        );
        for _ in 0..4 {
            let left = "SELECT current_setting('search_path'), current_setting('forge.nonce', true) IS NULL,
                (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE l.locktype = 'advisory' AND d.datname = current_database())";
            let left = desk.other("psql", &["-X", "-Atc", left, &url]);
            assert_eq!(left, "\"$user\", public|t|0\n", "{settings}");
        }
    }
}

pub(crate) async fn everything_works_behind_a_pooler_that_keeps_its_processes(cluster: &Cluster) {
    for settings in OWN {
        let mut desk = begun(cluster).await;
        let pooler = pooler(&desk, settings);
        lead(&mut desk, Some(&pooler));
        desk.write(
            "schema/yet.sql",
            "CREATE TABLE app.yet (id int);\nCREATE INDEX users_name ON app.users (name);\n",
        );
        // They never get forge's process.
        let url = url(&desk, &pooler);
        let count = usize::from(!settings.contains("size = 1"));
        let others = Others::come(&url, count);
        for line in [
            "plan -m yet --rev-id 300000000000",
            "approve",
            "apply --yes",
            "verify",
            "downgrade -1 --yes --allow all",
            "apply --yes",
            "stamp head",
            "drift",
        ] {
            let args: Vec<&str> = line.split(' ').collect();
            let text = desk.environment.run(&args);
            assert!(text.ends_with("[exit 0]\n"), "{settings}: {line}: {text}");
        }
        others.go();
        for _ in 0..4 {
            let left = "SELECT current_setting('search_path'), current_setting('lock_timeout'),
                (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE l.locktype = 'advisory' AND d.datname = current_database())";
            let left = desk.other("psql", &["-X", "-Atc", left, &url]);
            assert_eq!(left, "\"$user\", public|0|0\n", "{settings}");
        }
    }
}

/// A pooler that is stopped keeps its sockets open, and its kernel answers for it.
pub(crate) async fn a_pooler_that_answers_no_more_is_noticed(cluster: &Cluster) {
    let mut desk = begun(cluster).await;
    desk.write(
        "schema/yet.sql",
        "CREATE TABLE app.yet (id int);\nCREATE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m yet --rev-id 300000000000");
    desk.forge("approve");
    // A transaction that keeps CREATE INDEX CONCURRENTLY waiting.
    let variables = desk.database.variables();
    let mut held = Command::new("psql");
    for (name, value) in &variables {
        held.env(name, value);
    }
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT pg_sleep(600)";
    let mut held = held
        .args(["-X", "-c", begin])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pooler = pooler(&desk, "pool_mode = session");
    let database = way(&variables)["PGDATABASE"];
    let url = format!(
        "postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable&keepalives_idle=1&keepalives_interval=1&keepalives_count=2",
        pooler.port()
    );
    desk.environment = std::mem::replace(&mut desk.environment, TestEnvironment::new())
        .variable("DATABASE_URL", &url);
    let mut apply = desk.environment.command(&["apply", "--yes"]);
    let mut apply = apply.stderr(Stdio::piped()).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND application_name LIKE 'forge/%/300000000000/2'";
    let client = desk.database.session().client();
    let started = Instant::now();
    while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(apply.try_wait().unwrap().is_none());
    pooler.signal("STOP");
    let started = Instant::now();
    while apply.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(30) {
            apply.kill().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pooler.signal("CONT");
    let output = apply.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.contains("is lost: no answer for"), "{text}");
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    client.query(ended, &[]).await.unwrap();
    held.wait().unwrap();
    let text = said(&desk, "apply --yes --takeover");
    assert!(text.ends_with("[exit 0]"), "{text}");
    let text = said(&desk, "verify");
    assert!(text.ends_with("[exit 0]"), "{text}");
}
