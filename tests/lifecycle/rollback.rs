//! What a downgrade gives back, and what it does not.

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

const COLUMN: (&str, &str) = (
    "schema/email.sql",
    "ALTER TABLE app.users ADD COLUMN email text;\n",
);

/// `rollback-plan` and `downgrade` say the same of what is lost.
pub(crate) async fn a_downgrade_names_what_it_does_not_restore(cluster: &Cluster) {
    let files = [FILES[0], FILES[1], COLUMN];
    let mut desk = Desk::begun(cluster, &files).await;
    desk.forge("rollback-plan");
    assert!(
        desk.typed.contains("rows or values go with"),
        "{}",
        desk.typed
    );
    desk.remove(COLUMN.0);
    desk.forge("plan -m \"drop the email\" --rev-id 200000000000");
    desk.forge("approve --allow deletes-data");
    desk.forge("upgrade");
    for command in ["rollback-plan", "downgrade -1"] {
        desk.typed.clear();
        desk.forge(command);
        let named = "not restored: what 200000000000 did with drop column app.users.email";
        assert!(desk.typed.contains(named), "{}", desk.typed);
        assert!(!desk.typed.contains("no row is lost"), "{}", desk.typed);
        assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    }
    desk.write("schema/note.sql", "COMMENT ON TABLE app.users IS 'us';\n");
    desk.write(COLUMN.0, COLUMN.1);
    desk.remove("plans/0002_drop_the_email.sql");
    desk.remove("plans/0002_drop_the_email.down.sql");
    desk.forge("plan -m \"say whose it is\" --rev-id 300000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    desk.typed.clear();
    desk.forge("rollback-plan");
    assert!(desk.typed.contains("no row is lost"), "{}", desk.typed);
}

/// Whatever a downgrade refuses, `rollback-plan` refuses, too.
pub(crate) async fn a_rollback_plan_refuses_what_a_downgrade_refuses(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
    let rows = "INSERT INTO app.users VALUES (1, 'Ann'), (2, 'Ann')";
    desk.database.run(rows).await.unwrap();
    desk.write(
        "schema/more.sql",
        "ALTER TABLE app.users ADD COLUMN email text;\nCREATE UNIQUE INDEX users_name ON app.users (name);\n",
    );
    desk.forge("plan -m \"look users up\" --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("upgrade --skip-row-checks");
    let mut said = Vec::new();
    for command in ["rollback-plan", "downgrade -1 --allow all"] {
        desk.typed.clear();
        desk.forge(command);
        let lines = desk.typed.lines().filter(|line| !line.starts_with('$'));
        said.push(lines.collect::<Vec<_>>().join("\n"));
    }
    assert!(said[0].contains("is partly applied"), "{}", said[0]);
    assert_eq!(said[0], said[1]);
}

/// What somebody did to a column that a downgrade drops, what `rollback-plan` and `downgrade` then say, and the exit code.
const IN_THE_WAY: &[(&str, &str)] = &[
    (
        "ALTER TABLE app.users ALTER email TYPE varchar(9)",
        "`column app.users.email` is not as it was",
    ),
    (
        "ALTER TABLE app.users DROP COLUMN email",
        "`column app.users.email` is gone",
    ),
    (
        "CREATE VIEW app.mails AS SELECT email FROM app.users",
        "`column app.users.email` goes, and `view app.mails` needs it",
    ),
    (
        "CREATE SCHEMA other; CREATE VIEW other.mails AS SELECT email FROM app.users",
        "`column app.users.email` goes, and `view other.mails` needs it",
    ),
    (
        "CREATE TABLE app.mails (a app.mail)",
        "`domain app.mail` goes, and `column app.mails.a` needs it",
    ),
    (
        "ALTER TABLE app.users ADD UNIQUE (email); CREATE TABLE app.mails (a app.mail REFERENCES app.users (email))",
        "`domain app.mail` goes, and `column app.mails.a` needs it",
    ),
    (
        "CREATE TABLE extra.mine (a int)",
        "`schema extra` goes, and `table extra.mine` needs it",
    ),
];

/// `rollback-plan` and `downgrade` find the same in the way, before the first step.
pub(crate) async fn a_rollback_plan_finds_what_is_in_the_way_of_a_downgrade(cluster: &Cluster) {
    for (changed, expected) in IN_THE_WAY {
        let toml = ("forge.toml", "[managed]\nexclude = [\"other.*\"]\n");
        let mut desk = Desk::begun(cluster, &[toml, FILES[1]]).await;
        desk.write(
            "schema/more.sql",
            "CREATE DOMAIN app.mail AS text;\nALTER TABLE app.users ADD COLUMN email app.mail;\nCREATE SCHEMA extra;\n",
        );
        desk.forge("plan -m \"look users up\" --rev-id 200000000000");
        desk.forge("approve");
        desk.forge("upgrade");
        desk.database.run(changed).await.unwrap();
        // Twice, so that the first way back is not the one that something is in the way of.
        for deeper in [false, true] {
            if deeper {
                desk.write("schema/last.sql", "CREATE SCHEMA last;\n");
                desk.forge("plan -m last --rev-id 300000000000 --from history");
                desk.forge("approve");
                desk.forge("upgrade");
            }
            let steps = if deeper { "-2" } else { "-1" };
            for command in ["rollback-plan", "downgrade --allow all"] {
                desk.typed.clear();
                desk.forge(&format!("{command} {steps}"));
                let said = &desk.typed;
                assert!(said.contains(expected), "{changed}: {said}");
                assert!(said.contains("[exit 3]"), "{changed}: {said}");
                assert!(!said.contains("no row is lost"), "{changed}: {said}");
            }
            desk.typed.clear();
            desk.forge("current");
            let stays = if deeper {
                "300000000000"
            } else {
                "200000000000"
            };
            assert!(desk.typed.contains(stays), "{changed}: {}", desk.typed);
        }
    }
}

/// Rows on which a step of the way back fails are found by both.
pub(crate) async fn a_rollback_plan_finds_the_rows_in_the_way(cluster: &Cluster) {
    let mut desk = Desk::begun(cluster, FILES).await;
    desk.write(
        "schema/app.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.users (id bigint PRIMARY KEY, name text);\n",
    );
    desk.forge("plan -m \"names can be left out\" --rev-id 200000000000");
    desk.forge("approve");
    desk.forge("upgrade");
    let rows = "INSERT INTO app.users VALUES (1, NULL)";
    desk.database.run(rows).await.unwrap();
    for command in ["rollback-plan", "downgrade -1 --allow all"] {
        desk.typed.clear();
        desk.forge(command);
        let said = &desk.typed;
        assert!(said.contains("error[rows-in-the-way]"), "{said}");
        assert!(said.contains("NULL in app.users (name): 1"), "{said}");
        assert!(said.contains("[exit 3]"), "{said}");
    }
    desk.database.run("DELETE FROM app.users").await.unwrap();
    desk.typed.clear();
    desk.forge("rollback-plan");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}
