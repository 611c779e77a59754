//! Branches, and how they meet.

use insta::assert_snapshot;

use crate::{FILES, cluster::Cluster, desk::Desk};

/// Three branches, of which two are joined by name and then all, one that is empty, and two that change the same object.
pub(crate) async fn branches_meet_in_every_form(cluster: &Cluster) {
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
