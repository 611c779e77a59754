//! What a downgrade gives back, and what it does not.

use crate::{FILES, cluster::Cluster, desk::Desk};

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
