//! `forge embedded`: the project's own server in the hands of a person.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::TestEnvironment;

/// A forge that believes in a server which is gone would keep the next one, which starts it again, waiting for ever.
#[test]
fn a_server_that_was_killed_ends_who_holds_it() {
    let environment = TestEnvironment::new()
        .file("forge.toml", "")
        .variable("FORGE_OFFLINE", "1");
    let start = || {
        let mut forge = environment
            .command(&["embedded", "--url", "embedded"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("forge starts");
        let mut url = String::new();
        let output = forge.stdout.as_mut().expect("standard output is a pipe");
        let read = BufReader::new(output).read_line(&mut url);
        read.expect("forge prints the URL");
        forge
    };
    // One has started it, and the other has joined.
    let holders = [start(), start()];
    let folder = environment.project().join(".forge");
    let file = fs_err::read_dir(folder)
        .expect("the server's folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| path.join("data/postmaster.pid"))
        .find(|file| file.exists())
        .expect("the server runs");
    let text = fs_err::read_to_string(file).expect("the server runs");
    let process = text.lines().next().expect("the process comes first");
    let killed = Command::new("kill").args(["-KILL", process]).status();
    assert!(killed.expect("kill is installed").success());
    for mut forge in holders {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = forge.try_wait().expect("forge is a child") {
                break status;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "it goes on");
            sleep(Duration::from_millis(20));
        };
        let mut errors = String::new();
        let output = forge.stderr.as_mut().expect("standard error is a pipe");
        output.read_to_string(&mut errors).expect("it is text");
        assert!(errors.contains("the embedded server has ended"), "{errors}");
        assert_eq!(status.code(), Some(7), "{errors}");
    }
    let text = environment.run(&["embedded", "--url", "embedded", "--", "true"]);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
}
