//! `forge embedded`: the project's own server in the hands of a person.

use std::{
    io::Read as _,
    thread::sleep,
    time::{Duration, Instant},
};

use support::{TestEnvironment, server};

/// A forge that believes in a server which is gone would keep the next one, which starts it again, waiting for ever.
#[test]
fn a_server_that_was_killed_ends_who_holds_it() {
    let environment = TestEnvironment::new()
        .file("forge.toml", "")
        .variable("FORGE_OFFLINE", "1");
    // One has started it, and the other has joined.
    let holders = [server::hold(&environment), server::hold(&environment)];
    assert!(server::kill(&environment));
    for (mut forge, _) in holders {
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
