//! Kills at random moments of an apply: of forge, of its process on the server, and of the server itself. The next applies
//! finish the work, and nothing is lost, left out or done twice.
//!
//! The seed is printed; `FORGE_TEST_SEED` repeats it. `FORGE_TEST_KILLS=300,100,60` sets how many kills there are of forge, of
//! its process on the server, and of the server.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment, and a kill is timed"
)]

use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use fastrand::Rng;
use support::{
    TestEnvironment,
    server::{self, Server},
};

/// How often each is killed where nobody asks for more.
const KILLS: [u32; 3] = [10, 5, 3];

const CONFIGURATION: &str = "\
[project]
default_environment = \"local\"
[environments.local]
url = \"embedded\"
[naming]
template = \"{seq}_{slug}\"
";

/// The first state, with tables of every sort that the plan changes.
const BEFORE: &str = "
CREATE SCHEMA app;
CREATE TABLE app.customers (id int PRIMARY KEY, name text NOT NULL, country text, credit int);
CREATE TABLE app.orders (id int PRIMARY KEY, customer int, total int NOT NULL, note varchar(20), n int NOT NULL DEFAULT 0);
CREATE TABLE app.events (id bigint NOT NULL, day date NOT NULL, what text) PARTITION BY RANGE (day);
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX orders_note ON app.orders (note);
CREATE VIEW app.totals AS SELECT o.customer, sum(o.total) AS total FROM app.orders o, app.customers c WHERE o.customer = c.id GROUP BY o.customer;
";

/// The second: an index that is built concurrently, a foreign key, NOT NULL and a backfill, a rewrite, a partition and an index
/// of all partitions, a dropped column, and a view that has to be recreated.
const AFTER: &str = "
CREATE SCHEMA app;
CREATE TABLE app.customers (id int PRIMARY KEY, name text NOT NULL,
    country text NOT NULL, -- forge: backfill 'unknown'
    status text NOT NULL -- forge: backfill 'active'
);
CREATE TABLE app.orders (id int PRIMARY KEY, customer int REFERENCES app.customers, total bigint NOT NULL, note varchar(20), n int NOT NULL DEFAULT 0,
    CONSTRAINT total_is_positive CHECK (total >= 0));
CREATE TABLE app.events (id bigint NOT NULL, day date NOT NULL, what text, source text) PARTITION BY RANGE (day);
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE app.events_2027 PARTITION OF app.events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE INDEX events_what ON app.events (what);
CREATE INDEX orders_note ON app.orders (note DESC);
CREATE INDEX orders_customer ON app.orders (customer);
CREATE VIEW app.totals AS SELECT o.customer, sum(o.total) AS total FROM app.orders o, app.customers c WHERE o.customer = c.id GROUP BY o.customer;
";

const ROWS: &str = "
INSERT INTO app.customers SELECT g, 'customer ' || g, CASE WHEN g % 3 > 0 THEN 'it' END, g FROM generate_series(1, 3000) AS g;
INSERT INTO app.orders SELECT g, g % 3000 + 1, g * 7, 'note ' || g FROM generate_series(1, 20000) AS g;
INSERT INTO app.events SELECT g, date '2025-01-01' + g % 700, 'event ' || g FROM generate_series(1, 10000) AS g;
";

/// Each row is to be written once.
const COUNT: &str = "
-- forge:data table app.orders count how often a row is written
-- forge:batch key=id size=1000
UPDATE app.orders SET n = n + 1;
";

/// All rows of the second state.
const CONTENT: &str = "SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM (
    SELECT c::text FROM app.customers c UNION ALL SELECT o::text FROM app.orders o UNION ALL SELECT e::text FROM app.events e
) AS t (t)";

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Forge,
    Backend,
    Server,
}

struct Project {
    environment: TestEnvironment,
    server: Option<Server>,
    /// How long an apply takes that nobody disturbs.
    duration: Duration,
    dump: String,
    content: String,
}

impl Project {
    /// A project whose second plan is approved, and whose database is kept as it was before it.
    fn new() -> Self {
        let environment = TestEnvironment::new()
            .file("forge.toml", CONFIGURATION)
            .file("schema/app.sql", BEFORE);
        let server = Server::start(&environment);
        let mut project = Self {
            environment,
            server: Some(server),
            duration: Duration::ZERO,
            dump: String::new(),
            content: String::new(),
        };
        project.succeeds(&["plan", "-m", "before"]);
        project.succeeds(&["approve", "--all"]);
        project.succeeds(&["apply", "--yes"]);
        project.sql("app", ROWS);
        let schema = project.environment.project().join("schema/app.sql");
        fs_err::write(schema, AFTER).expect("the project can be written");
        project.succeeds(&["plan", "-m", "after"]);
        let path = project.environment.project().join("plans/0002_after.sql");
        let draft = fs_err::read_to_string(&path).expect("the plan was written");
        fs_err::write(path, format!("{draft}{COUNT}")).expect("the project can be written");
        project.succeeds(&["approve", "--all", "--allow", "all"]);
        project.sql("postgres", "CREATE DATABASE kept TEMPLATE app OWNER app");

        let started = Instant::now();
        project.succeeds(&["apply", "--yes"]);
        project.duration = started.elapsed();
        project.dump = project.dumped();
        project.content = project.sql("app", CONTENT);
        project
    }

    fn server(&self) -> &Server {
        self.server
            .as_ref()
            .expect("it is only away while it is started again")
    }

    fn sql(&self, database: &str, statements: &str) -> String {
        self.server().sql_in(database, "postgres", statements)
    }

    /// Runs forge, which has to succeed.
    fn succeeds(&self, args: &[&str]) -> String {
        let text = self.environment.run(args);
        assert!(text.ends_with("[exit 0]\n"), "{text}");
        text
    }

    fn dumped(&self) -> String {
        let output = Command::new("pg_dump")
            .args(["-s", "--exclude-schema=forge", "-U", "postgres", "-h"])
            .args([self.server().folder(), "-p", "5432", "app"])
            .output()
            .expect("pg_dump is installed");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("the names are ASCII");
        // A key of each dump's own.
        let lines = text.lines().filter(|line| !line.starts_with('\\'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Brings the database back to where it was before the plan.
    fn reset(&self) {
        self.sql("postgres", "DROP DATABASE app WITH (FORCE)");
        self.sql("postgres", "CREATE DATABASE app TEMPLATE kept OWNER app");
    }

    fn start(&self) -> Child {
        self.environment
            .command(&["apply", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("forge starts")
    }

    /// Applies, and kills at a random moment until an apply gets through; returns how often. At the end everything is as if
    /// nothing had happened.
    fn survives(&mut self, victim: Victim, rng: &mut Rng) -> u32 {
        self.reset();
        let mut kills = 0;
        for attempt in 0.. {
            // Later attempts have less to do: they are given time to end one day.
            let limit = self.duration * (2 + attempt) / 2;
            let wait = limit.mul_f64(rng.f64());
            let mut apply = self.start();
            sleep(wait);
            if apply.try_wait().expect("forge is a child").is_none()
                && self.kill(victim, &mut apply)
            {
                kills += 1;
            }
            let status = apply.wait().expect("forge is a child");
            if let Victim::Server = victim {
                self.server = None;
                self.server = Some(Server::start(&self.environment));
            }
            if status.success() {
                break;
            }
            // Killed by a signal, refused while the server recovers, or partly applied.
            assert!(
                matches!(status.code(), None | Some(1 | 6 | 7)),
                "{victim:?} {wait:?}: {status}"
            );
        }
        self.is_whole(victim);
        kills
    }

    /// Kills; tells whether there was something to kill.
    fn kill(&self, victim: Victim, apply: &mut Child) -> bool {
        match victim {
            Victim::Forge => apply.kill().is_ok(),
            Victim::Backend => {
                let killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = 'app' AND application_name LIKE 'forge/%'";
                self.sql("postgres", killed) != "0"
            }
            Victim::Server => server::kill(&self.environment),
        }
    }

    /// Schema, rows and history are those of an apply that nobody disturbed.
    fn is_whole(&self, victim: Victim) {
        assert_eq!(self.sql("app", CONTENT), self.content, "{victim:?}");
        assert_same_lines(&self.dump, &self.dumped());
        let verified = self.environment.run(&["verify"]);
        assert!(verified.ends_with("[exit 0]\n"), "{victim:?} {verified}");
        let current = self.succeeds(&["current", "-v"]);
        assert!(current.contains("after"), "{victim:?} {current}");
        let drift = self.environment.run(&["drift"]);
        assert!(drift.ends_with("[exit 0]\n"), "{victim:?} {drift}");
    }
}

/// Shows the lines in which two texts differ.
fn assert_same_lines(wanted: &str, found: &str) {
    let difference = similar::TextDiff::from_lines(wanted, found);
    assert!(wanted == found, "{}", difference.unified_diff());
}

fn kills() -> [u32; 3] {
    let Ok(text) = std::env::var("FORGE_TEST_KILLS") else {
        return KILLS;
    };
    let numbers: Vec<u32> = text
        .split(',')
        .map(|number| number.parse().expect("FORGE_TEST_KILLS is like 300,100,60"))
        .collect();
    numbers
        .try_into()
        .expect("FORGE_TEST_KILLS is like 300,100,60")
}

#[test]
fn whatever_is_killed_nothing_is_lost() {
    let seed = match std::env::var("FORGE_TEST_SEED") {
        Ok(text) => text.parse().expect("FORGE_TEST_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("FORGE_TEST_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut project = Project::new();
    let victims = [Victim::Forge, Victim::Backend, Victim::Server];
    for (victim, wanted) in victims.into_iter().zip(kills()) {
        let mut killed = 0;
        let mut rounds = 0;
        while killed < wanted {
            killed += project.survives(victim, &mut rng);
            rounds += 1;
        }
        println!("{victim:?}: {killed} kills in {rounds} applies");
    }
}
