//! Rows on which a step fails: the plan isn't started, and the query that is shown finds them.

use crate::until_it_waits_for_a_lock;
use support::{cluster::Cluster, desk::Desk};

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
const WAYS: [(&str, &str); 14] = [
    // The constraint that proves it is validated first.
    (
        "NULL in app.users (country): 1",
        "ALTER TABLE app.users ADD CHECK (country IS NOT NULL)",
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
        "values of app.users.number that don't fit the new type: 1, invalid text representation",
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
    // PostgreSQL 16 has it.
    assert_eq!(
        desk.typed.contains("pg_input_is_valid"),
        cluster.version() >= 160_000,
        "{}",
        desk.typed
    );
    for finder in finders(&desk.typed) {
        let rows = desk.database.session().client().query(&finder, &[]);
        assert!(!rows.await.unwrap().is_empty(), "{finder}");
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
                " values that ",
                " rows of ",
                " duplicates in ",
                " orphans in ",
                " position of ",
                " not checked:",
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
    // It stops two steps, and is one cause.
    assert_eq!(finders(&desk.typed).len(), 1, "{}", desk.typed);
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

/// A project whose second plan is refused for its rows, before any of its steps; it goes through once they are changed.
/// Returns what was told.
async fn refused(
    cluster: &Cluster,
    schemas: [&str; 2],
    options: &str,
    rows: &str,
    ways: &[&str],
    mended: &str,
) -> String {
    let [before, after] = schemas;
    let files = [("forge.toml", ""), ("schema/app.sql", before)];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.database.run(rows).await.unwrap();
    desk.write("schema/app.sql", after);
    desk.forge(&format!(
        "plan -m \"be strict\" --rev-id 200000000000 {options}"
    ));
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    let stood = desk.dump();
    desk.typed.clear();
    desk.forge("preflight");
    let previewed = lines(&desk.typed);
    desk.typed.clear();
    desk.forge("apply");
    assert!(desk.typed.contains("[exit 3]"), "{}", desk.typed);
    assert_eq!(desk.dump(), stood);
    let told = lines(&desk.typed);
    for way in ways {
        assert!(told.contains(way), "{way}: {}", desk.typed);
        assert!(previewed.contains(way), "{way}: {previewed}");
    }
    assert_eq!(finders(&desk.typed).len(), ways.len(), "{}", desk.typed);
    for finder in finders(&desk.typed) {
        let rows = desk.database.session().client().query(&finder, &[]);
        assert!(!rows.await.unwrap().is_empty(), "{finder}");
    }
    desk.database.run(mended).await.unwrap();
    desk.typed.clear();
    desk.forge("apply");
    desk.forge("plan --check");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    told
}

/// What the plan renames is still there under its old name: schemas, tables, columns, two that change their names, and a
/// table that moves.
pub(crate) async fn rows_are_found_under_names_that_the_plan_changes(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA old;
CREATE SCHEMA other;
CREATE TABLE old.people (id bigint PRIMARY KEY, land text, mail text, years int, a text, b text, number text);
CREATE TABLE old.orders (id bigint PRIMARY KEY, person bigint);
CREATE FUNCTION old.is_age(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 0;
";
    let after = "\
-- forge: renamed from old
CREATE SCHEMA app;
CREATE SCHEMA other;
-- forge: renamed from is_age
CREATE FUNCTION app.is_right(int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 > 0;
-- forge: renamed from people
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    country text NOT NULL, -- forge: renamed from land
    email text UNIQUE, -- forge: renamed from mail
    age int CHECK (app.is_right(age)), -- forge: renamed from years
    b text NOT NULL,
    a text,
    -- forge: renamed from number
    -- forge: using amount::integer
    amount integer
);
-- forge: renamed from old.orders
CREATE TABLE other.orders (
    id bigint PRIMARY KEY,
    user_id bigint REFERENCES app.users (id) -- forge: renamed from person
);
";
    let rows = "\
INSERT INTO old.people VALUES (1, NULL, 'x', 0, NULL, 'b', 'one'), (2, 'it', 'x', 2, 'a', 'b', '2');
INSERT INTO old.orders VALUES (1, 99);
";
    let ways = [
        "NULL in app.users (country): 1 (SQLSTATE 23514)",
        "duplicates in app.users (email): 1 (SQLSTATE 23505)",
        "rows of app.users against CHECK (old.is_age(age)): 1 (SQLSTATE 23514)",
        "NULL in app.users (b): 1 (SQLSTATE 23514)",
        "values of app.users.amount that don't fit the new type: 1, invalid text representation (SQLSTATE 22P02)",
        "orphans in other.orders (user_id): 1 (SQLSTATE 23503)",
    ];
    let mended = "DELETE FROM old.people; DELETE FROM old.orders";
    // No directive says that two names are exchanged: it would say so again once they are.
    let exchanged = "--rename old.people.a=app.users.b --rename old.people.b=app.users.a";
    refused(cluster, [before, after], exchanged, rows, &ways, mended).await;
}

/// What the plan itself writes is computed: a backfill that gives no value, and one that gives the same twice.
pub(crate) async fn rows_that_a_backfill_leaves_in_the_way_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, first text, last text, country text, code text, size text);
";
    let after = "\
CREATE SCHEMA app;
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    first text,
    last text,
    country text NOT NULL, -- forge: backfill lower(last)
    code text NOT NULL UNIQUE, -- forge: backfill 'none'
    size text,
    name text NOT NULL, -- forge: backfill first || ' ' || last
    length int NOT NULL -- forge: backfill size::integer
);
";
    let rows = "\
INSERT INTO app.users VALUES
    (1, 'Ann', NULL, NULL, NULL, '1'), (2, 'Bob', 'Bee', NULL, NULL, '2'), (3, 'Cy', 'Cee', 'it', 'c', 'large');
";
    let ways = [
        "NULL in app.users (country): 1 (SQLSTATE 23514)",
        "duplicates in app.users (code): 1 (SQLSTATE 23505)",
        "NULL in app.users (name): 1 (SQLSTATE 23514)",
        "values that app.users.length is filled with: 1, invalid text representation (SQLSTATE 22P02)",
    ];
    let mended = "UPDATE app.users SET last = 'Ay', code = id, size = 3";
    refused(cluster, [before, after], "", rows, &ways, mended).await;
}

/// Foreign keys of several columns, that match in full, to partitioned tables, to the table itself, and to a new table.
pub(crate) async fn rows_that_refer_to_none_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.places (land text, town text, PRIMARY KEY (land, town)) PARTITION BY LIST (land);
CREATE TABLE app.places_it PARTITION OF app.places FOR VALUES IN ('it');
CREATE TABLE app.users (id bigint PRIMARY KEY, land text, town text, born_land text, born_town text, boss bigint, team int);
";
    let after = "\
CREATE SCHEMA app;
CREATE TABLE app.places (land text, town text, PRIMARY KEY (land, town)) PARTITION BY LIST (land);
CREATE TABLE app.places_it PARTITION OF app.places FOR VALUES IN ('it');
CREATE TABLE app.teams (id int PRIMARY KEY);
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    land text,
    town text,
    born_land text,
    born_town text,
    boss bigint REFERENCES app.users,
    team int REFERENCES app.teams,
    FOREIGN KEY (land, town) REFERENCES app.places MATCH FULL,
    FOREIGN KEY (born_land, born_town) REFERENCES app.places
);
";
    let rows = "\
INSERT INTO app.places VALUES ('it', 'Rome');
INSERT INTO app.users VALUES
    (1, 'it', NULL, 'it', NULL, 1, 1), (2, 'it', 'Pisa', 'it', 'Pisa', 99, NULL),
    (3, 'it', 'Rome', 'it', 'Rome', NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL, NULL);
";
    let ways = [
        "orphans in app.users (land, town): 1 (SQLSTATE 23503)",
        "rows of app.users with a NULL in some of (land, town), not in all (MATCH FULL): 1 (SQLSTATE 23503)",
        "orphans in app.users (born_land, born_town): 1 (SQLSTATE 23503)",
        "orphans in app.users (boss): 1 (SQLSTATE 23503)",
        "orphans in app.users (team): 1 (SQLSTATE 23503)",
    ];
    refused(
        cluster,
        [before, after],
        "",
        rows,
        &ways,
        "DELETE FROM app.users",
    )
    .await;
}

/// Values are equal as their type says, which a foreign key goes by: nothing is in its way here but one row.
pub(crate) async fn references_of_a_type_with_an_equality_of_its_own_are_no_orphans(
    cluster: &Cluster,
) {
    let before = "\
CREATE SCHEMA app;
CREATE EXTENSION citext SCHEMA app;
CREATE TABLE app.users (name app.citext PRIMARY KEY);
CREATE TABLE app.orders (id int PRIMARY KEY, name app.citext);
";
    let after = before.replace(
        "name app.citext);",
        "name app.citext REFERENCES app.users);",
    );
    let rows = "\
INSERT INTO app.users VALUES ('Ann');
INSERT INTO app.orders VALUES (1, 'ann'), (2, NULL), (3, 'bob');
";
    let ways = ["orphans in app.orders (name): 1 (SQLSTATE 23503)"];
    let mended = "DELETE FROM app.orders WHERE id = 3";
    refused(cluster, [before, &after], "", rows, &ways, mended).await;
}

/// Where a cast fails, the rows are counted and shown by their keys, and no value is told: also of a partitioned table, and
/// of one without a key.
pub(crate) async fn rows_that_a_cast_rejects_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.few (name text, at int, number text, PRIMARY KEY (name, at));
CREATE TABLE app.many (id int PRIMARY KEY, number text);
CREATE TABLE app.bare (number text);
CREATE TABLE app.parts (id int, number text) PARTITION BY RANGE (id);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (100);
CREATE TABLE app.parts_2 PARTITION OF app.parts FOR VALUES FROM (100) TO (200);
";
    let after = before.replace(
        "number text",
        "number date -- forge: using to_date(number, 'YYYYMMDD')\n",
    );
    let rows = "\
INSERT INTO app.few SELECT 'k' || n % 2, n, '20260101' FROM generate_series(1, 20000) AS n;
UPDATE app.few SET number = 'secret' || at WHERE at IN (77, 15000);
INSERT INTO app.many SELECT n, 'secret' FROM generate_series(1, 20000) AS n;
INSERT INTO app.bare VALUES ('20260101'), ('secret'), (NULL);
INSERT INTO app.parts SELECT n, CASE WHEN n % 60 = 0 THEN 'secret' ELSE '20260101' END FROM generate_series(1, 199) AS n;
";
    let state = "invalid datetime format (SQLSTATE 22007)";
    let ways = [
        format!("values of app.few.number that don't fit the new type: 2, {state}"),
        format!("values of app.many.number that don't fit the new type: 10 or more, {state}"),
        format!("values of app.bare.number that don't fit the new type: 1, {state}"),
        format!("values of app.parts.number that don't fit the new type: 3, {state}"),
    ];
    let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
    let mended = "\
UPDATE app.few SET number = NULL; UPDATE app.many SET number = NULL; UPDATE app.bare SET number = NULL;
UPDATE app.parts SET number = NULL";
    let told = refused(cluster, [before, &after], "", rows, &ways, mended).await;
    let found = "SELECT * FROM app.few WHERE (name, at) IN (('k1', 77), ('k0', 15000))";
    assert!(told.contains(found), "{told}");
    let found = "SELECT * FROM app.many WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)";
    assert!(told.contains(found), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

/// A row whose fields are NULL is no NULL, to `NOT NULL` and to the backfill before it.
pub(crate) async fn values_of_composite_types_are_looked_at_as_not_null_does(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TYPE app.pair AS (a int, b int);
CREATE TABLE app.pairs (id int PRIMARY KEY, p app.pair, q app.pair);
";
    let after = "\
CREATE SCHEMA app;
CREATE TYPE app.pair AS (a int, b int);
CREATE TABLE app.pairs (
    id int PRIMARY KEY,
    p app.pair NOT NULL,
    q app.pair UNIQUE NOT NULL -- forge: backfill ROW(0, 0)
);
";
    let rows = "\
INSERT INTO app.pairs VALUES
    (1, ROW(1, NULL), ROW(NULL, NULL)), (2, ROW(NULL, NULL), ROW(NULL, NULL)), (3, NULL, ROW(1, NULL));
";
    let ways = [
        "NULL in app.pairs (p): 1 (SQLSTATE 23514)",
        "duplicates in app.pairs (q): 1 (SQLSTATE 23505)",
    ];
    let mended =
        "DELETE FROM app.pairs WHERE id = 3; UPDATE app.pairs SET q = ROW(2, NULL) WHERE id = 2";
    refused(cluster, [before, after], "", rows, &ways, mended).await;
}

/// Bounds of every kind that shrink, at any depth, and a DEFAULT partition that appears or whose siblings grow.
pub(crate) async fn rows_outside_of_the_new_bounds_of_partitions_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE EXTENSION citext SCHEMA app;
CREATE TABLE app.events (at date) PARTITION BY RANGE (at);
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.clicks (kind text) PARTITION BY LIST (kind);
CREATE TABLE app.clicks_a PARTITION OF app.clicks FOR VALUES IN ('a', 'b', NULL);
CREATE TABLE app.tags (tag app.citext) PARTITION BY LIST (tag);
CREATE TABLE app.tags_a PARTITION OF app.tags FOR VALUES IN ('a', 'b', 'c');
CREATE TABLE app.hashed (id int, name text) PARTITION BY HASH (id, name);
CREATE TABLE app.hashed_0 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.deep (at int, kind text) PARTITION BY RANGE (at);
CREATE TABLE app.deep_1 PARTITION OF app.deep FOR VALUES FROM (0) TO (100) PARTITION BY LIST (kind);
CREATE TABLE app.deep_1_a PARTITION OF app.deep_1 FOR VALUES IN ('a', 'b');
CREATE TABLE app.deep_1_more (at int, kind text);
CREATE TABLE app.grown (n int) PARTITION BY RANGE (n);
CREATE TABLE app.grown_1 PARTITION OF app.grown FOR VALUES FROM (0) TO (10);
CREATE TABLE app.grown_rest PARTITION OF app.grown DEFAULT;
CREATE TABLE app.rest (n int) PARTITION BY LIST (n);
CREATE TABLE app.rest_1 PARTITION OF app.rest FOR VALUES IN (1, 2);
CREATE TABLE app.rest_more PARTITION OF app.rest FOR VALUES IN (3);
CREATE TABLE app.left (n int) PARTITION BY LIST (n);
CREATE TABLE app.left_1 PARTITION OF app.left FOR VALUES IN (1, 2);
CREATE TABLE app.left_more (n int);
";
    let after = before
        .replace("TO ('2026-01-01')", "TO ('2025-07-01')")
        .replace("IN ('a', 'b', NULL)", "IN ('a')")
        .replace("IN ('a', 'b', 'c')", "IN ('a', 'b')")
        .replace("(MODULUS 2, REMAINDER 0)", "(MODULUS 4, REMAINDER 0)")
        .replace(
            "deep_1 FOR VALUES IN ('a', 'b')",
            "deep_1 FOR VALUES IN ('a')",
        )
        .replace(
            "app.deep_1_more (at int, kind text)",
            "app.deep_1_more PARTITION OF app.deep_1 FOR VALUES IN ('c')",
        )
        .replace("FROM (0) TO (10)", "FROM (0) TO (20)")
        .replace(
            "app.rest_1 PARTITION OF app.rest FOR VALUES IN (1, 2)",
            "app.rest_1 PARTITION OF app.rest FOR VALUES IN (1, 2, 3)",
        )
        .replace("app.rest FOR VALUES IN (3)", "app.rest DEFAULT")
        .replace(
            "app.left_more (n int)",
            "app.left_more PARTITION OF app.left DEFAULT",
        );
    let rows = "\
INSERT INTO app.events VALUES ('2025-01-01'), ('2025-07-01');
INSERT INTO app.clicks VALUES ('a'), ('b'), (NULL);
INSERT INTO app.tags VALUES ('A'), ('B'), ('C');
INSERT INTO app.hashed_0 SELECT n, 'x' FROM generate_series(1, 100) AS n
    WHERE satisfies_hash_partition('app.hashed'::regclass, 2, 0, n, 'x'::text);
INSERT INTO app.deep VALUES (1, 'a'), (1, 'b');
INSERT INTO app.deep_1_more VALUES (100, 'c'), (1, 'c');
INSERT INTO app.grown VALUES (5), (15), (25);
INSERT INTO app.rest VALUES (3);
INSERT INTO app.left_more VALUES (1), (3), (NULL);
";
    let ways = [
        "rows of app.events_2025 that are outside of its bound: 1 (SQLSTATE 23514)",
        "rows of app.clicks_a that are outside of its bound: 2 (SQLSTATE 23514)",
        "rows of app.tags_a that are outside of its bound: 1 (SQLSTATE 23514)",
        "rows of app.hashed_0 that are outside of its bound:",
        "rows of app.deep_1_a that are outside of its bound: 1 (SQLSTATE 23514)",
        "rows of app.deep_1_more that are outside of its bound: 1 (SQLSTATE 23514)",
        "rows of the DEFAULT partition app.grown_rest that belong in app.grown_1: 1 (SQLSTATE 23514)",
        "rows of app.rest_more that are outside of its bound: 1 (SQLSTATE 23514)",
        "rows of app.left_more that are outside of its bound: 1 (SQLSTATE 23514)",
    ];
    let mended = "\
DELETE FROM app.events; DELETE FROM app.clicks; DELETE FROM app.tags; DELETE FROM app.hashed; DELETE FROM app.deep;
DELETE FROM app.deep_1_more; DELETE FROM app.grown; DELETE FROM app.rest; DELETE FROM app.left_more WHERE n = 1";
    refused(cluster, [before, &after], "", rows, &ways, mended).await;
}

/// Positions of sequences, serials and identities that are outside of the new limits or of those of a sequence that takes
/// over; a minimum that is raised moves them on.
pub(crate) async fn positions_of_sequences_outside_of_new_limits_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE SEQUENCE app.numbers;
CREATE SEQUENCE app.narrow;
CREATE SEQUENCE app.back INCREMENT -1;
CREATE SEQUENCE app.raised;
CREATE TABLE app.users (id int GENERATED ALWAYS AS IDENTITY, n bigint GENERATED BY DEFAULT AS IDENTITY);
CREATE SEQUENCE app.orders_id_seq AS integer;
CREATE TABLE app.orders (id bigint NOT NULL DEFAULT nextval('app.orders_id_seq'));
ALTER SEQUENCE app.orders_id_seq OWNED BY app.orders.id;
CREATE TABLE app.plain (id bigint NOT NULL);
";
    // The table that was `users` has moved to another schema, with its sequences.
    let after = "\
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE SEQUENCE app.numbers MAXVALUE 200;
-- forge: renamed from narrow
CREATE SEQUENCE app.small AS smallint;
CREATE SEQUENCE app.back INCREMENT -1 MINVALUE -10;
CREATE SEQUENCE app.raised MINVALUE 100 START 100;
-- forge: renamed from app.users
CREATE TABLE other.users (
    id int GENERATED ALWAYS AS IDENTITY (MAXVALUE 20),
    n int GENERATED BY DEFAULT AS IDENTITY
);
CREATE TABLE app.orders (id bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MAXVALUE 7));
CREATE TABLE app.plain (id bigint NOT NULL GENERATED ALWAYS AS IDENTITY);
";
    let rows = "\
SELECT setval('app.numbers', 300), setval('app.narrow', 40000), setval('app.back', -11), setval('app.raised', 7);
SELECT setval('app.users_id_seq', 21), setval('app.users_n_seq', 5000000000), setval('app.orders_id_seq', 8);
INSERT INTO app.plain VALUES (-1), (0);
";
    let ways = [
        "position of app.numbers that is outside of its new limits: 1 (SQLSTATE 22023)",
        "position of app.small that is outside of its new limits: 1 (SQLSTATE 22023)",
        "position of app.back that is outside of its new limits: 1 (SQLSTATE 22023)",
        "position of other.users_id_seq that is outside of its new limits: 1 (SQLSTATE 22023)",
        "position of other.users_n_seq that is outside of its new limits: 1 (SQLSTATE 22023)",
        "position of app.orders_id_seq that is outside of its limits, from app.orders_id_seq__forge_old: 1 (SQLSTATE 22003)",
        "position of app.plain_id_seq that is outside of its limits, from app.plain: 1 (SQLSTATE 22003)",
    ];
    let mended = "\
SELECT setval('app.numbers', 200), setval('app.narrow', 4), setval('app.back', -1), setval('app.users_id_seq', 20);
SELECT setval('app.users_n_seq', 5), setval('app.orders_id_seq', 7); DELETE FROM app.plain";
    refused(cluster, [before, after], "", rows, &ways, mended).await;
}

/// A new column takes a value against its domain in each row that is there: NULL, the domain's default or its own. The
/// domain may be one that the plan creates, and stand on another.
pub(crate) async fn values_of_new_columns_that_their_domains_reject_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE DOMAIN app.code AS text NOT NULL;
CREATE DOMAIN app.positive AS int DEFAULT 0 CHECK (value > 0);
CREATE DOMAIN app.small AS app.positive CHECK (value < 10);
CREATE TABLE app.users (id bigint PRIMARY KEY);
CREATE TABLE app.nobody (id bigint PRIMARY KEY);
";
    let columns = "\
    code app.code,
    positive app.positive,
    small app.small DEFAULT 12,
    fresh app.fresh,
    fine app.small DEFAULT 1,
    also_fine app.code DEFAULT 'x'
";
    let after = before
        .replace(
            "CREATE TABLE app.users",
            "CREATE DOMAIN app.fresh AS text CHECK (value IS NOT NULL);\nCREATE TABLE app.users",
        )
        .replace(
            "(id bigint PRIMARY KEY)",
            &format!("(id bigint PRIMARY KEY,\n{columns})"),
        );
    let ways = [
        "values that the new column app.users.code gets, against app.code: value IS NOT NULL: 2 (SQLSTATE 23502)",
        "values that the new column app.users.positive gets, against app.positive: value > 0: 2 (SQLSTATE 23514)",
        "values that the new column app.users.small gets, against app.small: value::int < 10: 2 (SQLSTATE 23514)",
        "values that the new column app.users.fresh gets, against app.fresh: value IS NOT NULL: 2 (SQLSTATE 23514)",
    ];
    let rows = "INSERT INTO app.users VALUES (1), (2)";
    let mended = "DELETE FROM app.users";
    refused(cluster, [before, &after], "", rows, &ways, mended).await;
}

/// Rows that an exclusion constraint rejects: by columns and expressions, NULL beside, of some rows only.
pub(crate) async fn rows_that_exclude_each_other_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.rooms (id int PRIMARY KEY, during int4range);
CREATE TABLE app.slots (first int, last int, gone boolean);
CREATE TABLE app.fine (during int4range);
";
    let after = "\
CREATE SCHEMA app;
CREATE TABLE app.rooms (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE app.slots (first int, last int, gone boolean, EXCLUDE USING gist (int4range(first, last) WITH &&) WHERE (NOT gone));
CREATE TABLE app.fine (during int4range, EXCLUDE USING gist (during WITH &&));
";
    let rows = "\
INSERT INTO app.rooms VALUES (1, '[1,5)'), (2, '[4,6)'), (3, '[6,9)'), (4, NULL), (5, NULL);
INSERT INTO app.slots VALUES (1, 5, false), (2, 3, true), (4, 8, false), (7, 9, false);
INSERT INTO app.fine VALUES ('[1,5)'), ('[5,6)'), (NULL), ('empty'), ('empty');
";
    let ways = [
        "rows of app.rooms that exclude each other (during WITH &&): 2 (SQLSTATE 23P01)",
        "rows of app.slots that exclude each other (int4range(first, last) WITH &&): 3 (SQLSTATE 23P01)",
    ];
    let mended = "DELETE FROM app.rooms WHERE id = 2; DELETE FROM app.slots WHERE first = 4";
    refused(cluster, [before, after], "", rows, &ways, mended).await;
}

/// A backfill writes what a constraint rejects that is there already.
pub(crate) async fn values_that_break_constraints_of_before_are_found(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.teams (id int PRIMARY KEY);
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    code text UNIQUE,
    mail text,
    age int CHECK (age > 0),
    team int REFERENCES app.teams,
    fine int CHECK (fine > 0)
);
CREATE UNIQUE INDEX users_mail ON app.users (lower(mail));
";
    let after = before
        .replace(
            "code text",
            "code text NOT NULL -- forge: backfill 'none'\n",
        )
        .replace("mail text", "mail text NOT NULL -- forge: backfill 'x'\n")
        .replace("age int", "age int NOT NULL -- forge: backfill 0\n")
        .replace("team int", "team int NOT NULL -- forge: backfill 7\n")
        .replace("fine int", "fine int NOT NULL -- forge: backfill 1\n");
    let rows = "\
INSERT INTO app.users VALUES (1, NULL, NULL, NULL, NULL, NULL), (2, NULL, 'X', 1, NULL, 2);
";
    let ways = [
        "duplicates in app.users (code): 1 (SQLSTATE 23505)",
        "duplicates in app.users ((lower(mail))): 1 (SQLSTATE 23505)",
        "rows of app.users against CHECK (age > 0): 1 (SQLSTATE 23514)",
        "orphans in app.users (team): 2 (SQLSTATE 23503)",
    ];
    let mended = "\
INSERT INTO app.teams VALUES (7);
UPDATE app.users SET code = id, mail = id, age = 1";
    refused(cluster, [before, &after], "", rows, &ways, mended).await;
}

/// A row of NULLs is a value to NOT NULL, also of a domain.
pub(crate) async fn values_of_domains_over_composite_types_are_no_null(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TYPE app.pair AS (a int, b int);
CREATE DOMAIN app.known AS app.pair;
CREATE DOMAIN app.part AS int;
CREATE TYPE app.whole AS (part app.part);
CREATE TABLE app.pairs (id int PRIMARY KEY, p app.known);
CREATE TABLE app.parts (id int PRIMARY KEY, p app.part);
";
    let after = before
        .replace("known AS app.pair", "known AS app.pair NOT NULL")
        .replace("part AS int", "part AS int NOT NULL");
    let files = [("forge.toml", ""), ("schema/app.sql", before)];
    let mut desk = Desk::begun(cluster, &files).await;
    let rows = "INSERT INTO app.pairs VALUES (1, ROW(NULL, NULL)), (2, ROW(1, NULL)); INSERT INTO app.parts VALUES (1, 1)";
    desk.database.run(rows).await.unwrap();
    desk.write("schema/app.sql", &after);
    desk.forge("plan -m \"be strict\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    desk.forge("apply");
    desk.forge("plan --check");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}

/// What can't be told before the plan runs is said: rows that a trigger changes, a type that the plan creates.
pub(crate) async fn rows_that_cannot_be_looked_at_are_told(cluster: &Cluster) {
    let before = "\
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, country text);
CREATE TABLE app.codes (id bigint PRIMARY KEY, code text);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.country := 'it'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch();
";
    let after = "\
CREATE SCHEMA app;
CREATE DOMAIN app.code AS text CHECK (value <> '');
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    country text NOT NULL -- forge: backfill NULL
);
CREATE TABLE app.codes (
    id bigint PRIMARY KEY,
    code app.code -- forge: using code::app.code
);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.country := 'it'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch();
";
    let files = [("forge.toml", ""), ("schema/app.sql", before)];
    let mut desk = Desk::begun(cluster, &files).await;
    let rows = "INSERT INTO app.users VALUES (1, NULL); INSERT INTO app.codes VALUES (1, 'a')";
    desk.database.run(rows).await.unwrap();
    desk.write("schema/app.sql", after);
    desk.forge("plan -m \"be strict\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    desk.forge("preflight");
    desk.forge("apply");
    let told = lines(&desk.typed);
    let unknown = [
        "NULL in app.users (country): not checked, an earlier step of the plan writes rows, and a trigger may change them",
        "values of app.codes.code that don't fit the new type: not checked, the plan creates the new type",
    ];
    for unknown in unknown {
        // Once by each of the two commands.
        assert_eq!(
            told.matches(unknown).count(),
            2,
            "{unknown}: {}",
            desk.typed
        );
    }
    desk.forge("plan --check");
    assert!(
        !told.contains("[exit 3]") && !told.contains("[exit 6]"),
        "{}",
        desk.typed
    );
}
