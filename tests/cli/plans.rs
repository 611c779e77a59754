//! The commands that work on the plans folder, as far as they need no server.

use std::fmt::Write as _;

use insta::assert_snapshot;

use support::{TestEnvironment, made_up};

const FORGE_TOML: &str =
    "[environments.nowhere]\nurl = \"postgresql://me:secret@/app?host=/nowhere\"\n";

fn plan(revision: &str, parent: &str, sql: &str) -> String {
    made_up::plan(revision, parent, &format!("about {revision}"), sql)
}

const CREATE: &str = "\
BEGIN;

-- forge:step 1 create schema app
CREATE SCHEMA app;
-- why I wrote it like this

COMMIT;
";

const DROP: &str = "\
BEGIN;

-- forge:step 1 drop table app.users
-- forge:expects table app.users 0123456789ab
-- hazard: deletes-data · the rows of app.users go with it
DROP TABLE app.users;

-- forge:step 2 drop column app.\"My Orders\".note
-- hazard: deletes-data · its values go with it
ALTER TABLE app.\"My Orders\" DROP COLUMN note;

COMMIT;
";

const A: &str = "aaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbb";
const C: &str = "cccccccccccc";

fn project() -> TestEnvironment {
    TestEnvironment::new()
        .file("forge.toml", FORGE_TOML)
        .file("plans/1_create.sql", &plan(A, "", CREATE))
        .file("plans/1_create.down.sql", &plan(A, "", CREATE))
        .file("plans/2_drop.sql", &plan(B, A, DROP))
        .file("plans/2_drop.down.sql", &plan(B, A, CREATE))
}

fn runs(environment: &TestEnvironment, runs: &[&[&str]]) -> String {
    let text: Vec<String> = runs.iter().map(|args| environment.run(args)).collect();
    text.join("--------\n")
}

#[test]
fn listed() {
    assert_snapshot!(runs(
        &project(),
        &[
            &["history"],
            &["-v", "history"],
            &["heads"],
            &["show", "aaaa"],
            &["show", "1_create", "--down", "-q"]
        ],
    ));
}

#[test]
fn without_a_project_or_plans() {
    let nothing = TestEnvironment::new();
    let mut text = runs(&nothing, &[&["history"], &["approve"], &["apply"]]);
    let empty = nothing.file("forge.toml", FORGE_TOML);
    text += &runs(
        &empty,
        &[&["history"], &["heads"], &["approve", "--all"], &["show"]],
    );
    assert_snapshot!(text);
}

#[test]
fn approved() {
    let environment = project().variable("EMAIL", "unused");
    let mut text = runs(
        &environment,
        &[
            &["approve"],
            &["approve", "2_drop.sql"],
            &["approve", B, "--allow", "deletes-data:app.users"],
            &["approve", "--all", "--allow", "deletes"],
        ],
    );
    let before = fs_err::read_to_string(environment.project().join("plans/2_drop.sql")).unwrap();
    assert_eq!(
        before,
        plan(B, A, DROP),
        "a refused approval changes nothing"
    );
    let output = environment
        .command(&[
            "approve",
            "--all",
            "--allow",
            "all",
            "--reason",
            "they are\nold",
        ])
        .output()
        .unwrap();
    assert!(output.status.success());
    for file in ["1_create.sql", "1_create.down.sql", "2_drop.sql"] {
        let path = environment.project().join("plans").join(file);
        let frozen = fs_err::read_to_string(path).unwrap();
        let volatile = [
            "-- forge:approved_by ",
            "-- forge:approved_at ",
            "-- forge:down_sha256 ",
            "-- forge:sha256 ",
        ];
        let stable = frozen
            .lines()
            .filter(|line| !volatile.iter().any(|start| line.starts_with(start)));
        let hidden = frozen.lines().count() - stable.clone().count();
        let expected = if file.contains(".down.") { 3 } else { 4 };
        assert_eq!(hidden, expected, "{frozen}");
        writeln!(text, "-------- {file}").unwrap();
        for line in stable {
            text += line;
            text.push('\n');
        }
    }
    assert_snapshot!(text);
}

#[test]
fn edited_after_the_approval() {
    let environment = project();
    environment.run(&["approve", A]);
    let path = environment.project().join("plans/1_create.sql");
    let frozen = fs_err::read_to_string(&path).unwrap();
    // White space, line ends and comments may change.
    fs_err::write(&path, frozen.replace('\n', "\r\n")).unwrap();
    let output = environment.command(&["approve", A]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    fs_err::write(&path, frozen.replace("SCHEMA app", "SCHEMA other")).unwrap();
    let output = environment.command(&["approve", A]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("`plans/1_create.sql` was edited after its approval"),
        "{stderr}"
    );
}

#[test]
fn folders_that_are_wrong() {
    let check = |files: &[(&str, &str, &str)]| {
        let environment = TestEnvironment::new().file("forge.toml", FORGE_TOML);
        let environment =
            files
                .iter()
                .fold(environment, |environment, (path, revision, parent)| {
                    environment.file(path, &plan(revision, parent, CREATE))
                });
        runs(&environment, &[&["history"], &["show", "head"]])
    };
    let text = [
        check(&[("plans/1.sql", A, ""), ("plans/copy.sql", A, "")]),
        check(&[("plans/1.sql", A, B)]),
        check(&[("plans/1.sql", A, B), ("plans/2.sql", B, A)]),
        check(&[
            ("plans/1.sql", A, ""),
            ("plans/2.sql", B, A),
            ("plans/3.sql", C, A),
        ]),
    ];
    assert_snapshot!(text.join("========\n"));
}

#[test]
fn no_server() {
    let environment = project();
    let mut text = runs(&environment, &[&["apply"], &["drift"]]);
    let env: &[&[&str]] = &[
        &["apply", "--env", "nowhere"],
        &["status", "--env", "nowhere"],
        &["drift", "--env", "nowhere"],
        &["downgrade", "-1", "--env", "nowhere"],
        &["downgrade", "side.ways", "--env", "nowhere"],
    ];
    text += &runs(&environment, env);
    assert!(!text.contains("secret"));
    assert_snapshot!(text);
}

#[test]
fn what_a_tree_declares_in_vain() {
    let environment = TestEnvironment::new()
        .file("forge.toml", "[managed]\ninclude = [\"app\"]\n")
        .file("schema/app.sql", "CREATE SCHEMA app;\n")
        .file("schema/empty.sql", "-- to come\n")
        .file(
            "schema/old.sql",
            "CREATE SCHEMA old;\nCREATE TABLE old.users ();\nCREATE TABLE app.users ();\n",
        );
    assert_snapshot!(environment.run(&["check", "-v"]));
}

/// Another tool's file, a folder, a plan that was damaged: each is named, and the others are as they were.
#[test]
fn what_is_no_plan() {
    let environment = project()
        .file("plans/V1__flyway.sql", "CREATE TABLE t ();\n")
        .file("plans/folder.sql/x", "");
    let mut text = runs(&environment, &[&["history"], &["heads"], &["approve", A]]);
    let damaged = plan(C, A, CREATE).replace("-- forge:format 1", "-- forge:format 99");
    let environment = environment.file("plans/3.sql", &damaged);
    text += &runs(
        &environment,
        &[
            &["history", "-q"],
            &["heads", "-q"],
            &["validate", "--files"],
            &["approve", "--all"],
        ],
    );
    assert_snapshot!(text);
}
