//! What all commands share.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use clap::CommandFactory as _;
use insta::assert_snapshot;

use support::TestEnvironment;

#[test]
fn help_of_every_command() {
    let environment = TestEnvironment::new();
    let mut text = environment.run(&["--help"]);
    for command in forge::cli::Cli::command().get_subcommands() {
        text += &environment.run(&[command.get_name(), "--help"]);
    }
    assert_snapshot!(text);
}

#[test]
fn version() {
    assert_snapshot!(TestEnvironment::new().run(&["--version"]));
}

#[test]
fn wrong_usage() {
    let environment = TestEnvironment::new();
    let runs: [&[&str]; 7] = [
        &[],
        &["evn"],
        &["env", "--evn", "prod"],
        &["env", "-q", "-v"],
        &["env", "--shadow", "postgresql://user:secret@host/db"],
        &["env", "postgresql://user:secret@host/db"],
        &["env", "-C", "nowhere"],
    ];
    let text = runs.map(|args| environment.run(args)).join("--------\n");
    let printed = text.lines().filter(|line| !line.starts_with("$ "));
    assert!(printed.into_iter().all(|line| !line.contains("secret")));
    assert_snapshot!(text);
}

#[test]
fn wrong_log_filter() {
    let environment = TestEnvironment::new().variable("FORGE_LOG", "forge=loud");
    assert_snapshot!(environment.run(&["env"]));
}

#[test]
fn messages_as_lines_of_json() {
    let environment = TestEnvironment::new().variable("FORGE_LOG", "trace").file(
        "forge.toml",
        "[environments.a]\nurl = \"postgresql://me:hunter2@127.0.0.1:9/app\"\n",
    );
    let log = |args: &[&str]| {
        let output = environment.command(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line))
            .collect::<Vec<_>>()
    };
    let lines = log(&["status", "--env", "a", "--log-format", "json"]);
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "error");
    assert_eq!(last["code"], "unreachable");
    assert!(
        lines
            .iter()
            .all(|line| line["time"].is_string() && line["message"].is_string())
    );
    let lines = log(&[
        "status",
        "--env",
        "b",
        "--log-format=json",
        "--log-level=error",
    ]);
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn closed_pipe() {
    let environment = TestEnvironment::new();
    let mut forge = environment
        .command(&["--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(forge.stdout.take());
    let status = forge.wait().unwrap();
    let mut stderr = BufReader::new(forge.stderr.take().unwrap()).lines();
    assert_eq!(status.code(), Some(0));
    assert!(stderr.next().is_none());
}

#[test]
fn full_disk() {
    let environment = TestEnvironment::new();
    let full = fs_err::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = environment
        .command(&["env"])
        .stdout(full.into_file())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("can't write to standard output"),
        "{stderr}"
    );
}
