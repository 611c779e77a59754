//! A tunnel through `kubectl`, before a stand-in that forwards to the project's own server.

#![expect(
    clippy::unwrap_used,
    reason = "a stage that can't be set fails the test"
)]

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use insta::assert_snapshot;

use support::{TestEnvironment, made_up, server::Server};

const FORGE_TOML: &str = r#"
[environments.cluster]
url = "postgresql://app:secret@db.shop.svc:5432/app"
tunnel = { kubectl = { namespace = "shop", resource = "svc/postgres", context = "prod" } }
"#;

/// What stands for `kubectl`: it notes how it was called, forwards like the real one, and tells of pods what the test says.
const KUBECTL: &str = r#"#!/bin/sh
echo "$*" >> "$STAND_IN/calls"
case "$*" in
*port-forward*)
    echo $$ > "$STAND_IN/pid"
    if [ -e "$STAND_IN/refusal" ]; then cat "$STAND_IN/refusal" >&2; exit 1; fi
    exec "$STAND_IN_PROGRAM" tunnel::stand_in --exact --ignored --nocapture 3>&1 > /dev/null
    ;;
*"get svc/postgres"*) echo '{"spec": {"selector": {"app": "postgres"}}}' ;;
*"get pod --selector app=postgres"*) cat "$STAND_IN/pods" ;;
esac
"#;

const READY: &str =
    r#"{"items": [{"metadata": {"name": "postgres-0"}, "status": {"phase": "Running"}}]}"#;

const NOT_READY: &str = r#"{"items": [{"metadata": {"name": "postgres-0"}, "status": {"phase": "Pending",
    "containerStatuses": [{"name": "postgres", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}"#;

const SLOW: &str = "\
BEGIN;

-- forge:step 1 create schema slow
SELECT pg_catalog.pg_sleep(60);
CREATE SCHEMA slow;

COMMIT;
";

/// The program behind the stand-in: forwards connections to a socket until it is killed, or, if it is to break, closes
/// them at the first byte of a statement that sleeps.
#[test]
#[ignore = "the stand-in for kubectl runs it"]
#[expect(
    clippy::disallowed_methods,
    reason = "what the stand-in is told stands in variables"
)]
fn stand_in() {
    let socket = std::env::var("STAND_IN_SOCKET").unwrap();
    let breaks = std::env::var_os("STAND_IN_BREAKS").is_some();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    fs_err::write(
        "/dev/fd/3",
        format!("Forwarding from 127.0.0.1:{port} -> 5432\n"),
    )
    .unwrap();
    for client in listener.incoming() {
        let (client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
        let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut answers, &mut back));
        thread::spawn(move || forward(client, server, breaks));
    }
}

#[expect(
    clippy::exit,
    clippy::print_stderr,
    reason = "it stands in for a program"
)]
fn forward(mut client: TcpStream, mut server: UnixStream, breaks: bool) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        if breaks && String::from_utf8_lossy(&buffer[..read]).contains("pg_sleep") {
            eprintln!("error: lost connection to pod");
            drop(client.shutdown(Shutdown::Both));
            std::process::exit(1);
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(server.shutdown(Shutdown::Both));
}

/// A project whose database is behind a tunnel, and the folder of the stand-in.
struct Behind {
    environment: TestEnvironment,
    folder: PathBuf,
}

impl Behind {
    fn new(environment: TestEnvironment, socket_folder: &str) -> Self {
        let environment = environment
            .file("bin/kubectl", KUBECTL)
            .file("bin/pods", READY);
        let folder = environment.project().join("bin");
        let executable = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(folder.join("kubectl"), executable).unwrap();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
        let program = std::env::current_exe().unwrap();
        let environment = environment
            .variable("PATH", &path)
            .variable("STAND_IN", folder.to_str().unwrap())
            .variable("STAND_IN_PROGRAM", program.to_str().unwrap())
            .variable("STAND_IN_SOCKET", &format!("{socket_folder}/.s.PGSQL.5432"));
        Self {
            environment,
            folder,
        }
    }

    fn says(&self, file: &str, text: &str) {
        fs_err::write(self.folder.join(file), text).unwrap();
    }

    fn calls(&self) -> String {
        fs_err::read_to_string(self.folder.join("calls")).unwrap_or_default()
    }

    /// Whether the forwarding process still runs.
    fn forwards(&self) -> bool {
        let Ok(process) = fs_err::read_to_string(self.folder.join("pid")) else {
            return false;
        };
        let status = format!("/proc/{}/status", process.trim());
        // One that has ended and was not waited for by its new parent yet counts as gone.
        fs_err::read_to_string(status).is_ok_and(|status| !status.contains("State:\tZ"))
    }
}

fn soon(mut holds: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

fn project() -> TestEnvironment {
    TestEnvironment::new()
        .file("forge.toml", FORGE_TOML)
        .variable("FORGE_OFFLINE", "1")
}

#[test]
fn through_the_tunnel() {
    let environment = project();
    let server = Server::start(&environment);
    let behind = Behind::new(environment, server.folder());
    let text = behind.environment.run(&["status", "--env", "cluster"]);
    assert!(
        text.contains("postgresql://app@db.shop.svc:5432/app"),
        "{text}"
    );
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    assert!(!behind.forwards(), "it ends with forge");
    assert_eq!(
        behind.calls(),
        "--context prod --namespace shop port-forward --address 127.0.0.1 svc/postgres :5432\n"
    );
    // Another database than the environment's is not behind its tunnel.
    let direct = behind
        .environment
        .run(&["status", "--env", "cluster", "--url", "embedded"]);
    assert!(direct.ends_with("[exit 0]\n"), "{direct}");
    assert_eq!(behind.calls().lines().count(), 1);
}

#[test]
fn a_hook_behind_the_tunnel() {
    let environment = project();
    let server = Server::start(&environment);
    let hook = "before_apply = \"psql -X -A -t -c 'SELECT 40 + 2' > answer\"\n";
    let environment = environment.file("forge.toml", &format!("{FORGE_TOML}{hook}"));
    let behind = Behind::new(environment, server.folder());
    let quick = SLOW.replace("SELECT pg_catalog.pg_sleep(60);\n", "");
    write_plan(&behind, &quick);
    behind.environment.run(&["approve", "--all"]);
    let text = behind.environment.run(&["apply", "--env", "cluster"]);
    let answer = fs_err::read_to_string(behind.environment.project().join("answer"));
    assert_eq!(answer.unwrap_or_default(), "42\n", "{text}");
    assert!(!behind.forwards());
}

#[test]
fn a_tunnel_that_does_not_come_up() {
    let behind = Behind::new(project(), "/nowhere");
    let status = ["status", "--env", "cluster"];
    let mut text = String::new();
    let refusal =
        "error: unable to forward port because pod is not running. Current status=Pending";
    behind.says("refusal", refusal);
    behind.says("pods", NOT_READY);
    text += &behind.environment.run(&status);
    behind.says(
        "refusal",
        "Error from server (NotFound): services \"postgres\" not found",
    );
    behind.says("pods", r#"{"items": []}"#);
    text += &behind.environment.run(&status);
    text += &behind
        .environment
        .run(&["wait", "--timeout", "1s", "--env", "cluster"]);
    fs_err::remove_file(behind.folder.join("kubectl")).unwrap();
    let environment = behind.environment.variable("PATH", "/nowhere");
    text += &environment.run(&status);
    assert!(!text.contains("secret"));
    assert_snapshot!(text);
}

/// It forwards, and nobody answers behind it.
#[test]
fn a_pod_that_is_not_ready() {
    let behind = Behind::new(project(), "/nowhere");
    behind.says("pods", NOT_READY);
    let text = behind.environment.run(&["status", "--env", "cluster"]);
    assert!(
        text.contains("pod `postgres-0` is Pending: container `postgres` waits: ImagePullBackOff"),
        "{text}"
    );
    assert!(text.ends_with("[exit 7]\n"), "{text}");
    assert!(!behind.forwards());
}

fn write_plan(behind: &Behind, steps: &str) {
    let plans = behind.environment.project().join("plans");
    fs_err::create_dir_all(&plans).unwrap();
    let plan = |steps| made_up::plan("aaaaaaaaaaaa", "", "create a schema", steps);
    let down = "BEGIN;\n\n-- forge:step 1 drop schema slow\nDROP SCHEMA slow;\n\nCOMMIT;\n";
    fs_err::write(plans.join("slow.down.sql"), plan(down)).unwrap();
    fs_err::write(plans.join("slow.sql"), plan(steps)).unwrap();
}

/// A plan that takes its time, applied through the tunnel, so that something can happen meanwhile.
fn applying(behind: &Behind) {
    write_plan(behind, SLOW);
    let approved = behind
        .environment
        .run(&["approve", "--all", "--allow", "all"]);
    assert!(approved.ends_with("[exit 0]\n"), "{approved}");
}

#[test]
fn a_tunnel_that_breaks() {
    let environment = project();
    let server = Server::start(&environment);
    let behind = Behind::new(environment, server.folder());
    applying(&behind);
    let mut apply = behind.environment.command(&["apply", "--env", "cluster"]);
    let output = apply.env("STAND_IN_BREAKS", "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("the tunnel to `svc/postgres` broke"),
        "{text}"
    );
    assert!(
        text.contains("kubectl: error: lost connection to pod"),
        "{text}"
    );
    assert!(!output.status.success());
    assert!(!behind.forwards());
}

#[test]
fn a_tunnel_ends_however_forge_ends() {
    let environment = project();
    let server = Server::start(&environment);
    let behind = Behind::new(environment, server.folder());
    applying(&behind);
    for signals in [&["KILL"][..], &["INT", "INT", "INT"], &["HUP", "TERM"]] {
        let mut forge = behind
            .environment
            .command(&["apply", "--env", "cluster"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sleeping =
            "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_catalog.pg_sleep'";
        assert!(soon(|| server.sql(sleeping) == "1"), "the plan runs");
        assert!(behind.forwards());
        for signal in signals {
            let process = forge.id().to_string();
            let sent = std::process::Command::new("kill")
                .args(["-s", signal, &process])
                .status();
            assert!(sent.unwrap().success());
            thread::sleep(Duration::from_millis(100));
        }
        forge.wait().unwrap();
        assert!(soon(|| !behind.forwards()), "after {signals:?}");
        assert!(soon(|| server.sql(sleeping) == "0"), "the server notices");
    }
}
