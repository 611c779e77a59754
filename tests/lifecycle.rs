//! The life of plans, typed as somebody would who comes from Alembic: the commands with their output, on a real server.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are configured by the environment"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a desk that can't be set fails the test"
)]

#[expect(dead_code, reason = "the cases use the rest")]
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/desk.rs"]
mod desk;
#[expect(dead_code, reason = "the cases use the rest")]
#[path = "support/dump.rs"]
mod dump;
#[expect(dead_code, reason = "the tests of the command line use the rest")]
#[path = "support/mod.rs"]
mod support;

use std::{fmt::Write as _, process::ExitCode};

use cluster::Cluster;
use desk::Desk;
use insta::assert_snapshot;

fn main() -> ExitCode {
    desk::run(desk::trials![
        a_session_as_an_alembic_user_types_it,
        branches_meet_in_every_form,
        a_disposable_database_needs_no_plan,
        a_script_does_what_forge_does,
        edited_drafts_are_proved_again,
        lost_files_have_a_way_out,
        bad_input_is_told_and_changes_nothing,
        what_a_server_is_too_old_for_is_told,
        what_stopped_half_way_goes_on,
        an_edit_that_changes_nothing_is_accepted,
        drift_is_taken_back_or_adopted,
        a_stamp_is_a_script_too,
        a_plan_of_a_part,
        plan_files_have_a_header,
        what_no_kind_models_stands_beside,
    ])
}

/// What the project has from the start.
const FILES: &[(&str, &str)] = &[
    ("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n"),
    (
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, name text NOT NULL);\n",
    ),
];

async fn a_session_as_an_alembic_user_types_it(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("revision --autogenerate -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade head");
    desk.forge("current");
    desk.forge("history");
    desk.commit("users");

    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email to users\" --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("current --check-heads");
    desk.forge("upgrade +1");
    desk.forge("current --check-heads");
    desk.forge("downgrade -1");
    desk.forge("downgrade -1 --allow deletes-data");
    desk.forge("upgrade");
    desk.commit("email");

    desk.git(&["checkout", "-q", "-b", "orders"]);
    desk.write(
        "schema/orders.sql",
        "CREATE TABLE app.orders (id bigint PRIMARY KEY);\n",
    );
    desk.forge("plan -m \"create orders\" --branch-label orders --rev-id 300000000000");
    desk.forge("approve");
    desk.commit("orders");
    desk.git(&["checkout", "-q", "main"]);
    desk.git(&["checkout", "-q", "-b", "carts"]);
    desk.write(
        "schema/carts.sql",
        "CREATE TABLE app.carts (id bigint PRIMARY KEY);\n",
    );
    desk.forge("plan -m \"create carts\" --rev-id 400000000000");
    desk.forge("approve");
    desk.commit("carts");
    desk.forge("check --against orders");
    desk.git(&["merge", "-q", "-m", "both", "orders"]);
    desk.forge("heads");
    desk.forge("heads --single");
    desk.forge("branches");
    desk.forge("upgrade");
    desk.forge("upgrade orders@head");
    desk.forge("merge -m \"join orders and carts\" --rev-id 500000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.forge("history -i");
    desk.forge("history -r 2000:5000");
    desk.forge("status");
    desk.commit("joined");

    // An existing database that somebody has brought to the same state.
    let first = desk.turn_to_another().await;
    desk.forge("stamp head");
    let everything = [
        "schema/app.sql",
        "schema/email.sql",
        "schema/orders.sql",
        "schema/carts.sql",
    ];
    for file in everything {
        let text = fs_err::read_to_string(desk.environment.project().join(file)).unwrap();
        desk.database.run(&text).await.unwrap();
    }
    desk.forge("stamp head");
    desk.forge("current");
    desk.forge("drift");
    desk.forge("validate");
    assert_eq!(desk.dump(), dump::of(&first).unwrap());
    assert_snapshot!("a_session_as_an_alembic_user_types_it", desk.typed);
}

/// Three branches, of which two are joined by name and then all, one that is empty, and two that change the same object.
async fn branches_meet_in_every_form(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.commit("users");
    let mut branch = |name: &str, revision: &str, file: &str, sql: &str| {
        desk.git(&["checkout", "-q", "-b", name, "main"]);
        desk.write(file, sql);
        desk.forge(&format!(
            "plan --from history -m \"the work of {name}\" --rev-id {revision}"
        ));
        desk.forge("approve");
        desk.commit(name);
    };
    let table = |name: &str| format!("CREATE TABLE app.{name} (id bigint PRIMARY KEY);\n");
    branch(
        "orders",
        "200000000000",
        "schema/orders.sql",
        &table("orders"),
    );
    branch("carts", "300000000000", "schema/carts.sql", &table("carts"));
    branch("bills", "400000000000", "schema/bills.sql", &table("bills"));
    let named = |sql: &str| format!("COMMENT ON TABLE app.users IS '{sql}';\n");
    branch("one", "500000000000", "schema/users.sql", &named("one"));
    branch("two", "600000000000", "schema/users.sql", &named("two"));

    desk.git(&["checkout", "-q", "orders"]);
    desk.git(&["merge", "-q", "-m", "carts too", "carts"]);
    desk.git(&["merge", "-q", "-m", "bills too", "bills"]);
    desk.typed.clear();
    desk.forge("merge -r 2000 -r 3000 -m \"join orders and carts\" --rev-id 700000000000");
    desk.forge("merge -r 2000 -r 3000 -m \"join carts and orders\" --rev-id 700000000000");
    desk.forge("approve");
    desk.forge("heads");
    desk.forge("merge 4000 7000 -m \"join bills\" --rev-id 800000000000");
    desk.forge("approve");
    desk.forge("revision -m \"name the users\" --rev-id 900000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.forge("revision \"nothing new\"");
    desk.forge("revision --merge \"nothing to join\"");
    desk.forge("plan --empty -m \"name the users\" --rev-id 900000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.forge("plan --check");
    let versions =
        "SELECT version, description FROM forge.schema_version ORDER BY applied_at, version";
    desk.typed += &desk.other("psql", &["-X", "-Atc", versions]);
    let audit = "SELECT DISTINCT kind, actor = session_user, role = current_user, forge_version IS NOT NULL FROM forge.event ORDER BY 1";
    desk.typed += &desk.other("psql", &["-X", "-Atc", audit]);
    desk.commit("all");

    desk.git(&["checkout", "-q", "one"]);
    desk.git(&["merge", "-q", "-m", "two too", "-X", "ours", "two"]);
    desk.forge("heads --single");
    desk.forge("revision --merge \"say what users are\" --rev-id a00000000000");
    desk.forge("show a000");
    assert_snapshot!("branches_meet_in_every_form", desk.typed);
}

async fn a_disposable_database_needs_no_plan(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("up --dev");
    desk.write(
        "forge.toml",
        &format!(
            "[naming]\ntemplate = \"{{seq}}_{{slug}}\"\n[environments.scratch]\nurl = \"{}\"\ndisposable = true\n",
            desk.database.url()
        ),
    );
    desk.forge("plan -m \"create users\" --rev-id 100000000000 --env scratch");
    desk.forge("approve");
    desk.forge("up --dev --env scratch");
    desk.forge("drift --env scratch");
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.forge("up --dev --env scratch");
    desk.forge("up --dev --env scratch");
    desk.forge("reset --dev --env scratch");
    desk.forge("current --env scratch");
    desk.forge("plan --check --env scratch");
    assert_snapshot!("a_disposable_database_needs_no_plan", desk.typed);
}

async fn a_script_does_what_forge_does(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE INDEX users_name ON app.users (name);\n\
         COMMENT ON TABLE app.users IS 'it''s \\ $1 :name';\n",
    );
    desk.forge("upgrade");
    desk.forge("plan -m \"add email to users\" --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    let wanted = desk.dump();
    let psql = |desk: &Desk<'_>, script: &str| {
        desk.write("script.sql", script);
        desk.other("psql", &["-X", "-q", "-f", "script.sql"])
    };
    let script = |desk: &Desk<'_>, args: &[&str]| {
        let output = desk.environment.command(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = desk.turn_to_another().await;
    psql(&desk, &script(&desk, &["upgrade", "--sql", "base:head"]));
    assert_eq!(desk.dump(), wanted);
    desk.typed.clear();
    desk.forge("current");
    desk.forge("upgrade");
    desk.forge("drift");
    let back = script(&desk, &["downgrade", "--sql", "head:base"]);
    psql(&desk, &back);
    desk.forge("status");
    let refused = desk
        .environment
        .program("psql")
        .args(["-X", "-q", "-f", "script.sql"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    psql(&desk, &script(&desk, &["upgrade", "--sql", "+1"]));
    psql(&desk, &script(&desk, &["upgrade", "--sql"]));
    assert_eq!(desk.dump(), wanted);
    drop(first);
    assert_snapshot!("a_script_does_what_forge_does", desk.typed);
}

async fn edited_drafts_are_proved_again(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.database
        .run("INSERT INTO app.users VALUES (1, 'Ann'), (2, 'Bob')")
        .await
        .unwrap();
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email to users\" --rev-id 200000000000");
    let path = desk
        .environment
        .project()
        .join("plans/0002_add_email_to_users.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let edit = |sql: &str| {
        let step = format!("-- forge:step 2 data table app.users\n-- fill it\n{sql};\n\nCOMMIT;");
        fs_err::write(&path, draft.replace("COMMIT;", &step)).unwrap();
    };
    edit("DELETE FROM app.users WHERE name = 'Bob'");
    desk.forge("approve");
    edit("ALTER TABLE app.users ADD COLUMN phone text");
    desk.forge("approve");
    desk.forge("plan -m \"add email again\"");
    edit("UPDATE app.users SET email = name || '@example.com'");
    desk.forge("approve");
    desk.forge("upgrade");
    let filled = desk.other(
        "psql",
        &["-X", "-Atc", "SELECT email FROM app.users ORDER BY id"],
    );
    assert_eq!(filled, "Ann@example.com\nBob@example.com\n");
    let frozen = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, frozen.replace("|| '@", "|| '+")).unwrap();
    desk.forge("upgrade");
    desk.forge("validate");
    assert_snapshot!("edited_drafts_are_proved_again", desk.typed);
}

async fn lost_files_have_a_way_out(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.remove("plans/0001_create_users.sql");
    desk.typed.clear();
    desk.forge("validate");
    desk.forge("history --from-db");
    desk.forge("repair");
    desk.forge("validate");
    desk.forge("plan --from history --check");
    desk.forge("test");
    desk.forge("rollback-plan");
    desk.forge("up --dev");
    desk.forge("reset --dev");
    assert_snapshot!("lost_files_have_a_way_out", desk.typed);
}

async fn drift_is_taken_back_or_adopted(cluster: &Cluster) {
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

    // Where the author's file holds more, or says more, it stays.
    desk.database
        .run("COMMENT ON TABLE app.carts IS 'baskets'; ALTER TABLE app.users ADD COLUMN phone text")
        .await
        .unwrap();
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN age int;\n",
    );
    let files = desk.other("sh", &["-c", "cat schema/*.sql"]);
    desk.forge("drift --adopt");
    assert_eq!(desk.other("sh", &["-c", "cat schema/*.sql"]), files);

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

async fn a_stamp_is_a_script_too(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email to users\" --rev-id 200000000000");
    desk.forge("approve");
    desk.typed.clear();
    let script = |desk: &Desk<'_>, args: &[&str]| {
        let output = desk.environment.command(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        desk.write("script.sql", &String::from_utf8(output.stdout).unwrap());
    };
    // The database isn't there yet, so no script is made for it.
    desk.forge("stamp head --sql");
    desk.database
        .run("ALTER TABLE app.users ADD COLUMN email text")
        .await
        .unwrap();
    script(&desk, &["stamp", "head", "--sql"]);
    desk.forge("current");
    desk.other("psql", &["-X", "-q", "-f", "script.sql"]);
    desk.forge("current");
    desk.forge("drift");
    desk.forge("stamp head --sql");
    let refused = desk
        .environment
        .program("psql")
        .args(["-X", "-q", "-f", "script.sql"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    script(&desk, &["stamp", "--sql", "head:1000"]);
    desk.other("psql", &["-X", "-q", "-f", "script.sql"]);
    desk.forge("current");

    let first = desk.turn_to_another().await;
    desk.forge("ensure-history");
    desk.forge("ensure_version");
    let made = desk.dump();
    drop(first);
    let second = desk.turn_to_another().await;
    script(&desk, &["ensure-history", "--sql"]);
    desk.other("psql", &["-X", "-q", "-f", "script.sql"]);
    desk.other("psql", &["-X", "-q", "-f", "script.sql"]);
    assert_eq!(desk.dump(), made);
    desk.forge("ensure-history");
    let everything = "CREATE SCHEMA app; CREATE TABLE app.users (id bigint PRIMARY KEY, name text NOT NULL, email text)";
    desk.database.run(everything).await.unwrap();
    script(&desk, &["stamp", "--sql", "base:head"]);
    desk.other("psql", &["-X", "-q", "-f", "script.sql"]);
    desk.forge("current");
    desk.forge("drift");
    desk.forge("upgrade");
    drop(second);
    assert_snapshot!("a_stamp_is_a_script_too", desk.typed);
}

async fn a_plan_of_a_part(cluster: &Cluster) {
    if cluster.version() >= 180_000 {
        return; // There, NOT NULL is a constraint whose name follows the table's.
    }
    let tables: String = ["b", "c", "d", "e", "f"]
        .map(|table| format!("CREATE TABLE app.{table} (id bigint PRIMARY KEY);\n"))
        .concat();
    let files = [FILES[0], FILES[1], ("schema/more.sql", &tables)];
    let mut desk = Desk::new(cluster, &files).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.typed.clear();
    desk.write(
        "schema/app.sql",
        "CREATE SCHEMA app;\n-- forge: renamed from users\n\
         CREATE TABLE app.people (id bigint PRIMARY KEY, name text NOT NULL, mood app.mood);\n\
         CREATE TYPE app.mood AS ENUM ('glad', 'sad');\n\
         CREATE VIEW app.names AS SELECT a.name FROM app.people a, app.people b;\n",
    );
    desk.write(
        "schema/more.sql",
        &tables.replace("PRIMARY KEY", "PRIMARY KEY, note text"),
    );
    desk.forge("plan --check");
    desk.forge("plan --only app.nothing");
    desk.forge("plan --only app.names");
    desk.forge("plan --only app.b --only app.c -m \"notes of b and c\" --rev-id 200000000000");
    let path = desk
        .environment
        .project()
        .join("plans/0002_notes_of_b_and_c.sql");
    let draft = fs_err::read_to_string(&path).unwrap();
    let step = "-- forge:data table app.b\n-- fill it\nUPDATE app.b SET note = '';\n\nCOMMIT;";
    fs_err::write(&path, draft.replace("COMMIT;", step)).unwrap();
    desk.forge("approve");
    desk.forge("upgrade");
    desk.forge("drift");
    desk.forge("plan --only app.b");
    desk.forge(
        "plan --from history --only app.people -m \"call users people\" --rev-id 300000000000",
    );
    desk.forge("approve --allow all");
    desk.forge("upgrade");
    desk.forge("plan -m \"the rest\" --rev-id 400000000000");
    desk.forge("approve --allow all");
    desk.forge("upgrade");
    desk.forge("plan --check");
    assert_snapshot!("a_plan_of_a_part", desk.typed);
}

async fn plan_files_have_a_header(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    let settings = "[naming]\ntemplate = \"{seq}_{slug}\"\nheader = \"plans/.header.sql\"\n";
    desk.write("forge.toml", settings);
    desk.forge("plan -m \"create users\"");
    desk.write("plans/.header.sql", "-- © Shop\nSELECT 1;\n");
    desk.forge("plan -m \"create users\"");
    desk.write(
        "plans/.header.sql",
        "-- © Shop\n--\n-- Plan {seq}, {slug}: {rev}\n\n",
    );
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    for file in [
        "plans/0001_create_users.sql",
        "plans/0001_create_users.down.sql",
    ] {
        let text = fs_err::read_to_string(desk.environment.project().join(file)).unwrap();
        let head: Vec<&str> = text.lines().take(5).collect();
        writeln!(desk.typed, "=== {file}\n{}", head.join("\n")).unwrap();
    }
    desk.forge("upgrade");
    desk.forge("validate");
    desk.forge("downgrade -1 --allow deletes-data");
    // The header isn't what was approved.
    let path = desk
        .environment
        .project()
        .join("plans/0001_create_users.sql");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("© Shop", "© The Shop")).unwrap();
    desk.forge("upgrade");
    desk.forge("validate");
    assert_snapshot!("plan_files_have_a_header", desk.typed);
}

/// A range type and a statistics object, which no kind models, and a table that needs one and has the other.
const BESIDE: &str = "\
CREATE TYPE app.span AS RANGE (subtype = date);
CREATE TABLE app.bookings (id bigint PRIMARY KEY, user_id bigint, during app.span);
CREATE STATISTICS app.who (ndistinct) ON id, user_id FROM app.bookings;
";

async fn what_no_kind_models_stands_beside(cluster: &Cluster) {
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

/// What a mistake must leave as it was: the files of the project, and the database.
fn everything(desk: &Desk<'_>) -> (String, dump::Dump) {
    let files = "find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum";
    (desk.other("sh", &["-c", files]), desk.dump())
}

async fn bad_input_is_told_and_changes_nothing(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("apply");
    desk.typed.clear();
    let mut mistake = |what: &str, file: &str, text: &str, commands: &[&str]| {
        writeln!(desk.typed, "=== {what}").unwrap();
        if !file.is_empty() {
            desk.write(file, text);
        }
        let before = everything(&desk);
        for command in commands {
            desk.forge(command);
        }
        assert_eq!(everything(&desk), before, "{what}");
        if !file.is_empty() {
            desk.remove(file);
        }
    };
    let plan: &[&str] = &["plan -m \"a mistake\""];
    mistake(
        "a missing server",
        "",
        "",
        &["plan --url postgresql://me:secret@/app?host=/nowhere&port=5432"],
    );
    mistake("an unknown environment", "", "", &["apply --env prod"]);
    mistake(
        "a file that isn't SQL",
        "schema/bad.sql",
        "CREATE TABLE app.orders (\n    id bigint PRIMARY KEY,\n    total numeric(10 2)\n);\n",
        plan,
    );
    mistake(
        "a file of MySQL's",
        "schema/bad.sql",
        "CREATE TABLE `orders` (\n    `id` int NOT NULL AUTO_INCREMENT,\n    PRIMARY KEY (`id`)\n) ENGINE=InnoDB;\n",
        plan,
    );
    mistake(
        "rows",
        "schema/bad.sql",
        "INSERT INTO app.users VALUES (1, 'Ann');\n",
        plan,
    );
    mistake(
        "an object twice",
        "schema/bad.sql",
        "CREATE TABLE app.users (id int);\n",
        plan,
    );
    mistake(
        "an object that isn't there",
        "schema/bad.sql",
        "CREATE VIEW app.names AS\nSELECT name FROM app.user;\n",
        plan,
    );
    mistake(
        "an extension that isn't there",
        "schema/bad.sql",
        "CREATE EXTENSION postgiss;\n",
        plan,
    );
    writeln!(desk.typed, "=== a plans folder that can't be written").unwrap();
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.write("forge.toml", "[project]\nplans = \"/proc/plans\"\n");
    desk.forge("plan -m \"a mistake\"");
    desk.write("forge.toml", "[naming]\ntemplate = \"{seq}_{slug}\"\n");
    desk.remove("schema/email.sql");

    writeln!(desk.typed, "=== a file that can't be read").unwrap();
    desk.other("ln", &["-s", "nowhere.sql", "schema/gone.sql"]);
    desk.forge("plan -m \"a mistake\"");
    desk.remove("schema/gone.sql");

    writeln!(desk.typed, "=== a frozen plan that was edited").unwrap();
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n",
    );
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    desk.forge("approve");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let frozen = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, frozen.replace("email text", "email varchar")).unwrap();
    let before = everything(&desk);
    desk.forge("apply");
    assert_eq!(everything(&desk), before);
    fs_err::write(&path, &frozen).unwrap();

    writeln!(desk.typed, "=== a target that changed since planning").unwrap();
    desk.database
        .run("ALTER TABLE app.users ADD COLUMN email varchar(80)")
        .await
        .unwrap();
    let before = everything(&desk);
    desk.forge("apply");
    desk.forge("drift");
    assert_eq!(everything(&desk), before);
    assert_snapshot!("bad_input_is_told_and_changes_nothing", desk.typed);
}

async fn what_a_server_is_too_old_for_is_told(cluster: &Cluster) {
    if cluster.version() >= 180_000 {
        return; // Keys without overlaps came with PostgreSQL 18.
    }
    let mut desk = Desk::new(cluster, FILES).await;
    desk.write(
        "schema/stays.sql",
        "CREATE TABLE app.stays (\n    room int4range,\n    during daterange,\n    PRIMARY KEY (room, during WITHOUT OVERLAPS)\n);\n",
    );
    desk.forge("plan -m \"stays\"");
    assert_snapshot!("what_a_server_is_too_old_for_is_told", desk.typed);
}

/// A step outside of transactions that fails, once gone on with and once declared to be done.
async fn what_stopped_half_way_goes_on(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    let rows = "INSERT INTO app.users VALUES (1, 'Ann'), (2, 'Ann')";
    desk.database.run(rows).await.unwrap();
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE UNIQUE INDEX users_name ON app.users (name);\n\
         CREATE INDEX users_email ON app.users (email);\n",
    );
    desk.forge("plan -m \"look users up\" --rev-id 200000000000");
    desk.forge("approve");
    desk.typed.clear();
    desk.forge("upgrade");
    desk.forge("status");
    desk.forge("downgrade -1 --allow all");
    desk.forge("upgrade");
    let mended = "UPDATE app.users SET name = 'Bob' WHERE id = 2";
    desk.database.run(mended).await.unwrap();
    desk.forge("upgrade");
    desk.forge("plan --check");
    desk.forge("downgrade -1 --allow all");
    desk.database
        .run("UPDATE app.users SET name = 'Ann'")
        .await
        .unwrap();
    desk.forge("upgrade");
    desk.database.run(mended).await.unwrap();
    let by_hand = "CREATE UNIQUE INDEX users_name ON app.users (name)";
    desk.database.run(by_hand).await.unwrap();
    desk.forge("repair --mark-done 3");
    desk.forge("upgrade");
    desk.forge("drift");
    assert_snapshot!("what_stopped_half_way_goes_on", desk.typed);
}

async fn an_edit_that_changes_nothing_is_accepted(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.typed.clear();
    let path = desk
        .environment
        .project()
        .join("plans/0001_create_users.sql");
    let frozen = fs_err::read_to_string(&path).unwrap();
    let edit = |from: &str, to: &str| {
        assert!(frozen.contains(from), "{frozen}");
        fs_err::write(&path, frozen.replace(from, to)).unwrap();
    };
    edit("\n", "\r\n");
    desk.forge("validate");
    edit("name text NOT NULL", "name text");
    desk.forge("validate");
    desk.forge("upgrade");
    desk.forge("repair --accept-edit 1000");
    edit("name text NOT NULL", "name pg_catalog.text NOT NULL");
    desk.forge("repair --accept-edit 1000");
    desk.forge("validate");
    desk.forge("upgrade");
    assert_snapshot!("an_edit_that_changes_nothing_is_accepted", desk.typed);
}
