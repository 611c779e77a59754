//! Rows on which a step fails: the plan isn't started, and the query that is shown finds them.

use crate::{cluster::Cluster, desk::Desk, until_it_waits_for_a_lock};

const BEFORE: &str = "\
CREATE SCHEMA app;
CREATE TYPE app.size AS ENUM ('small', 'medium', 'big');
CREATE DOMAIN app.code AS text;
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    country text,
    email text,
    age int,
    name text,
    number text,
    total bigint,
    price numeric,
    size app.size,
    sizes app.size[],
    code app.code
);
CREATE TABLE app.orders (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE app.events (at date) PARTITION BY RANGE (at);
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE TABLE app.clicks (kind text) PARTITION BY LIST (kind);
CREATE TABLE app.clicks_a (kind text);
";

const AFTER: &str = "\
CREATE SCHEMA app;
CREATE TYPE app.size AS ENUM ('small', 'medium');
CREATE DOMAIN app.code AS text CHECK (value <> '');
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    country text NOT NULL,
    email text UNIQUE,
    age int CHECK (age > 0),
    name character varying(5),
    -- forge:using number::integer
    number integer,
    total integer,
    price numeric(4,2),
    size app.size,
    sizes app.size[],
    code app.code,
    added text NOT NULL
);
CREATE TABLE app.orders (id bigint PRIMARY KEY, user_id bigint REFERENCES app.users (id));
CREATE TABLE app.events (at date) PARTITION BY RANGE (at);
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE TABLE app.clicks (kind text) PARTITION BY LIST (kind);
CREATE TABLE app.clicks_a PARTITION OF app.clicks FOR VALUES IN ('a');
";

const ROWS: &str = "\
INSERT INTO app.users VALUES
    (1, NULL, 'a', 0, 'too long', 'x', 9999999999, 1000, 'big', '{small,big}', ''),
    (2, 'it', 'a', 1, 'short', '2', 2, 2, 'small', '{small}', 'c');
INSERT INTO app.orders VALUES (1, 99);
INSERT INTO app.events VALUES ('2026-05-05');
INSERT INTO app.clicks_a VALUES ('b');
";

const MENDED: &str = "\
DELETE FROM app.users;
DELETE FROM app.orders;
DELETE FROM app.events;
DELETE FROM app.clicks_a;
";

/// Each way in which rows stop a step, and the statement that the server rejects because of them.
const WAYS: [(&str, &str); 15] = [
    (
        "NULL in app.users (country): 1",
        "ALTER TABLE app.users ALTER COLUMN country SET NOT NULL",
    ),
    (
        "duplicates in app.users (email): 1",
        "CREATE UNIQUE INDEX ON app.users (email)",
    ),
    (
        "rows of app.users against CHECK (age > 0): 1",
        "ALTER TABLE app.users ADD CHECK (age > 0)",
    ),
    (
        "values of app.users.name that don't fit the new type: 1",
        "ALTER TABLE app.users ALTER COLUMN name TYPE character varying(5)",
    ),
    (
        "values of app.users.number that don't fit the new type: invalid input syntax",
        "ALTER TABLE app.users ALTER COLUMN number TYPE integer USING number::integer",
    ),
    (
        "values of app.users.total that don't fit the new type: 1",
        "ALTER TABLE app.users ALTER COLUMN total TYPE integer",
    ),
    (
        "values of app.users.price that don't fit the new type: 1",
        "ALTER TABLE app.users ALTER COLUMN price TYPE numeric(4,2)",
    ),
    (
        "values of app.users.size that don't fit the new type: 1",
        "CREATE TYPE app.less AS ENUM ('small', 'medium'); ALTER TABLE app.users ALTER COLUMN size TYPE app.less USING size::text::app.less",
    ),
    (
        "values of app.users.sizes that don't fit the new type: 1",
        "CREATE TYPE app.less AS ENUM ('small', 'medium'); ALTER TABLE app.users ALTER COLUMN sizes TYPE app.less[] USING sizes::text[]::app.less[]",
    ),
    (
        "values of app.users.code against app.code: value <> ''::text: 1",
        "ALTER DOMAIN app.code ADD CHECK (value <> '')",
    ),
    // The constraint that proves it is validated first.
    (
        "rows of app.users against CHECK (country IS NOT NULL): 1",
        "ALTER TABLE app.users ADD CHECK (country IS NOT NULL)",
    ),
    (
        "rows of app.users, for which the new column added has no value: 2",
        "ALTER TABLE app.users ADD COLUMN added text NOT NULL",
    ),
    (
        "orphans in app.orders (user_id): 1",
        "ALTER TABLE app.orders ADD FOREIGN KEY (user_id) REFERENCES app.users (id)",
    ),
    (
        "rows of the DEFAULT partition app.events_rest that belong in app.events_2026: 1",
        "CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    ),
    (
        "rows of app.clicks_a that are outside of its bound: 1",
        "ALTER TABLE app.clicks ATTACH PARTITION app.clicks_a FOR VALUES IN ('a')",
    ),
];

/// Each way in which rows stop a step, in one plan.
pub(crate) async fn rows_in_the_way_are_found_before_the_first_step(cluster: &Cluster) {
    let files = [("forge.toml", ""), ("schema/app.sql", BEFORE)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database.run(ROWS).await.unwrap();
    desk.write("schema/app.sql", AFTER);
    desk.forge("plan -m \"be strict\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    let before = desk.dump();
    desk.typed.clear();
    desk.forge("apply");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
    assert!(
        desk.typed.contains("none of its steps was run"),
        "{}",
        desk.typed
    );
    assert_eq!(desk.dump(), before);
    for (way, statement) in WAYS {
        let session = desk.database.session();
        let rejected = session.client().batch_execute(statement).await.unwrap_err();
        let state = rejected.code().unwrap().code();
        let told = lines(&desk.typed);
        let told = told
            .split("they are found by: ")
            .find(|part| part.contains(way));
        let told = told.unwrap_or_else(|| panic!("{way}: {}", desk.typed));
        assert!(
            told.contains(&format!("(SQLSTATE {state})")),
            "{told}: {state}"
        );
    }
    assert_eq!(finders(&desk.typed).len(), WAYS.len(), "{}", desk.typed);
    for finder in finders(&desk.typed) {
        match desk.database.session().client().query(&finder, &[]).await {
            Ok(rows) => assert!(!rows.is_empty(), "{finder}"),
            Err(error) => assert!(error.to_string().contains("db error"), "{finder}: {error}"),
        }
    }
    desk.database.run(MENDED).await.unwrap();
    desk.typed.clear();
    desk.forge("apply");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}

/// What was printed, in one line.
fn lines(typed: &str) -> String {
    let lines = typed
        .lines()
        .map(|line| line.trim_start_matches([' ', '│', '├', '╰', '─', '▶']));
    lines.collect::<Vec<_>>().join(" ")
}

/// The queries that are shown, each of which may go over several lines.
fn finders(typed: &str) -> Vec<String> {
    let text = lines(typed);
    let parts = text.split("they are found by: ").skip(1);
    parts
        .map(|part| {
            let ends = [
                " NULL in ",
                " values of ",
                " rows of ",
                " duplicates in ",
                " orphans in ",
                " help:",
            ];
            let end = ends.iter().filter_map(|end| part.find(end)).min();
            part[..end.unwrap_or(part.len())].to_owned()
        })
        .collect()
}

/// What an earlier step of the plan changes isn't in the way: a backfill fills it.
pub(crate) async fn rows_that_the_plan_itself_mends_are_no_obstacle(cluster: &Cluster) {
    let files = [("forge.toml", ""), ("schema/app.sql", BEFORE)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database.run(ROWS).await.unwrap();
    let filled = BEFORE.replace(
        "    country text,",
        "    -- forge:backfill 'nowhere'\n    country text NOT NULL,",
    );
    desk.write("schema/app.sql", &filled);
    desk.forge("plan -m \"countries\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    desk.typed.clear();
    desk.forge("apply");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}

/// Somebody who knows better starts the plan; what it stops at is looked at again before the rest is run.
pub(crate) async fn rows_in_the_way_of_the_rest_are_found_before_it_goes_on(cluster: &Cluster) {
    let files = [("forge.toml", ""), ("schema/app.sql", BEFORE)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database.run(ROWS).await.unwrap();
    let strict = BEFORE.replace("country text,", "country text NOT NULL,");
    desk.write("schema/app.sql", &strict);
    desk.forge("plan -m \"countries\" --rev-id 200000000000");
    desk.forge("approve");
    desk.typed.clear();
    desk.forge("apply --skip-row-checks");
    assert!(desk.typed.contains("[exit 6]"), "{}", desk.typed);
    desk.typed.clear();
    desk.forge("apply");
    assert!(desk.typed.contains("[exit 6]"), "{}", desk.typed);
    assert!(
        desk.typed.contains("NULL in app.users (country): 1"),
        "{}",
        desk.typed
    );
    // The constraint isn't validated yet.
    let against = "rows of app.users against CHECK (country IS NOT NULL): 1";
    assert!(desk.typed.contains(against), "{}", desk.typed);
    desk.database
        .run("UPDATE app.users SET country = 'it' WHERE country IS NULL")
        .await
        .unwrap();
    desk.typed.clear();
    desk.forge("apply");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}

/// The application writes rows without a value behind a backfill and before the constraint that refuses them: in one run,
/// and where the run ends there. With a key the rows are filled in batches.
pub(crate) async fn rows_written_behind_a_backfill_are_filled_too(cluster: &Cluster) {
    for key in ["", " PRIMARY KEY"] {
        for is_killed in [false, true] {
            let before =
                format!("CREATE SCHEMA app;\nCREATE TABLE app.t (id int{key}, named text);\n");
            let files = [("forge.toml", ""), ("schema/app.sql", before.as_str())];
            let mut desk = Desk::begun(cluster, &files).await;
            desk.database
                .run("INSERT INTO app.t VALUES (1), (2)")
                .await
                .unwrap();
            let after = before.replace(
                "named text",
                "
                -- forge:backfill 'nameless'
                named text NOT NULL",
            );
            desk.write("schema/app.sql", &after);
            desk.forge("plan -m names --rev-id 200000000000");
            desk.forge("approve --allow all");
            assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
            // Reads keep the constraints out, and no backfill.
            desk.database
                .run("BEGIN; LOCK TABLE app.t IN ACCESS SHARE MODE")
                .await
                .unwrap();
            let mut running = until_it_waits_for_a_lock(&desk, "app.t").await;
            desk.database
                .run("INSERT INTO app.t (id) VALUES (3)")
                .await
                .unwrap();
            if is_killed {
                running.kill().unwrap();
            }
            desk.database.run("COMMIT").await.unwrap();
            running.wait().unwrap();
            desk.typed.clear();
            desk.forge("apply");
            desk.forge("plan --check");
            assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
            let filled = "SELECT count(*) FROM app.t WHERE named = 'nameless'";
            let row = desk.database.session().client().query_one(filled, &[]);
            assert_eq!(row.await.unwrap().get::<_, i64>(0), 3, "{}", desk.typed);
        }
    }
}
