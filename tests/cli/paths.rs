//! Paths of a repository that lead elsewhere, or to what is no file.

#![expect(clippy::unwrap_used, reason = "a test's own folder can be written")]

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use support::TestEnvironment;

const SECRET: &str = "secret = hunter2";

/// A project beside which lies a secret.
fn project() -> TestEnvironment {
    let environment = TestEnvironment::new().file("forge.toml", "");
    let home = environment.project().parent().unwrap().join("home");
    fs_err::write(home.join(".pgpass"), SECRET).unwrap();
    fs_err::create_dir_all(environment.project().join("plans")).unwrap();
    environment
}

fn run(environment: &TestEnvironment, args: &[&str]) -> String {
    let said = environment.run(args);
    assert!(!said.contains("hunter2"), "{said}");
    said
}

#[test]
fn a_link_that_leaves_the_project() {
    let environment = project();
    let (root, secret) = (environment.project(), "../home/.pgpass");
    let link = |name: &str| symlink(format!("../{secret}"), root.join(name)).unwrap();
    fs_err::create_dir_all(root.join("schema")).unwrap();
    link("schema/x.sql");
    let mut said = run(&environment, &["check"]);
    link("plans/x.sql");
    said += &run(&environment, &["heads"]);
    fs_err::remove_file(root.join("plans/x.sql")).unwrap();
    fs_err::remove_dir(root.join("plans")).unwrap();
    symlink("../home", root.join("plans")).unwrap();
    said += &run(&environment, &["heads"]);
    fs_err::remove_file(root.join("forge.toml")).unwrap();
    symlink(secret, root.join("forge.toml")).unwrap();
    said += &run(&environment, &["env"]);
    assert_snapshot!(said);
}

#[test]
fn settings_that_lead_out_of_the_project() {
    let with = |toml: &str, args: &[&str]| {
        let environment = project().file("forge.toml", toml);
        run(&environment, args)
    };
    let mut said = String::new();
    for schema in ["/proc", "/", "..", "/dev/zero"] {
        said += &with(&format!("[project]\nschema = \"{schema}\"\n"), &["check"]);
    }
    said += &with("[project]\nplans = \"/proc/self/root\"\n", &["heads"]);
    said += &with("[shadow]\ncache = \"../home\"\n", &["env"]);
    assert_snapshot!(said);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let environment = project();
    let fifo = environment.project().join("plans/x.sql");
    let made = environment.program("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let mut said = run(&environment, &["heads"]);
    fs_err::remove_file(environment.project().join("forge.toml")).unwrap();
    fs_err::rename(&fifo, environment.project().join("forge.toml")).unwrap();
    said += &run(&environment, &["env"]);
    assert_snapshot!(said);
}

#[test]
fn a_folder_outside_is_allowed_from_outside() {
    let environment = project();
    symlink("../home", environment.project().join("schema")).unwrap();
    let refused = run(&environment, &["check"]);
    assert!(refused.contains("leaves the project"), "{refused}");
    let flag = run(&environment, &["check", "--allow-path", "../home"]);
    assert!(!flag.contains("leaves the project"), "{flag}");
    let home = environment.project().parent().unwrap().join("home");
    let environment = environment.variable("FORGE_ALLOW_PATH", home.to_str().unwrap());
    let variable = run(&environment, &["check"]);
    assert!(!variable.contains("leaves the project"), "{variable}");
}
