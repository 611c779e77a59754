//! A new user's first day, and databases that nobody minds.

use insta::assert_snapshot;

use crate::FILES;
use support::{cluster::Cluster, desk::Desk, dump};

pub(crate) async fn a_session_as_an_alembic_user_types_it(cluster: &Cluster) {
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

pub(crate) async fn a_disposable_database_needs_no_plan(cluster: &Cluster) {
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
