//! What an author does to a draft, and to what becomes of it.

use std::fmt::Write as _;

use insta::assert_snapshot;
use sha2::{Digest as _, Sha256};

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

pub(crate) async fn edited_drafts_are_proved_again(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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
    desk.forge("approve --allow changes-rows");
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

/// Only what forge wrote is taken at its word.
pub(crate) async fn a_step_is_called_safe_by_forge_alone(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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
    let sql = "DELETE FROM app.users";
    let normalised = forge::source::normalised(sql).unwrap();
    let hash = hex::encode(Sha256::digest(format!("{normalised};\n")));
    let step = format!(
        "-- forge:step 2 data table app.users\n-- forge:safe {}\n{sql};\n\nCOMMIT;",
        &hash[..12]
    );
    fs_err::write(&path, draft.replace("COMMIT;", &step)).unwrap();
    desk.typed.clear();
    desk.forge("approve");
    assert!(
        desk.typed
            .contains("calls steps safe that forge did not write"),
        "{}",
        desk.typed
    );
    assert!(desk.typed.ends_with("[exit 3]\n"), "{}", desk.typed);
}

pub(crate) async fn a_plan_of_a_part(cluster: &Cluster) {
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
    desk.forge("approve --allow changes-rows");
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

pub(crate) async fn plan_files_have_a_header(cluster: &Cluster) {
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

pub(crate) async fn an_owner_that_the_tree_names_is_meant(cluster: &Cluster) {
    let tree = "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigserial PRIMARY KEY);\n\
                CREATE VIEW app.names AS SELECT 1 AS id;\n";
    let mut desk = Desk::new(cluster, &[FILES[0], ("schema/app.sql", tree)]).await;
    desk.forge("plan -m \"begin\" --rev-id 100000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    let given_away =
        "ALTER TABLE app.users OWNER TO shop_owner; ALTER VIEW app.names OWNER TO shop_owner";
    desk.database.run(given_away).await.unwrap();
    desk.typed.clear();
    desk.forge("plan --check");
    let client = desk.database.session().client();
    let row = client.query_one("SELECT current_user::text", &[]).await;
    let me: String = row.unwrap().get(0);
    for owner in ["CURRENT_USER", &format!("\"{me}\"")] {
        let named = format!("{tree}ALTER TABLE app.users OWNER TO {owner};\n");
        desk.write("schema/app.sql", &named);
        desk.forge("plan --check");
    }
    desk.forge("plan --from history -m \"take the users back\" --rev-id 200000000000");
    desk.forge("drift");
    assert_snapshot!(desk.typed.replace(&me, "[ME]"));
}

/// What forge writes into a draft, taken out or changed by its author: it is put right, or refused with the place.
pub(crate) async fn a_draft_keeps_what_forge_wrote_into_it(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
    desk.write(
        "schema/email.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\n\
         ALTER TABLE app.users ADD COLUMN phone text;\n",
    );
    desk.forge("plan -m \"add email\" --rev-id 200000000000");
    let path = desk.environment.project().join("plans/0002_add_email.sql");
    let back = path.with_extension("down.sql");
    let drafts = [&path, &back].map(|path| fs_err::read_to_string(path).unwrap());
    let lock = "-- lock: AccessExclusive on app.users";
    for (path, draft) in [&path, &back].into_iter().zip(&drafts) {
        let place = draft.find(lock).expect("the steps lock the table");
        let end = place + draft[place..].find('\n').unwrap() + 1;
        for other in ["", "-- lock: AccessShare on app.users\n"] {
            let edited = format!("{}{other}{}", &draft[..place], &draft[end..]);
            fs_err::write(path, edited).unwrap();
            desk.typed.clear();
            desk.forge("approve --allow all");
            assert!(desk.typed.contains("[exit 1]"), "{other}: {}", desk.typed);
            let place = path.file_name().unwrap().to_str().unwrap();
            for said in ["a lock was taken out", "put the line", lock, place] {
                assert!(desk.typed.contains(said), "{said}: {}", desk.typed);
            }
        }
        fs_err::write(path, draft).unwrap();
    }
    // The numbers of the steps are written anew.
    for (path, draft) in [&path, &back].into_iter().zip(&drafts) {
        assert!(draft.contains("-- forge:step 1 "), "{draft}");
        fs_err::write(path, draft.replace("-- forge:step 1 ", "-- forge:step 7 ")).unwrap();
    }
    desk.typed.clear();
    desk.forge("approve --allow all");
    assert!(desk.typed.contains("approved `"), "{}", desk.typed);
    for path in [&path, &back] {
        let frozen = fs_err::read_to_string(path).unwrap();
        assert!(frozen.contains("-- forge:step 1 "), "{frozen}");
        assert!(!frozen.contains("-- forge:step 7 "), "{frozen}");
    }
    // What does not say which plan it is may be one that is to be applied.
    let frozen = fs_err::read_to_string(&path).unwrap();
    let unplaced = frozen.replace("-- forge:revision 200000000000\n", "");
    fs_err::write(&path, unplaced).unwrap();
    for command in ["apply", "apply --dry-run", "preflight"] {
        desk.typed.clear();
        desk.forge(command);
        assert!(desk.typed.contains("[exit 1]"), "{command}: {}", desk.typed);
        let said = "has no line `-- forge:revision`";
        assert!(desk.typed.contains(said), "{command}: {}", desk.typed);
    }
    fs_err::write(&path, frozen).unwrap();
    desk.forge("apply");
    assert!(
        desk.typed.contains("the database is at 200000000000"),
        "{}",
        desk.typed
    );
}
