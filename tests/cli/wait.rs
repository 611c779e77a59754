//! `forge wait` and `forge apply --wait-db`.

use std::{
    net::TcpListener,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use insta::assert_snapshot;

use support::{TestEnvironment, server::Server};

fn project() -> TestEnvironment {
    TestEnvironment::new()
        .file("forge.toml", "")
        .variable("FORGE_OFFLINE", "1")
}

#[test]
fn nothing_there() {
    let nowhere = "postgresql://me:secret@/app?host=/nowhere";
    let environment = project().variable("DATABASE_URL", nowhere);
    let begin = Instant::now();
    let text = [
        environment.run(&["wait", "--timeout", "1s"]),
        environment.run(&["apply", "--wait-db", "700ms"]),
        environment.run(&["wait", "--timeout", "soon"]),
    ]
    .concat();
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(1700) && took < Duration::from_secs(15));
    assert!(!text.contains("secret"));
    assert_snapshot!(text);
}

/// A port that takes connections and says nothing.
#[test]
fn no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgresql://me@127.0.0.1:{}/app",
        listener.local_addr().unwrap().port()
    );
    let text = project().run(&["wait", "--timeout", "1500ms", "--url", &url]);
    assert!(text.contains("the database does not answer"), "{text}");
    assert!(text.ends_with("[exit 7]\n"), "{text}");
}

#[test]
fn a_server_and_a_database_that_come_later() {
    let environment = project();
    let server = Server::start(&environment);
    let folder = environment.project().join("later");
    let url = format!("postgresql://app@/later?host={}", folder.display());
    let forge = environment
        .command(&["wait", "--url", &url])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(700));
    std::os::unix::fs::symlink(server.folder(), &folder).unwrap();
    thread::sleep(Duration::from_millis(1200));
    server.sql_as("postgres", "CREATE DATABASE later OWNER app");
    let output = forge.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "waiting: no server listens on the socket",
        "waiting: there is no database `later`",
        "accepts connections: PostgreSQL",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
