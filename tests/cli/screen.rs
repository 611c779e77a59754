//! Names and texts of others on a terminal: what is no letter is written out, and makes no colour and no line.

use crate::hooks::plan;
use support::{TestEnvironment, made_up, server::Server};

/// What forge paints errors with, and nothing of what is listed or shown here.
const RED: &str = "\u{1b}[31m";

/// Runs a command in colour. What it prints has no red, and so much of it is `\u{1b}[31m` that somebody wrote.
#[track_caller]
fn check(environment: &TestEnvironment, args: &[&str], written: usize) {
    let args = [args, &["--color", "always"]].concat();
    let text = environment.run(&args);
    assert!(!text.contains(RED), "{args:?}: {text:?}");
    assert_eq!(
        text.matches(r"\u{1b}[31m").count(),
        written,
        "{args:?}: {text:?}"
    );
}

#[test]
fn a_text_of_a_plan_file_makes_no_colour() {
    let steps = format!(
        "BEGIN;\n\n-- forge:step 1 create schema app\n-- {RED}comment\nCREATE SCHEMA \"{RED}app\";\n\nCOMMIT;\n"
    );
    let author = format!("A{RED}nn <ann@example.com>");
    let text = made_up::plan_by(&author, "aaaaaaaaaaaa", "", &format!("{RED}create"), &steps);
    let environment = TestEnvironment::new()
        .file("forge.toml", "")
        .file("plans/1_create.sql", &text)
        .file("plans/1_create.down.sql", &text);
    check(&environment, &["show"], 4);
    check(&environment, &["heads", "-v"], 2);
    check(&environment, &["history", "-v"], 2);
    check(&environment, &["approve", "--all"], 1);
    check(&environment, &["show"], 4);
}

#[test]
fn a_name_in_the_history_makes_no_line() {
    let environment = TestEnvironment::new()
        .file("forge.toml", "[environments.a]\nurl = \"embedded\"\n")
        .file("plans/a.sql", &plan("a", "CREATE"))
        .file("plans/a.down.sql", &plan("a", "DROP"))
        .variable("FORGE_OFFLINE", "1")
        .variable("FORGE_ENV", "a");
    let server = Server::start(&environment);
    environment.run(&["approve", "--all"]);
    environment.run(&["apply"]);
    server.sql_as(
        "postgres",
        "UPDATE forge.revision SET author = E'Ann\\nforged: 1', message = E'm\\nforged: 2';\
         UPDATE forge.event SET os_user = E'u\\nforged: 3', host = E'h\\nforged: 4',\
         actor = E'a\\nforged: 5', run_id = E'r\\nforged: 6', git_commit = E'g\\nforged: 7',\
         error = E'e\\nforged: 8'",
    );
    // With its file, and from what the target remembers of it.
    for files in [&[][..], &["plans/a.sql", "plans/a.down.sql"]] {
        for file in files {
            fs_err::remove_file(environment.project().join(file)).expect("it is there");
        }
        for args in [
            &["status"][..],
            &["history", "-v"],
            &["current", "-v"],
            &["validate"],
            &["drift"],
        ] {
            let text = environment.run(args);
            let forged = text.lines().any(|line| line.trim().starts_with("forged"));
            assert!(!forged, "{text}");
        }
        let text = environment.run(&["current", "-v"]);
        for name in 3..=6 {
            assert!(text.contains(&format!(r"\u{{a}}forged: {name}")), "{text}");
        }
    }
}
