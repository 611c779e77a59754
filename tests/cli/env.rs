//! `forge env`

use insta::assert_snapshot;

use support::TestEnvironment;

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
