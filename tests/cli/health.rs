//! `forge doctor`, `forge verify` and `forge preflight`.

#![expect(
    clippy::disallowed_methods,
    reason = "a window is open or closed by the real clock"
)]

use support::{TestEnvironment, server::Server};

const SCHEMA: &str = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, email text, name text);
CREATE TABLE app.orders (id bigint PRIMARY KEY, user_id bigint, total int);
";

const FORGE_TOML: &str = "\
[project]
default_environment = \"local\"

[environments.local]
url = \"embedded\"
";

/// A project whose first plan is applied.
fn project() -> (TestEnvironment, Server) {
    let environment = TestEnvironment::new()
        .file("forge.toml", FORGE_TOML)
        .file("schema/app.sql", SCHEMA)
        .variable("FORGE_OFFLINE", "1");
    let server = Server::start(&environment);
    planned(&environment, "begin");
    let text = environment.run(&["apply"]);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    (environment, server)
}

fn planned(environment: &TestEnvironment, message: &str) {
    for args in [
        &["plan", "-m", message][..],
        &["approve", "--all", "--allow", "all"],
    ] {
        let text = environment.run(args);
        assert!(text.ends_with("[exit 0]\n"), "{text}");
    }
}

/// The lines of a check: its own, and those that belong to it.
fn check(text: &str, name: &str) -> String {
    let mut lines = text.lines().skip_while(|line| {
        let mut words = line.split_whitespace();
        words.next();
        !line.starts_with(['✓', '✗', '?']) || words.next() != Some(name)
    });
    let first = lines
        .next()
        .unwrap_or_else(|| panic!("no {name} in {text}"));
    let rest = lines.take_while(|line| line.starts_with("  "));
    [first]
        .into_iter()
        .chain(rest)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn verified() {
    let (environment, server) = project();
    let text = environment.run(&["verify"]);
    for name in [
        "connection",
        "files",
        "history",
        "runs",
        "catalog",
        "leftovers",
    ] {
        assert!(check(&text, name).starts_with('✓'), "{name} {text}");
    }
    assert!(text.ends_with("[exit 0]\n"), "{text}");

    server.sql_as(
        "postgres",
        "CREATE INDEX broken ON app.users (name);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.broken'::regclass;
         ALTER TABLE app.orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;
         UPDATE forge.revision SET body = replace(body, 'CREATE SCHEMA app', 'CREATE SCHEMA apps')",
    );
    let text = environment.run(&["verify"]);
    assert!(
        check(&text, "history").starts_with("✗ history the body of revision "),
        "{text}"
    );
    assert_eq!(
        check(&text, "catalog"),
        "✗ catalog not as the last revision left it: `forge drift` shows what changed"
    );
    assert_eq!(
        check(&text, "leftovers"),
        "✗ leftovers constraint that is NOT VALID: positive on app.orders\ninvalid index: app.broken"
    );
    assert!(text.ends_with("[exit 2]\n"), "{text}");

    let json = environment
        .command(&["verify", "--format", "json"])
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["good"], false);
    assert_eq!(json["checks"][0]["verdict"], "good");
}

#[test]
fn all_ready_for_take_off() {
    let (environment, server) = project();
    server.sql_as(
        "postgres",
        "INSERT INTO app.users VALUES (1, 'a', 'x'), (2, 'b', 'x')",
    );
    let environment = environment.file(
        "schema/app.sql",
        &SCHEMA.replace("email text", "email text NOT NULL UNIQUE"),
    );
    planned(&environment, "emails are unique");
    let text = environment.run(&["preflight"]);
    let bad: Vec<&str> = text.lines().filter(|line| line.starts_with('✗')).collect();
    assert!(bad.is_empty(), "{text}");
    assert!(
        check(&text, "data").contains("no row is in the way of"),
        "{text}"
    );
    assert!(
        check(&text, "target").contains("changes is as it expects"),
        "{text}"
    );
    assert!(check(&text, "sizes").contains("app.users: "), "{text}");
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    assert!(environment.run(&["apply"]).ends_with("[exit 0]\n"));
    let nothing = environment.run(&["preflight"]);
    assert!(
        check(&nothing, "plans").contains("none is pending"),
        "{nothing}"
    );
}

#[test]
fn what_stands_in_the_way() {
    let (environment, server) = project();
    server.sql_as(
        "postgres",
        "INSERT INTO app.users VALUES (1, NULL, 'x'), (2, 'b', 'x'), (3, 'b', 'x');
         INSERT INTO app.orders VALUES (1, 99, 5)",
    );
    let desired = SCHEMA
        .replace("email text", "email text NOT NULL UNIQUE")
        .replace("user_id bigint", "user_id bigint REFERENCES app.users (id)");
    let environment = environment.file("schema/app.sql", &desired);
    planned(&environment, "orders belong to users");
    // Somebody works on the table by hand, and the night is over.
    server.sql_as(
        "postgres",
        "ALTER TABLE app.users ALTER email TYPE varchar(9)",
    );
    let now = jiff::Timestamp::now();
    let hour = |hours: i64| {
        let then = now + jiff::SignedDuration::from_hours(hours);
        then.strftime("%H:00").to_string()
    };
    let window = format!("window = \"{}-{}\"\nbackup = \"true\"\n", hour(2), hour(3));
    let environment = environment.file("forge.toml", &format!("{FORGE_TOML}{window}"));
    let text = environment.run(&["preflight"]);
    let data = check(&text, "data");
    assert!(data.starts_with('✗'), "{text}");
    for found in [
        "NULL in app.users (email): 1",
        "duplicates in app.users (email): 1",
        "orphans in app.orders (user_id): 1",
    ] {
        assert!(data.contains(found), "{text}");
    }
    assert!(check(&text, "target").starts_with("✗"), "{text}");
    assert!(check(&text, "catalog").starts_with("✗"), "{text}");
    assert!(
        check(&text, "window").starts_with("✗ window closed: "),
        "{text}"
    );
    assert!(
        check(&text, "backup").contains("forge has had none made here"),
        "{text}"
    );
    assert!(text.ends_with("[exit 3]\n"), "{text}");
}

#[test]
fn a_doctor_for_a_database_that_is_there() {
    let (environment, server) = project();
    server.sql_as(
        "postgres",
        "CREATE INDEX broken_ccnew ON app.users (name);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.broken_ccnew'::regclass",
    );
    let text = environment.run(&["doctor"]);
    assert!(check(&text, "server").contains("PostgreSQL "), "{text}");
    assert_eq!(
        check(&text, "leftovers"),
        "✗ leftovers remainder of REINDEX CONCURRENTLY: app.broken_ccnew"
    );
    assert!(check(&text, "shadow").starts_with("✓"), "{text}");
    assert!(text.contains("runs as "), "{text}");
    let confined = ["confined by Landlock ABI", "not confined: "];
    assert!(confined.iter().any(|words| text.contains(words)), "{text}");
    assert!(
        check(&text, "settings").contains("target = embedded (forge.toml:5)"),
        "{text}"
    );
    assert!(text.ends_with("[exit 0]\n"), "{text}");
}

#[test]
fn a_doctor_for_a_database_that_is_not() {
    let environment = TestEnvironment::new()
        .file("forge.toml", "")
        .variable("FORGE_OFFLINE", "1")
        .variable("DATABASE_URL", "postgresql://me:secret@/app?host=/nowhere");
    let text = environment.run(&["doctor"]);
    assert!(
        check(&text, "connection").starts_with("✗ connection no server listens on the socket"),
        "{text}"
    );
    assert!(
        check(&text, "settings")
            .contains("target = postgresql://me:***@/app?host=/nowhere ($DATABASE_URL)"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    assert!(text.ends_with("[exit 7]\n"), "{text}");
}

#[test]
fn estimated() {
    let (environment, server) = project();
    server.sql_as("postgres", 
        "INSERT INTO app.users SELECT g, md5(g::text), repeat(md5(g::text), 3) FROM generate_series(1, 100000) AS g;
         INSERT INTO app.orders SELECT g, g, 1 FROM generate_series(1, 100000) AS g;",
    );
    server.sql_as("postgres", "ANALYZE");
    let text = environment.run(&["estimate"]);
    assert!(text.contains("no plan is pending"), "{text}");
    let schema = SCHEMA
        .replace("name text);", "name text, CHECK (email <> ''));")
        .replace("total int", "total bigint");
    let schema = format!("{schema}CREATE INDEX users_email ON app.users (email);\n");
    let environment = environment.file("schema/app.sql", &schema);
    let text = environment.run(&["plan", "-m", "grow"]);
    for part in [
        "the application waits meanwhile\n",
        "  alter column app.orders.total: for as long as that takes\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // A draft is pending, too.
    let text = environment.run(&["estimate"]);
    for part in [
        "create index app.users_email: less than 1 s, builds an index while writes go on",
        "alter column app.orders.total: less than 1 s, writes the table anew",
        "alter constraint app.users.users_email_check: less than 1 s, reads every row",
        "create constraint app.users.users_email_check: less than 1 s\n",
        "AccessExclusive on app.orders, reads and writes wait",
        "in all, without what locks are waited for",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = environment
        .command(&["estimate", "--format", "json"])
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = json["plans"][0]["steps"].as_array().unwrap();
    let seconds = |effort: &str| {
        let step = steps.iter().find(|step| step["effort"] == effort);
        step.unwrap()["seconds"].as_f64().unwrap()
    };
    // 15 MB of users and 5 MB of orders.
    assert!((0.1..0.4).contains(&seconds("builds_alongside")), "{json}");
    assert!((0.05..0.2).contains(&seconds("scans")), "{json}");
    assert!((0.1..0.6).contains(&seconds("rewrites")), "{json}");

    planned_draft(&environment);
    let text = environment.run(&["preflight"]);
    assert!(
        check(&text, "duration").contains("`forge estimate` shows it step by step"),
        "{text}"
    );
    assert!(
        check(&text, "application").starts_with("? application the application waits meanwhile"),
        "{text}"
    );
    let text = environment.run(&["show"]);
    assert!(text.contains("the application waits meanwhile"), "{text}");
}

fn planned_draft(environment: &TestEnvironment) {
    let text = environment.run(&["approve", "--all", "--allow", "all"]);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
}
