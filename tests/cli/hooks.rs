//! What surrounds an apply: hooks, backup, webhook, window.

#![expect(
    clippy::unwrap_used,
    reason = "a stage that can't be set fails the test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a window is open or closed by the real clock"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use support::{TestEnvironment, made_up, server::Server};

/// A plan that does something to a schema, for a project whose database has none.
pub(crate) fn plan(name: &str, sql: &str) -> String {
    let steps = format!(
        "BEGIN;\n\n-- forge:step 1 {} schema {name}\n{sql} SCHEMA {name};\n\nCOMMIT;\n",
        sql.to_lowercase()
    );
    made_up::plan(&name.repeat(12), "", &format!("create {name}"), &steps)
}

/// A project with one approved plan and these keys in its environment.
fn project(keys: &str) -> (TestEnvironment, Server) {
    let environment = TestEnvironment::new()
        .file(
            "forge.toml",
            &format!("[environments.local]\nurl = \"embedded\"\n{keys}\n"),
        )
        .file("plans/a.sql", &plan("a", "CREATE"))
        .file("plans/a.down.sql", &plan("a", "DROP"))
        .variable("FORGE_OFFLINE", "1")
        .variable("FORGE_ENV", "local")
        .variable("PGPASSWORD", "hunter2");
    let server = Server::start(&environment);
    let approved = environment.run(&["approve", "--all"]);
    assert!(approved.ends_with("[exit 0]\n"), "{approved}");
    (environment, server)
}

/// The plan's promise is made up, so that an apply that goes through ends with 3; what matters here is what stands.
fn stands(server: &Server) -> bool {
    server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'a'") == "1"
}

fn read(environment: &TestEnvironment, file: &str) -> String {
    fs_err::read_to_string(environment.project().join(file)).unwrap_or_default()
}

#[test]
fn a_hook_that_fails_stops_the_apply() {
    let (environment, server) = project(
        r#"before_apply = "echo my password is $PGPASSWORD, not postgresql://u:other@h; exit 9""#,
    );
    let text = environment.run(&["apply"]);
    assert!(
        text.contains("  my password is ***, not postgresql://u:***@h"),
        "{text}"
    );
    assert!(text.contains("`before_apply` failed"), "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    assert!(text.ends_with("[exit 3]\n"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!stands(&server));
}

#[test]
fn a_hook_knows_what_it_is_about_and_reaches_the_database() {
    let (environment, server) = project(
        r#"before_apply = "echo $FORGE_HOOK $FORGE_ENV $FORGE_REVISIONS > told; psql -X -A -t -c 'SELECT current_database()' >> told; pwd >> told"
after_apply = ["sh", "-c", "echo done > after; exit 1"]"#,
    );
    let text = environment.run(&["apply"]);
    let told = read(&environment, "told");
    let folder = environment.project().canonicalize().unwrap();
    assert_eq!(
        told,
        format!(
            "before_apply local aaaaaaaaaaaa\napp\n{}\n",
            folder.display()
        ),
        "{text}"
    );
    assert!(stands(&server), "{text}");
    assert_eq!(
        read(&environment, "after"),
        "",
        "only an apply that succeeds is followed"
    );
}

#[test]
fn a_backup_that_leaves_nothing_stops_the_apply() {
    fn check(command: &str, said: &str) {
        let (environment, server) = project(&format!(
            "backup = {{ command = '{command}', required = true }}"
        ));
        let text = environment.run(&["apply"]);
        assert!(text.contains(said), "{text}");
        assert!(text.ends_with("[exit 3]\n"), "{text}");
        assert!(!stands(&server));
    }
    check("exit 1", "`backup` failed");
    check("true", "`backup` left no file");
    check(
        "echo nowhere.dump",
        "its last line is no file: `nowhere.dump`",
    );
    check(
        ": > empty.dump; echo empty.dump",
        "`backup` left `empty.dump` empty",
    );
    check(": > \"$FORGE_BACKUP_FILE\"", "empty");
}

#[test]
fn a_backup_is_recorded() {
    let (environment, server) = project("backup = 'pg_dump -Fc -f \"$FORGE_BACKUP_FILE\"'");
    let text = environment.run(&["apply", "--backup"]);
    let recorded = server.sql_as(
        "postgres",
        "SELECT backup FROM forge.event WHERE kind = 'apply_start'",
    );
    assert!(recorded.starts_with(".forge/backups/"), "{recorded} {text}");
    assert!(recorded.ends_with("_aaaaaaaaaaaa.dump"), "{recorded}");
    let file = environment.project().join(&recorded);
    assert!(fs_err::metadata(file).unwrap().len() > 0);
    assert!(
        text.contains(&format!("the backup is {recorded}")),
        "{text}"
    );
    assert!(stands(&server));
}

#[test]
fn a_backup_that_nobody_asked_for() {
    let (environment, server) = project("backup = 'echo made > made; echo made'");
    environment.run(&["apply"]);
    assert!(stands(&server));
    assert_eq!(read(&environment, "made"), "");
    let (environment, server) = project("");
    let text = environment.run(&["apply", "--backup"]);
    assert!(text.contains("nothing says how to make a backup"), "{text}");
    assert!(text.ends_with("[exit 4]\n"), "{text}");
    assert!(!stands(&server));
}

/// A service that takes messages under a path and answers each of them so; `URL` in the answer is its own.
pub(crate) fn service(path: &str, answer: &str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/{path}", listener.local_addr().unwrap());
    let answer = answer.replace("URL", &url);
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            // Nobody listens any more where only the answer matters.
            drop(send.send(String::from_utf8(body).unwrap()));
        }
    });
    (url, receive)
}

#[test]
fn a_webhook_is_told() {
    let (url, messages) = service(
        "services/t0ken",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let (environment, _server) = project(r#"webhook = "env:CHAT""#);
    let environment = environment.variable("CHAT", &url);
    let text = environment.run(&["apply"]);
    let message = messages.recv_timeout(Duration::from_secs(10)).expect(&text);
    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(message["version"], 1);
    assert_eq!(message["event"], "apply");
    assert_eq!(message["environment"], "local");
    assert_eq!(message["revisions"][0], "aaaaaaaaaaaa");
    assert_eq!(message["outcome"], "failed");
    let said = message["text"].as_str().unwrap();
    assert!(said.starts_with("forge apply on local: failed: "), "{said}");
    assert!(!message.to_string().contains("hunter2"));
}

#[test]
fn a_webhook_that_fails_changes_nothing() {
    let (url, _messages) = service(
        "services/t0ken",
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let (environment, server) = project(r#"webhook = "env:CHAT""#);
    let environment = environment.variable("CHAT", &url);
    let text = environment.run(&["apply"]);
    let shown = url.replace("services/t0ken", "…");
    assert!(
        text.contains(&format!("can't tell the webhook ({shown})")),
        "{text}"
    );
    assert!(!text.contains("t0ken"), "{text}");
    assert!(stands(&server));
    let text = environment.run(&["env"]);
    assert!(text.contains(&format!("{shown} ($CHAT)")), "{text}");
}

#[test]
fn a_webhook_that_is_not_set() {
    let (environment, server) = project(r#"webhook = "env:CHAT""#);
    let text = environment.run(&["apply"]);
    let warning = "can't tell the webhook: environment variable `CHAT` is not set";
    assert!(text.contains(warning), "{text}");
    assert!(stands(&server));
}

#[test]
fn a_webhook_is_told_of_drift() {
    let (url, messages) = service(
        "services/t0ken",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let (environment, server) = project(r#"webhook = "env:CHAT""#);
    environment.run(&["apply"]);
    server.sql_as("postgres", "CREATE SCHEMA by_hand");
    let environment = environment.variable("CHAT", &url);
    let text = environment.run(&["drift"]);
    assert!(text.ends_with("[exit 2]\n"), "{text}");
    let message = messages.recv_timeout(Duration::from_secs(10)).expect(&text);
    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(message["event"], "drift");
    assert_eq!(message["outcome"], "drift");
    assert_eq!(
        message["text"],
        "forge drift on local: 1 object changed by hand"
    );
}

#[test]
fn outside_of_the_window() {
    let (environment, server) = project("");
    let hour = |hours: i8| {
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(i64::from(hours));
        then.strftime("%H:00").to_string()
    };
    let later = format!("{}-{}", hour(2), hour(3));
    let text = environment.run(&["apply", "--window", &later]);
    assert!(text.contains("the database may be changed at"), "{text}");
    assert!(text.ends_with("[exit 3]\n"), "{text}");
    assert!(!stands(&server));
    let toml = read(&environment, "forge.toml");
    let environment = environment.file("forge.toml", &format!("{toml}window = \"{later} UTC\"\n"));
    let text = environment.run(&["apply"]);
    assert!(
        text.contains("`forge.toml:4` says so; nothing was changed"),
        "{text}"
    );
    let text = environment.run(&["apply", "--dry-run"]);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    environment.run(&["apply", "--ignore-window"]);
    assert!(stands(&server));
}
