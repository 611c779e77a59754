//! What goes wrong, and the way out.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::FILES;
use support::{cluster::Cluster, desk::Desk, dump};

pub(crate) async fn lost_files_have_a_way_out(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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

/// What a mistake must leave as it was: the files of the project, and the database.
fn everything(desk: &Desk<'_>) -> (String, dump::Dump) {
    let files = "find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum";
    (desk.other("sh", &["-c", files]), desk.dump())
}

pub(crate) async fn bad_input_is_told_and_changes_nothing(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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

pub(crate) async fn what_a_server_is_too_old_for_is_told(cluster: &Cluster) {
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
pub(crate) async fn what_stopped_half_way_goes_on(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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
    desk.forge("upgrade --skip-row-checks");
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
    desk.forge("upgrade --skip-row-checks");
    desk.database.run(mended).await.unwrap();
    let by_hand = "CREATE UNIQUE INDEX users_name ON app.users (name)";
    desk.database.run(by_hand).await.unwrap();
    desk.forge("repair --mark-done 3");
    desk.forge("upgrade");
    desk.forge("drift");
    assert_snapshot!("what_stopped_half_way_goes_on", desk.typed);
}

pub(crate) async fn an_edit_that_changes_nothing_is_accepted(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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

/// A block that only raises is an assertion: it runs where the tree is loaded, and fails there.
pub(crate) async fn an_assertion_of_the_tree_fails_where_it_raises(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    for (block, fails) in [
        ("BEGIN RAISE EXCEPTION 'told %', 1; END;", true),
        ("BEGIN ASSERT false, 'told 1'; END;", true),
        (
            "BEGIN IF to_regclass('app.users') IS NOT NULL THEN RAISE 'told %', 1; END IF; END;",
            true,
        ),
        (
            "BEGIN IF to_regclass('app.users') IS NULL THEN RAISE 'told %', 1; END IF; END;",
            false,
        ),
        ("BEGIN NULL; END;", false),
    ] {
        desk.write("schema/z_block.sql", &format!("DO $$ {block} $$;\n"));
        desk.typed.clear();
        desk.forge("plan -m users");
        let said = &desk.typed;
        assert!(!said.contains("left out"), "{block}: {said}");
        assert_eq!(said.contains("told 1"), fails, "{block}: {said}");
        assert_eq!(said.contains("[exit 1]"), fails, "{block}: {said}");
        if !fails {
            desk.other("sh", &["-c", "rm -f plans/*.sql"]);
        }
    }
}
