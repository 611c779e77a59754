//! `forge init`

use insta::assert_snapshot;

use crate::support::TestEnvironment;

#[test]
fn here() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init"]));
    let written = [
        "forge.toml",
        "schema/notes.sql",
        "plans/.gitkeep",
        "README.md",
        ".gitignore",
    ];
    for file in written {
        assert!(
            environment.project().join(file).is_file(),
            "{file} is written"
        );
    }
    assert!(environment.run(&["env"]).contains("embedded (forge.toml"));
}

#[test]
fn in_a_new_folder() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init", "db/shop"]));
    assert!(environment.project().join("db/shop/forge.toml").is_file());
}

#[test]
fn in_a_fresh_clone() {
    let environment = TestEnvironment::new()
        .file(".git/HEAD", "ref: refs/heads/main\n")
        .file(".gitignore", "target\n")
        .file("README.md", "# Shop\n");
    assert_snapshot!(environment.run(&["init", "--quiet"]));
    let read = |file: &str| {
        fs_err::read_to_string(environment.project().join(file)).expect("the file is there")
    };
    assert_eq!(read("README.md"), "# Shop\n");
    assert!(
        read(".gitignore").starts_with("target\n") && read(".gitignore").ends_with("/.forge/\n")
    );
}

#[test]
fn in_a_project() {
    let environment = TestEnvironment::new().file("forge.toml", "");
    assert_snapshot!(environment.run(&["init"]));
}

#[test]
fn in_an_occupied_folder() {
    let environment = TestEnvironment::new()
        .file("src/main.rs", "")
        .file("Cargo.toml", "");
    assert_snapshot!(environment.run(&["init"]));
}

#[test]
fn from_a_database_that_nobody_named() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init", "new", "--from-db", "--url", "embedded"]));
    assert!(!environment.project().join("new").exists());
}
