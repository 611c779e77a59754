//! Databases on a server that isn't forge's own.

use forge::{
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic},
    shadow::{self, Mode, ShadowSettings},
};

use super::{connect, run, settings, text, users_server};

#[test]
fn a_users_server() {
    run(async {
        let (_project, server) = users_server().await;
        let options = server.options();
        let admin = connect(&options).await;
        // A leftover of long ago, one of just now, and one that only looks like one.
        admin
            .batch_execute("CREATE DATABASE forge_shadow_1_1000_abc_old TEMPLATE template0")
            .await
            .unwrap();
        admin
            .batch_execute("CREATE DATABASE forge_shadow_1_99999999999_abc_new TEMPLATE template0")
            .await
            .unwrap();
        admin
            .batch_execute("CREATE DATABASE forge_shadow_of_mine TEMPLATE template0")
            .await
            .unwrap();
        let settings = ShadowSettings {
            url: Some(options.clone()),
            ..settings(Mode::Auto)
        };
        let shadow = shadow::start(&settings, server.major(), None)
            .await
            .unwrap();
        let database = shadow.create_database("desired").await.unwrap();
        assert!(database.options().database.starts_with("forge_shadow_"));
        assert!(database.options().database.ends_with("_desired"));
        shadow
            .create_roles(&["app", "owner", "temporary"].map(str::to_owned))
            .await
            .unwrap();
        admin
            .batch_execute("CREATE TABLE kept (); ALTER TABLE kept OWNER TO owner")
            .await
            .unwrap();

        // A second forge leaves alone what the first one uses.
        let other = shadow::start(&settings, server.major() + 1, None)
            .await
            .unwrap();
        let warnings: Vec<&str> = other.warnings().iter().map(Diagnostic::message).collect();
        let major = server.major();
        let expected = [
            format!(
                "the shadow server is PostgreSQL {major}, the target is {}",
                major + 1
            ),
            "the shadow server waits for its disk at every new index".to_owned(),
        ];
        let slow = major <= 16;
        assert_eq!(warnings, expected[..=usize::from(slow)]);
        other.close().await.unwrap();

        let client = connect(&database.options()).await;
        assert_eq!(text(&client, "SHOW server_encoding").await, "UTF8");
        shadow.close().await.unwrap();
        let left = "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname ~ '^forge'";
        assert_eq!(
            text(&admin, left).await,
            "forge_shadow_1_99999999999_abc_new,forge_shadow_of_mine"
        );
        let roles = "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(text(&admin, roles).await, "app,owner,postgres");
        drop(admin);
        server.stop().await.unwrap();
    });
}

#[test]
fn a_role_without_createdb() {
    run(async {
        let (_project, server) = users_server().await;
        let options = server.options();
        connect(&options)
            .await
            .batch_execute("CREATE ROLE ann LOGIN")
            .await
            .unwrap();
        let target = ConnectOptions {
            user: "ann".to_owned(),
            ..options
        };
        let error = shadow::start(&settings(Mode::Target), server.major(), Some(&target))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert_eq!(error.message(), "role `ann` may not create databases");
        server.stop().await.unwrap();
    });
}
