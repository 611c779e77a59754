//! `forge env`

use insta::assert_snapshot;

use crate::support::TestEnvironment;

const FORGE_TOML: &str = r#"
[project]
default_environment = "local"

[environments.local]
url = "embedded"

[environments.prod]
url = "env:PROD_URL"
role = "owner"
lock_wait = "90s"
"#;

#[test]
fn without_a_project() {
    assert_snapshot!(TestEnvironment::new().run(&["env"]));
}

#[test]
fn of_the_default_environment() {
    let environment = TestEnvironment::new().file("forge.toml", FORGE_TOML);
    assert_snapshot!(environment.run(&["env"]));
}

#[test]
fn of_another_environment_and_folder() {
    let environment = TestEnvironment::new()
        .file("forge.toml", FORGE_TOML)
        .file("schema/app/users.sql", "")
        .variable("DATABASE_URL", "postgresql://app:secret@localhost/app")
        .variable("PROD_URL", "postgresql://prod:secret@db.example.com/app");
    let text = environment.run(&["-v", "-C", "schema/app", "--env", "prod", "env"]);
    assert!(!text.contains("secret"));
    assert_snapshot!(text);
}

#[test]
fn as_json() {
    let environment = TestEnvironment::new().file("forge.toml", FORGE_TOML);
    assert_snapshot!(environment.run(&[
        "env",
        "--format",
        "json",
        "--url",
        "postgresql://u:secret@h/db"
    ]));
}

#[test]
fn of_an_unknown_environment() {
    let environment = TestEnvironment::new().file("forge.toml", FORGE_TOML);
    assert_snapshot!(environment.run(&["env", "--env", "prdo"]));
}

#[test]
fn of_a_wrong_file() {
    let environment = TestEnvironment::new().file("forge.toml", "[project]\nshema = \"db\"\n");
    assert_snapshot!(environment.run(&["env"]));
}

#[test]
fn no_log_shows_what_may_be_a_secret() {
    for url in [
        "sec:hunter2@localhost/db",
        "postgresql:sec:hunter2@localhost/db",
        "host=/nowhere pasword=hunter2",
        "host=/nowhere password=a hunter2=b",
        "postgresql://sec:12?hunter2=x@localhost/db",
        "postgresql://localhost/db?pasword=hunter2",
    ] {
        let environment = TestEnvironment::new()
            .file(
                "forge.toml",
                &format!(
                    "[environments.a]\nurl = \"{url}\"\nwebhook = \"http://127.0.0.1:1/hunter2\"\nnonsense = 1\n"
                ),
            )
            .file("ok/forge.toml", &format!("[environments.a]\nurl = \"{url}\"\nwebhook = \"hunter2/services\"\n"))
            .variable("FORGE_LOG", "trace")
            .variable("FORGE_OFFLINE", "1");
        for command in ["env", "doctor", "status", "apply", "drift"] {
            let arguments = [command, "--env", "a", "--log-level", "trace"];
            let outer = environment.run(&arguments);
            assert!(!outer.contains("hunter2"), "{outer}");
            let output = environment
                .command(&arguments)
                .current_dir(environment.project().join("ok"))
                .output()
                .expect("forge starts");
            let inner = format!("{output:?}");
            assert!(!inner.contains("hunter2"), "{inner}");
            assert!(inner.contains("stdout"), "{inner}");
        }
    }
}
