//! What all commands share.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use clap::CommandFactory as _;
use insta::assert_snapshot;

use crate::support::TestEnvironment;

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
