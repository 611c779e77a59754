//! Scripts that psql runs with no forge at hand.

use insta::assert_snapshot;

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

pub(crate) async fn a_script_does_what_forge_does(cluster: &Cluster) {
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
    refuses_the_script(&desk);
    psql(&desk, &script(&desk, &["upgrade", "--sql", "+1"]));
    psql(&desk, &script(&desk, &["upgrade", "--sql"]));
    assert_eq!(desk.dump(), wanted);
    drop(first);
    assert_snapshot!("a_script_does_what_forge_does", desk.typed);
}

pub(crate) async fn a_stamp_is_a_script_too(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
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
    refuses_the_script(&desk);
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

/// psql doesn't get through the script.
fn refuses_the_script(desk: &Desk<'_>) {
    let mut psql = desk.environment.program("psql");
    let refused = psql
        .args(["-X", "-q", "-f", "script.sql"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}

/// A database in which a backslash escapes what follows, and in which `NULL` in an array is a text.
const READS_OTHERWISE: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET array_nulls = off', current_database());
    EXECUTE format('ALTER DATABASE %I SET backslash_quote = on', current_database());
END $$";

const READS_AS_USUAL: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$";

/// What stands in a tree is text, and never a command of psql's, whatever a database's settings are.
pub(crate) async fn text_is_no_command_of_psql(cluster: &Cluster) {
    let tree = "CREATE SCHEMA app;
        CREATE TABLE app.t (a text DEFAULT '\\', b text DEFAULT '\n\\! touch ran\n', c text DEFAULT 'one\\ntwo',
            d text[] DEFAULT '{NULL,a}');
        COMMENT ON TABLE app.t IS '\\'; COMMENT ON COLUMN app.t.a IS '\n\\! touch ran\n';\n";
    let mut desk = Desk::new(cluster, &[FILES[0], ("schema/app.sql", tree)]).await;
    desk.forge("plan -m first --rev-id 100000000000");
    desk.forge("approve");
    let script = desk.environment.command(&["apply", "--sql"]).output();
    desk.write(
        "script.sql",
        &String::from_utf8(script.unwrap().stdout).unwrap(),
    );
    let (wanted, first) = {
        desk.forge("apply");
        let wanted = desk.dump();
        (wanted, desk.turn_to_another().await)
    };
    let mut databases = vec![first];
    for way in ["script.sql", "plans/0001_first.sql", "apply"] {
        desk.database.run(READS_OTHERWISE).await.unwrap();
        if way == "apply" {
            desk.forge("apply");
        } else {
            desk.other("psql", &["-X", "-q", "-f", way]);
        }
        assert!(!desk.environment.project().join("ran").exists(), "{way}");
        desk.forge("plan --check");
        // pg_dump would write text as the database reads it.
        desk.database.run(READS_AS_USUAL).await.unwrap();
        assert_eq!(desk.dump(), wanted, "{way}");
        databases.push(desk.turn_to_another().await);
    }
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}
