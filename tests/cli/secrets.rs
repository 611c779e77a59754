//! No secret is shown or written, whatever place it was put into.
//!
//! A password is often given in another shape than the one that its place reads: `host=h,password=p`, a whole URL as
//! `PGHOST`, a token as the value of a misspelt key. Each test puts such texts into every place of one sort and looks for the
//! secret in all that forge prints and writes.

#![expect(
    clippy::unwrap_used,
    reason = "a stage that can't be set fails the test"
)]

use std::path::Path;

use crate::hooks::{plan, service};
use support::{TestEnvironment, server::Server};

/// What must not be seen.
const SECRET: &str = "hunter2";

/// Texts with a secret in places where one value is expected.
const VALUES: &[&str] = &[
    "postgresql://u:hunter2@127.0.0.1/db",
    "127.0.0.1,password=hunter2",
    "u:hunter2",
    "127.0.0.1 password=hunter2",
    "db?%70assword=hunter2",
    "u@hunter2",
    "https://127.0.0.1/T0/hunter2?token=hunter2",
    "Zm9v+hunter2/==",
    "-c app.token='hunter2'",
    "a\thunter2",
];

/// Those of them that stand for the others, where there are many places.
const FEW: usize = 3;

/// Connection strings with a secret. None leads to a server.
const CONNECTIONS: &[&str] = &[
    "postgresql://u:hunter2@127.0.0.1:9/db",
    "postgresql://u:hunter2@127.0.0.1:9,127.0.0.1:9/db?sslmode=require",
    "postgresql://127.0.0.1:9/db?password=hunter2",
    "postgresql://127.0.0.1:9/db?%70assword=hunter2",
    "postgresql://127.0.0.1:9/db?sslpassword=hunter2",
    "postgresql://127.0.0.1:9/db?%73slpassword=hunter2",
    "postgresql://127.0.0.1:9/db?pasword=hunter2",
    "postgresql://127.0.0.1:9/db?hunter2",
    "postgresql://127.0.0.1:9/db?hunter2=x",
    "postgresql://127.0.0.1:9/db?user=u:hunter2",
    "postgresql://127.0.0.1:9/db?user=u%3Ahunter2",
    "postgresql://127.0.0.1:9/db?dbname=postgresql%3A%2F%2Fu%3Ahunter2%40h%2Fdb",
    "postgresql://127.0.0.1:9/db;password=hunter2",
    "postgresql://127.0.0.1:9/db%3Fpassword%3Dhunter2",
    "postgresql://127.0.0.1:9/db?options=-c%20app.token%3Dhunter2",
    "postgresql://127.0.0.1:9/db?options=hunter2",
    "postgresql://127.0.0.1:9/db?application_name=p%3Ahunter2",
    "postgresql://127.0.0.1:9/db?sslmode=require;password=hunter2",
    "postgresql://127.0.0.1:9/db?connect_timeout=1,password=hunter2",
    "postgresql://127.0.0.1:9/db?passfile=/x;password=hunter2",
    "postgresql://127.0.0.1:9/db?sslmode=verify-full&sslrootcert=u:hunter2@h",
    "postgresql://127.0.0.1:9/db?require_auth=hunter2",
    "postgresql://127.0.0.1:hunter2/db",
    "postgresql://u:hunter2/x@127.0.0.1:9/db",
    "postgresql://u:hunter2%@127.0.0.1:9/db",
    "postgresql://u:12?hunter2@127.0.0.1:9/db",
    "postgresql://hunter2,password=hunter2@127.0.0.1:9/db",
    "hunter2://u@127.0.0.1:9/db",
    "sec:hunter2@127.0.0.1:9/db",
    "mysql://u:hunter2@127.0.0.1:9/db",
    "postgresql:u:hunter2@127.0.0.1:9/db",
    "jdbc:postgresql://127.0.0.1:9/db?user=u&password=hunter2",
    "u:hunter2@tcp(127.0.0.1:9)/db",
    "https://127.0.0.1/T0/hunter2?token=hunter2",
    "https://hunter2@127.0.0.1/x",
    "host=127.0.0.1 port=9 password=hunter2",
    "host=127.0.0.1 port=9 password='a hunter2'",
    "host=127.0.0.1 port=9 pasword=hunter2",
    "host=127.0.0.1 port=9 sslpassword=hunter2",
    "host=127.0.0.1,password=hunter2 port=9",
    "port=9 host=127.0.0.1;password=hunter2",
    "host=127.0.0.1 port=9,password=hunter2",
    "host=127.0.0.1 port=9 user=u:hunter2",
    "host=127.0.0.1 port=9 user=u/hunter2",
    "host=127.0.0.1 port=9 user=u@hunter2",
    "host=127.0.0.1 port=9 dbname=postgresql://u:hunter2@h/db",
    "host=127.0.0.1 port=9 dbname='db password=hunter2'",
    "host=127.0.0.1 port=9 options='-c app.token=hunter2'",
    "host=127.0.0.1 port=9 options=hunter2",
    "hostaddr=127.0.0.1,hunter2 host=a,b",
    "host=postgresql://u:hunter2@h/db",
    "host=/nowhere,password=hunter2",
    "service=u:hunter2@h",
    "password=very hunter2",
    "password='hunter2",
    "=hunter2",
    "hunter2=x",
    "hunter2",
];

/// A folder of its own for each place and text, in which nothing leads to a server and nothing is downloaded.
fn stage() -> TestEnvironment {
    TestEnvironment::new()
        .variable("FORGE_OFFLINE", "1")
        .variable("FORGE_SHADOW", "url")
        .variable("FORGE_SHADOW_URL", "postgresql://x@127.0.0.1:9/x")
        .variable("PGCONNECT_TIMEOUT", "2")
        .file("schema/a.sql", "CREATE SCHEMA a;\n")
}

/// What was seen of the secret.
#[derive(Default)]
struct Leaks(Vec<String>);

impl Leaks {
    /// Runs commands, and looks at what they print and write.
    fn look(&mut self, place: &str, environment: &TestEnvironment, commands: &[&[&str]]) {
        for &command in commands {
            let output = environment.command(command).output().unwrap();
            for stream in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(stream);
                for line in text.lines().filter(|line| line.contains(SECRET)) {
                    let name = command.iter().find(|word| !word.starts_with('-'));
                    self.0.push(format!("{place}: {name:?}: {line}"));
                }
                assert!(!text.contains("panicked"), "{place}: {text}");
            }
        }
        let mut written = Vec::new();
        files(environment.project().parent().unwrap(), &mut written);
        self.0.extend(
            written
                .into_iter()
                .map(|file| format!("{place}: the file {file}")),
        );
    }

    fn none(self) {
        let Self(leaks) = self;
        assert!(
            leaks.is_empty(),
            "{} leaks:\n{}",
            leaks.len(),
            leaks.join("\n")
        );
    }
}

/// The files that hold the secret, without those in which the test has put it.
fn files(folder: &Path, found: &mut Vec<String>) {
    const GIVEN: &[&str] = &["forge.toml", "services.conf", "passfile"];
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            // What a server keeps is its own, and large.
            if name != "data" {
                files(&path, found);
            }
        } else if name.contains(SECRET)
            || (!GIVEN.contains(&&*name)
                && fs_err::read(&path).is_ok_and(|bytes| {
                    bytes
                        .windows(SECRET.len())
                        .any(|part| part == SECRET.as_bytes())
                }))
        {
            found.push(path.display().to_string());
        }
    }
}

/// The commands that show settings or connect, as talkative as they get.
const COMMANDS: &[&[&str]] = &[
    TALKATIVE,
    &["env"],
    &["env", "--format", "json", "-v"],
    &["doctor", "--format", "json"],
    &["status", "--log-format", "json", "--log-level", "trace"],
    &["plan", "-m", "x", "-v"],
];
/// The command that shows the settings, the target and the shadow server.
const TALKATIVE: &[&str] = &["doctor", "--log-level", "trace"];

#[test]
fn connection_strings() {
    let mut leaks = Leaks::default();
    for text in CONNECTIONS {
        let quoted = toml_string(text);
        for command in COMMANDS {
            let command: Vec<&str> = command.iter().copied().chain(["--url", text]).collect();
            leaks.look(&format!("--url {text}"), &stage(), &[&command]);
        }
        for name in ["FORGE_URL", "FORGE_SHADOW_URL", "FORGE_PG_MIRROR"] {
            let environment = stage()
                .variable("DATABASE_URL", "postgresql://u@127.0.0.1:9/db")
                .variable(name, text);
            leaks.look(&format!("{name}={text}"), &environment, &[TALKATIVE]);
        }
        for (table, key) in [
            ("environments.a", "url"),
            ("environments.a", "webhook"),
            ("shadow", "url"),
        ] {
            let toml = format!("[{table}]\n{key} = {quoted}\n");
            let toml = match table {
                "shadow" => toml + "[environments.a]\n",
                _ => toml,
            };
            let environment = stage()
                .variable("FORGE_SHADOW_URL", "")
                .variable("FORGE_ENV", "a")
                .file("forge.toml", &toml);
            leaks.look(&toml, &environment, &[TALKATIVE]);
        }
        let environment = stage()
            .variable("FORGE_ENV", "a")
            .variable("TARGET", text)
            .file("forge.toml", "[environments.a]\nurl = \"env:TARGET\"");
        leaks.look(&format!("env:TARGET = {text}"), &environment, &[TALKATIVE]);
    }
    leaks.none();
}

#[test]
fn variables_and_files_of_libpq() {
    let mut leaks = Leaks::default();
    for name in [
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGSERVICE",
        "PGSERVICEFILE",
        "PGPASSFILE",
        "PGSSLMODE",
        "PGSSLCERT",
        "PGSSLCERTMODE",
        "PGSSLKEY",
        "PGSSLROOTCERT",
        "PGOPTIONS",
        "PGCONNECT_TIMEOUT",
        "PGCHANNELBINDING",
        "PGTARGETSESSIONATTRS",
        "PGREQUIREAUTH",
        "PGSYSCONFDIR",
    ] {
        for text in VALUES {
            let environment = match name {
                "PGHOST" => stage(),
                _ => stage().variable("PGHOST", "127.0.0.1"),
            };
            let environment = match name {
                "PGSERVICEFILE" | "PGSYSCONFDIR" => environment.variable("PGSERVICE", "shop"),
                "PGSSLCERT" | "PGSSLKEY" => environment
                    .variable("PGSSLCERT", "/nowhere.crt")
                    .variable("PGSSLMODE", "require"),
                "PGSSLROOTCERT" => environment.variable("PGSSLMODE", "verify-full"),
                _ => environment,
            };
            let environment = match name {
                "PGPORT" => environment,
                _ => environment.variable("PGPORT", "9"),
            };
            let environment = environment.variable(name, text);
            leaks.look(&format!("{name}={text}"), &environment, &[TALKATIVE]);
        }
    }
    for line in VALUES
        .iter()
        .flat_map(|text| {
            [
                "host=", "user=", "dbname=", "port=", "sslmode=", "service=", "options=", "", "#=",
                "[",
            ]
            .map(|key| format!("{key}{text}"))
        })
        .chain(["hunter2=x".to_owned(), "hunter2".to_owned()])
    {
        let environment = stage()
            .variable("PGSERVICE", "shop")
            .variable("PGSERVICEFILE", "services.conf")
            .file(
                "services.conf",
                &format!("[shop]\nport=9\nhost=127.0.0.1\n{line}\n"),
            );
        leaks.look(&format!("service file: {line}"), &environment, &[TALKATIVE]);
    }
    for line in [
        "127.0.0.1:9:*:*:hunter2",
        "hunter2",
        "u:hunter2@127.0.0.1:9",
    ] {
        let environment = stage()
            .variable("PGPASSFILE", "passfile")
            .variable("DATABASE_URL", "postgresql://u@127.0.0.1:9/db")
            .file("passfile", line);
        leaks.look(
            &format!("password file: {line}"),
            &environment,
            &[TALKATIVE],
        );
    }
    leaks.none();
}

#[test]
fn variables_of_forge_and_arguments() {
    let mut leaks = Leaks::default();
    for name in [
        "FORGE_ENV",
        "FORGE_SHADOW",
        "FORGE_SHADOW_BIN",
        "FORGE_SHADOW_STATEMENT_TIMEOUT",
        "FORGE_OFFLINE",
        "FORGE_SIGNERS",
        "FORGE_SIGNING_KEY",
        "FORGE_LOG",
    ] {
        for text in VALUES {
            for toml in ["", "[environments.a]\n"] {
                let environment = stage().variable(name, text).file("forge.toml", toml);
                let environment = match name {
                    "FORGE_SHADOW_BIN" => environment.variable("FORGE_SHADOW", "local"),
                    _ => environment,
                };
                leaks.look(&format!("{name}={text}"), &environment, &[TALKATIVE]);
            }
        }
    }
    for text in VALUES {
        let joined = |flag: &str| format!("{flag}={text}");
        let flags = [
            "--env",
            "--shadow",
            "--shadow-bin",
            "--shadow-statement-timeout",
            "--color",
            "--log-level",
            "--log-format",
            "--evn",
            "--offline",
            "--url --format",
        ];
        for flag in flags {
            let (before, last) = flag.rsplit_once(' ').unwrap_or(("", flag));
            let joined = joined(last);
            let before = before.split(' ').filter(|word| !word.is_empty());
            let apart: Vec<&str> = ["doctor"].into_iter().chain(before.clone()).collect();
            let together = [&apart[..], &[&joined]].concat();
            let apart = [&apart[..], &[last, text]].concat();
            leaks.look(&joined, &stage(), &[&apart, &together]);
        }
        let behind = format!("-X{text}");
        leaks.look(
            text,
            &stage(),
            &[&[text], &["env", text], &["env", &behind]],
        );
        leaks.look(
            text,
            &stage(),
            &[&["env", text, "b"], &["status", "--", text]],
        );
    }
    leaks.none();
}

#[test]
fn forge_toml() {
    let mut leaks = Leaks::default();
    for (number, text) in VALUES.iter().enumerate() {
        let quoted = toml_string(text);
        for (table, key) in [
            ("project", "default_environment"),
            ("project", "schema"),
            ("project", "plans"),
            ("project", "shema"),
            ("naming", "template"),
            ("naming", "timezone"),
            ("naming", "slug_length"),
            ("naming", "header"),
            ("policy", "signers"),
            ("managed", "include"),
            ("shadow", "provider"),
            ("shadow", "bin"),
            ("shadow", "offline"),
            ("shadow", "cache"),
            ("shadow", "statement_timeout"),
            ("environments.a", "role"),
            ("environments.a", "disposable"),
            ("environments.a", "lock_wait"),
            ("environments.a", "window"),
            ("environments.a", "before_apply"),
            ("environments.a", "after_apply"),
            ("environments.a", "backup"),
            ("environments.a", "token"),
            ("environments.a", "tunnel"),
            ("environments.a", "tunnel.kubectl"),
            ("environments.a", "tunnel.kubectl.resource"),
            ("environments.a", "tunnel.kubectl.port"),
            ("environments.a", "backup.max_age"),
            ("environments.a", "before_apply.x"),
        ] {
            let values = [
                quoted.clone(),
                format!("[{quoted}]"),
                format!("{{ x = {quoted} }}"),
            ];
            for value in &values[..if number < FEW { 3 } else { 1 }] {
                let toml = format!("[{table}]\n{key} = {value}\n");
                check(&mut leaks, &toml);
            }
        }
        if number >= FEW {
            continue;
        }
        check(
            &mut leaks,
            &format!("[environments.a]\nurl = {quoted}\nrole = 1\n"),
        );
        check(
            &mut leaks,
            &format!("[environments.a]\nrole = 1\nwebhook = {quoted}\n"),
        );
        check(
            &mut leaks,
            &format!(
                "[environments.a]\ntunnel = {{ kubectl = {{ resource = 'svc/x', context = {quoted} }} }}\n"
            ),
        );
        check(
            &mut leaks,
            &format!(
                "[environments.a]\nurl = \"env:{}\"\n",
                quoted.trim_matches('"')
            ),
        );
        check(
            &mut leaks,
            &format!(
                "[environments.a]\nwebhook = \"env:{}\"\n",
                quoted.trim_matches('"')
            ),
        );
        check(
            &mut leaks,
            &format!("[environments.a]\nbefore_apply = [\"psql\", {quoted}]\n"),
        );
        check(
            &mut leaks,
            &format!(
                "[environments.a]\nbefore_apply = {}\n",
                toml_string(&format!("PW={text} psql"))
            ),
        );
        check(
            &mut leaks,
            &format!("[environments.{quoted}]\nurl = 'x'\nrole = 1\n"),
        );
        check(&mut leaks, &format!("[environments.{quoted}]\nurl = 'x'\n"));
        check(
            &mut leaks,
            &format!("[environments.a]\nurl = \"\"\"\n{text}\"\"\"\nrole = 1\n"),
        );
        check(
            &mut leaks,
            &format!("[environments.a]\nurl = [\n{quoted}\n]\n"),
        );
        check(&mut leaks, &format!("{quoted} = {quoted}\n"));
        check(&mut leaks, &format!("{text}\n"));
        check(&mut leaks, &format!("# {text}\n[project]\nrole = 1\n"));
        // The file is not TOML where the secret stands, or beside it.
        for key in [
            "url = ",
            "webhook =",
            "role ",
            "a.b = ",
            "",
            "\"",
            "'",
            "= ",
            "url = '",
            "url = \"",
            "url = \"\"\"",
            "url = [",
            "url = {",
        ] {
            check(&mut leaks, &format!("[environments.a]\n{key}{text}\n"));
            check(&mut leaks, &format!("[environments.a]\n{key}{text}\n=\n"));
        }
        check(
            &mut leaks,
            &format!("[environments.a]\nurl = {quoted}\nurl = {quoted}\n"),
        );
        check(
            &mut leaks,
            &format!("[environments.a]\nurl = {quoted} {quoted}\n"),
        );
        check(&mut leaks, &format!("[{text}]\n="));
        check(&mut leaks, &format!("[[{text}\n="));
    }
    for toml in [
        "[environments.a]\ntoken = hunter2\n",
        "[environments.a]\nhunter2\n",
        "[environments.a]\nurl = \"hunter2\"\n=\n",
        "[environments.a]\nwebhook = 'https://h/hunter2'\nrole = 1\n",
        "[environments.a]\nurl = \"\"\"\nhunter2\"\"\"\nrole = 1\n",
        "[environments.a]\nurl = '''\nhunter2\n'''\nrole = 1\n",
        "[environments.a]\nurl = [\n'hunter2'\n]\nrole = 1\n",
        "[environments.a]\nwebhook = { url = 'hunter2' }\nrole = 1\n",
        "[environments.a]\nbackup = { command = 'hunter2', required = 1 }\n",
        "[environments.a]\nbefore_apply = 'curl hunter2'\nrole = 1\n",
        "[environments.a]\nbefore_apply = 'curl hunter2'\n",
        "[environments.a]\nbackup = ['pg_dump', 'hunter2']\n",
        "[environments.a]\ntoken = 'hunter2'\n",
        "[environments.a]\npassword = 12345hunter2\n",
        "[environments.a]\n# hunter2\nrole = 1\n",
        "[environments.a]\nrole = 1 # hunter2\n",
        "[environments.a]\ndisposable = \"hunter2\"\n",
        "[environments.a]\nlock_wait = \"hunter2\"\n",
        "[shadow]\nprovider = \"hunter2\"\n",
    ] {
        check(&mut leaks, toml);
    }
    leaks.none();
}

/// Looks at what is said of a `forge.toml`.
fn check(leaks: &mut Leaks, toml: &str) {
    let environment = stage()
        .variable("FORGE_ENV", "a")
        .variable("DATABASE_URL", "postgresql://u@127.0.0.1:9/db")
        .variable("FORGE_SHADOW", "")
        .file("forge.toml", toml);
    leaks.look(toml, &environment, &[&["doctor", "-v"]]);
}

fn toml_string(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\t', "\\t"))
}

/// The server repeats the names that it doesn't know.
#[test]
fn what_the_server_repeats() {
    const SOME: &[&[&str]] = &[
        TALKATIVE,
        &["status", "--log-format", "json", "--log-level", "trace"],
        &["plan", "-m", "x", "-v"],
    ];
    let environment = stage().file("forge.toml", "[environments.a]\nurl = \"embedded\"\n");
    let server = Server::start(&environment);
    let folder = server.folder().to_owned();
    let mut leaks = Leaks::default();
    for text in VALUES {
        let escaped = text.replace(' ', "\\ ");
        for way in [
            [("PGUSER", *text), ("PGDATABASE", "app")],
            [("PGUSER", "app"), ("PGDATABASE", text)],
            [("PGUSER", "app"), ("PGOPTIONS", text)],
            [
                ("PGUSER", "app"),
                ("PGOPTIONS", &format!("-c search_path={escaped}")),
            ],
            [
                ("PGUSER", "app"),
                ("PGOPTIONS", &format!("-c statement_timeout={escaped}")),
            ],
        ] {
            let environment = way.iter().fold(
                stage().variable("PGHOST", &folder),
                |environment, (name, value)| environment.variable(name, value),
            );
            leaks.look(&format!("{way:?}"), &environment, SOME);
        }
        let toml = format!("[environments.a]\nrole = {}\n", toml_string(text));
        let environment = stage()
            .variable("FORGE_ENV", "a")
            .variable("PGHOST", &folder)
            .variable("PGUSER", "app")
            .file("forge.toml", &toml);
        leaks.look(&toml, &environment, SOME);
        let url = format!("postgresql:///app?user=app&host={folder}");
        let user = text.replace('\'', "\\'");
        let environment = stage()
            .variable("DATABASE_URL", &url)
            .variable("FORGE_SHADOW_URL", &format!("host={folder} user='{user}'"));
        leaks.look(&format!("shadow: user={text}"), &environment, SOME);
    }
    leaks.none();
}

/// Everything behind the host of a webhook's URL is a secret, whatever its service answers.
#[test]
fn webhooks() {
    let mut environment = stage()
        .file(
            "forge.toml",
            "[environments.a]\nurl = \"embedded\"\nwebhook = \"env:CHAT\"\n",
        )
        .file("plans/a.sql", &plan("a", "CREATE"))
        .file("plans/a.down.sql", &plan("a", "DROP"))
        .variable("FORGE_ENV", "a");
    let server = Server::start(&environment);
    environment.run(&["approve", "--all"]);
    environment.run(&["apply"]);
    server.sql_as("postgres", "CREATE SCHEMA by_hand");
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    let service = |answer: &str| service("hunter2?token=hunter2", answer).0;
    let mut leaks = Leaks::default();
    for url in [
        service(&format!("HTTP/1.1 200 OK\r\n{end}")),
        service(&format!("HTTP/1.1 500 URL\r\n{end}")),
        service(&format!("HTTP/1.1 302 No\r\nLocation: URL&x\r\n{end}")),
        service(&format!(
            "HTTP/1.1 307 No\r\nLocation: hunter2://x\r\n{end}"
        )),
        service("URL\r\n\r\n"),
        "http://127.0.0.1:9/hunter2".to_owned(),
        "http://127.0.0.1:hunter2/x".to_owned(),
        "http://u:hunter2@127.0.0.1:9/x".to_owned(),
        "hooks.example/hunter2".to_owned(),
        "ftp://127.0.0.1/hunter2".to_owned(),
        "http://[hunter2/x".to_owned(),
        "http://127.0.0.1:9/a b hunter2".to_owned(),
        "env:u:hunter2@h".to_owned(),
    ] {
        environment = environment.variable("CHAT", &url);
        let told = environment.run(&["drift", "-v"]);
        let is_told =
            told.contains("told http://127.0.0.1") || told.contains("can't tell the webhook");
        assert!(is_told, "{url}: {told}");
        leaks.look(&url, &environment, &[&["drift", "--log-level", "trace"]]);
    }
    leaks.none();
}
