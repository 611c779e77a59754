//! What somebody changed by hand, and what no kind models.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

pub(crate) async fn drift_is_taken_back_or_adopted(cluster: &Cluster) {
    let files = [
        FILES[0],
        (
            "schema/all.sql",
            "CREATE SCHEMA app;\nCREATE TABLE app.orders (id bigserial PRIMARY KEY);\n\
             CREATE TABLE app.carts (id bigint);\nCOMMENT ON TABLE app.carts IS 'carts';\n",
        ),
        (
            "schema/users.sql",
            "-- Who may log in.\nCREATE TABLE app.users (id bigint PRIMARY KEY);\n\
             CREATE INDEX users_id ON app.users (id);\n",
        ),
        (
            "schema/names.sql",
            "-- Nobody reads this.\nCREATE VIEW app.names AS SELECT a.id FROM app.users a, app.users b;\n",
        ),
    ];
    let mut desk = Desk::new(cluster, &files).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.typed.clear();
    let before = desk.dump();
    desk.forge("drift --revert");
    let drift = "ALTER TABLE app.users ADD COLUMN email text DEFAULT 'x;y';\n\
        CREATE INDEX users_email ON app.users (email);\n\
        ALTER TABLE app.orders ADD COLUMN paid boolean NOT NULL;\n\
        CREATE FUNCTION app.one() RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
        DROP VIEW app.names";
    desk.database.run(drift).await.unwrap();
    desk.forge("drift --revert");
    let output = desk.environment.command(&["drift", "--revert"]).output();
    desk.write(
        "revert.sql",
        &String::from_utf8(output.unwrap().stdout).unwrap(),
    );
    desk.other("psql", &["-X", "-q", "-f", "revert.sql"]);
    assert_eq!(desk.dump(), before);
    desk.forge("drift");

    desk.database.run(drift).await.unwrap();
    let changed = desk.dump();
    desk.forge("drift --adopt");
    desk.forge("plan --check");
    for file in [
        "schema/all.sql",
        "schema/users.sql",
        "schema/app/functions/one.sql",
    ] {
        let text = fs_err::read_to_string(desk.environment.project().join(file)).unwrap();
        writeln!(desk.typed, "=== {file}\n{text}").unwrap();
    }
    assert!(!desk.environment.project().join("schema/names.sql").exists());
    desk.forge("plan --from history -m \"adopt what was changed by hand\" --rev-id 200000000000");
    desk.forge("approve --allow all");
    desk.forge("stamp head");
    desk.forge("drift");
    desk.forge("plan --check");
    assert_eq!(desk.dump(), changed);

    // A statement among others is found; what the author has in mind for an object besides stays.
    desk.database
        .run("COMMENT ON TABLE app.carts IS 'baskets'; ALTER TABLE app.users ADD COLUMN phone text")
        .await
        .unwrap();
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN age int;\n",
    );
    let files = desk.other("sh", &["-c", "cat schema/*.sql"]);
    let all = fs_err::read_to_string(desk.environment.project().join("schema/all.sql")).unwrap();
    desk.forge("drift --adopt");
    assert_eq!(
        desk.other("sh", &["-c", "cat schema/*.sql"]),
        files.replace("IS 'carts'", "IS 'baskets'")
    );
    desk.write("schema/all.sql", &all);

    // What the files have in mind besides is left to the next plan.
    desk.database
        .run("COMMENT ON TABLE app.carts IS 'carts'")
        .await
        .unwrap();
    desk.write(
        "schema/more.sql",
        "CREATE TABLE app.later (id bigint PRIMARY KEY);\n",
    );
    desk.forge("drift --adopt");
    desk.forge("plan --from history --only app.users -m \"adopt the phone\" --rev-id 300000000000");
    desk.forge("approve");
    desk.forge("stamp head");
    desk.forge("drift");
    desk.forge("plan --check");
    assert_snapshot!("drift_is_taken_back_or_adopted", desk.typed);
}

/// An apply and a downgrade leave what they don't touch as it is, and don't make it what somebody has approved.
pub(crate) async fn drift_is_told_until_it_is_settled(cluster: &Cluster) {
    let view = "CREATE VIEW app.names AS SELECT a.name FROM app.users a, app.users b;\n";
    let mut desk = Desk::new(cluster, &[FILES[0], FILES[1], ("schema/names.sql", view)]).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.write(
        "schema/carts.sql",
        "CREATE TABLE app.carts (id bigint PRIMARY KEY);\n",
    );
    desk.forge("plan -m \"add carts\" --rev-id 200000000000");
    desk.forge("approve");
    desk.typed.clear();
    desk.database
        .run("ALTER TABLE app.users ADD COLUMN phone text; DROP VIEW app.names")
        .await
        .unwrap();
    desk.forge("apply");
    desk.forge("drift");
    desk.forge("downgrade -1 --allow all");
    desk.forge("drift");
    desk.forge("apply");

    // An approved plan takes one back, and the files adopt the other.
    desk.forge("plan -m \"put the view back, drop the phone\" --rev-id 300000000000");
    desk.forge("approve --allow all");
    desk.forge("apply");
    desk.forge("drift");
    desk.database
        .run("ALTER TABLE app.users ADD COLUMN phone text")
        .await
        .unwrap();
    desk.write(
        "schema/later.sql",
        "CREATE TABLE app.later (id bigint PRIMARY KEY);\n",
    );
    desk.forge("plan --from history -m \"add later\" --rev-id 400000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.forge("drift --adopt");
    desk.forge("plan --from history -m \"adopt the phone\" --rev-id 500000000000");
    desk.forge("approve");
    desk.forge("stamp head");
    desk.forge("drift");
    desk.forge("plan --check");
    desk.forge("validate");
    desk.forge("test");

    // What is managed no more has not been removed.
    let settings = format!("{}\n[managed]\nexclude = [\"app.carts\"]\n", FILES[0].1);
    desk.write("forge.toml", &settings);
    desk.forge("drift");
    let verified = desk.environment.command(&["verify"]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert_snapshot!(desk.typed);
}

pub(crate) async fn drift_under_a_plan_that_stopped_half_way(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
    desk.write(
        "schema/names.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n\
         CREATE UNIQUE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m \"look users up\" --rev-id 200000000000");
    desk.forge("approve");
    desk.typed.clear();
    let rows = "INSERT INTO app.users VALUES (1, 'Ann'), (2, 'Ann'); \
        COMMENT ON SCHEMA app IS 'by hand'";
    desk.database.run(rows).await.unwrap();
    desk.forge("apply --skip-row-checks");
    desk.database
        .run("UPDATE app.users SET name = 'Bob' WHERE id = 2")
        .await
        .unwrap();
    desk.forge("apply");
    desk.forge("plan --check");
    assert_snapshot!(desk.typed);
}

/// A range type and a statistics object, which no kind models, and a table that needs one and has the other.
const BESIDE: &str = "\
CREATE TYPE app.span AS RANGE (subtype = date);
CREATE TABLE app.bookings (id bigint PRIMARY KEY, user_id bigint, during app.span);
CREATE STATISTICS app.who (ndistinct) ON id, user_id FROM app.bookings;
";

pub(crate) async fn what_no_kind_models_stands_beside(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.write("schema/beside.sql", BESIDE);
    desk.database.run(FILES[1].1).await.unwrap();
    desk.database.run(BESIDE).await.unwrap();
    desk.forge("plan --check");
    desk.write(
        "schema/note.sql",
        "ALTER TABLE app.bookings ADD COLUMN note text;\n",
    );
    desk.forge("plan -m \"add a note\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("apply");

    let other =
        "DROP STATISTICS app.who; CREATE STATISTICS app.who (mcv) ON id, user_id FROM app.bookings";
    desk.database.run(other).await.unwrap();
    desk.forge("drift");
    desk.forge("plan --check");

    desk.write(
        "schema/longest.sql",
        "CREATE FUNCTION app.longer(app.span, app.span) RETURNS app.span LANGUAGE sql AS 'SELECT $1 + $2';\n\
         CREATE AGGREGATE app.longest(app.span) (SFUNC = app.longer, STYPE = app.span);\n\
         CREATE VIEW app.longest_booking AS SELECT app.longest(a.during) AS during FROM app.bookings a, app.bookings b;\n",
    );
    desk.forge("plan -m \"add the longest booking\"");
    desk.remove("schema/longest.sql");
    desk.write(
        "schema/beside.sql",
        "CREATE TABLE app.bookings (id bigint PRIMARY KEY, user_id bigint);\n",
    );
    desk.forge("plan -m \"drop what no kind models\"");
    assert_snapshot!("what_no_kind_models_stands_beside", desk.typed);
}

pub(crate) async fn privileges_on_what_is_not_the_trees_are_told(cluster: &Cluster) {
    let tree = "CREATE SCHEMA app;\nCREATE SCHEMA extensions;\n\
        CREATE EXTENSION tablefunc WITH SCHEMA extensions;\n\
        CREATE TABLE app.users (id bigint);\n\
        CREATE FUNCTION extensions.own() RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
        REVOKE ALL ON FUNCTION extensions.crosstab(text) FROM PUBLIC;\n\
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_logdir() TO shop_app;\n";
    let mut desk = Desk::new(cluster, &[FILES[0], ("schema/app.sql", tree)]).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.typed.clear();
    desk.forge("plan --check");
    let said = "REVOKE ALL ON FUNCTION extensions.crosstab(text) FROM PUBLIC; \
        GRANT EXECUTE ON FUNCTION pg_ls_logdir() TO shop_app";
    desk.database.run(said).await.unwrap();
    desk.forge("plan --check");
    desk.forge("drift");

    // Of all that there is in a schema, what belongs to the extension is its own.
    let all = "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA extensions TO shop_readonly;\n\
        REVOKE EXECUTE ON FUNCTION extensions.own() FROM shop_readonly;\n";
    desk.write("schema/app.sql", &format!("{tree}{all}"));
    desk.forge("plan --check");
    desk.database.run(all).await.unwrap();
    desk.forge("plan --check");
    assert_snapshot!(desk.typed);
}

/// `drift --adopt` leaves an author's layout and comments as they are, in files with either line end.
pub(crate) async fn adopting_changes_only_what_has_changed(cluster: &Cluster) {
    let people = "-- Everybody.\n\
        create schema app;\n\
        create table app.people ( -- one row each\n\
        \x20 id    bigint primary key,  -- given out here\n\
        \x20 -- as they want to be called\n\
        \x20 name  varchar(20) not null, -- short\n\
        \x20 old   text, -- nobody reads it\n\
        \x20 place text default 'here' -- or there\n\
        ); -- people\n\n\
        create index people_name on app.people (name); -- for the list\n\
        comment /* for DBAs */ on table app.people is 'people';\n\
        create type app.mood as enum ('sad', /* most */ 'glad');\n\
        create function app.f() returns int -- a number\n\
        \x20 language sql as $$\n  select 1\n$$;\n\
        create view app.names /* short */ as select name from app.people;\n";
    for line_end in ["\n", "\r\n"] {
        let file = people.replace('\n', line_end);
        let mut desk = Desk::new(cluster, &[FILES[0], ("schema/all.sql", &file)]).await;
        for line in [
            "plan -m \"begin it\" --rev-id 100000000000",
            "approve",
            "apply",
        ] {
            desk.forge(line);
        }
        let drift = "DROP VIEW app.names;
            ALTER TABLE app.people ALTER name TYPE text, DROP old, ALTER place SET DEFAULT 'there', ADD age int;
            CREATE VIEW app.names AS SELECT id FROM app.people;
            COMMENT ON TABLE app.people IS 'it''s us';
            CREATE INDEX people_age ON app.people (age);
            ALTER TYPE app.mood ADD VALUE 'so so' BEFORE 'glad'";
        desk.database.run(drift).await.unwrap();
        let body = format!("{line_end}  select 2{line_end}");
        desk.database
            .run(&format!(
                "CREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS $f${body}$f$"
            ))
            .await
            .unwrap();
        desk.typed.clear();
        desk.forge("drift --adopt");
        desk.forge("plan --check");
        assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
        let expected = people
            .replace("varchar(20)", "text")
            .replace("  old   text, -- nobody reads it\n", "")
            .replace(
                "default 'here' -- or there\n",
                "DEFAULT 'there'::text, -- or there\n  age integer\n",
            )
            .replace("is 'people'", "is 'it''s us'")
            .replace(
                "'sad', /* most */ 'glad'",
                "'sad', 'so so', /* most */ 'glad'",
            )
            .replace("select 1", "select 2");
        let found =
            fs_err::read_to_string(desk.environment.project().join("schema/all.sql")).unwrap();
        let found = found.replace(line_end, "\n");
        // A view's query is PostgreSQL's, and a new index stands behind what is said of the table.
        let (kept, _) = expected.split_once(" as select name").unwrap();
        let index = "\nCREATE INDEX people_age ON app.people USING btree (age);";
        assert_eq!(found.matches(index).count(), 1, "{found}");
        let found = found.replacen(index, "", 1);
        assert_eq!(
            found.split_once(" as\n SELECT").map(|(kept, _)| kept),
            Some(kept),
            "{found}"
        );
    }
}

/// Where it can't be told which part has changed, a statement is written anew: its comments stand above it, and that is said.
pub(crate) async fn comments_stay_where_a_statement_is_written_anew(cluster: &Cluster) {
    let tree = "create schema app;\n\
        create table app.k (\n  a int check (a > 0), -- positive\n  /* or\n     not */ b int\n);\n";
    let mut desk = Desk::begun(cluster, &[FILES[0], ("schema/all.sql", tree)]).await;
    desk.database
        .run("ALTER TABLE app.k DROP CONSTRAINT k_a_check")
        .await
        .unwrap();
    desk.forge("drift --adopt");
    desk.forge("plan --check");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    let said = "table app.k; 2 comments moved above the new statement";
    assert!(desk.typed.contains(said), "{}", desk.typed);
    let found = fs_err::read_to_string(desk.environment.project().join("schema/all.sql")).unwrap();
    assert_eq!(
        found,
        "create schema app;\n-- positive\n/* or\n     not */\nCREATE TABLE app.k (\n    a integer,\n    b integer\n);\n"
    );
}
