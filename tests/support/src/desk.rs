//! A session at a desk: the commands that somebody types, with their output.

use std::{fmt::Write as _, process::ExitCode, sync::Arc};

use forge::sql::Locale;
use libtest_mimic::{Arguments, Trial};

use crate::{
    TestEnvironment,
    cluster::{Cluster, Database},
    dump,
};

/// Async functions that take a [`Cluster`], as the tests of a process.
#[macro_export]
macro_rules! trials {
    ($($name:path),* $(,)?) => {
        |cluster| vec![$($crate::desk::trial(stringify!($name), cluster, async |cluster| $name(cluster).await)),*]
    };
}

/// One test of a process.
pub fn trial(
    name: &str,
    cluster: &Arc<Cluster>,
    test: impl AsyncFnOnce(&Cluster) + Send + 'static,
) -> Trial {
    let cluster = Arc::clone(cluster);
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(test(&cluster));
        Ok(())
    })
}

/// Runs a process's tests, which share a cluster.
pub fn run(trials: impl FnOnce(&Arc<Cluster>) -> Vec<Trial>) -> ExitCode {
    let cluster = Arc::new(Cluster::start());
    libtest_mimic::run(&Arguments::from_args(), trials(&cluster)).exit_code()
}

/// Lines of a plan that are others each time, or on another server.
const VARIES: [&str; 6] = [
    "-- forge:created",
    "-- forge:expects",
    "-- forge:from",
    "-- forge:postgres",
    "-- forge:proved",
    "-- forge:to",
];

/// A project that works on a database of its own, and what was typed in it.
pub struct Desk<'a> {
    cluster: &'a Cluster,
    pub environment: TestEnvironment,
    pub database: Database,
    pub typed: String,
}

impl<'a> Desk<'a> {
    /// A project of these files, and an empty database.
    pub async fn new(cluster: &'a Cluster, files: &[(&str, &str)]) -> Self {
        let database = cluster.database("").await.unwrap();
        let mut environment = TestEnvironment::new()
            .variable("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .variable("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
        for (name, value) in database.variables() {
            environment = environment.variable(name, &value);
        }
        for (path, text) in files {
            environment = environment.file(path, text);
        }
        let mut desk = Self {
            cluster,
            environment,
            database,
            typed: String::new(),
        };
        desk.git(&["init", "-q", "-b", "main"]);
        desk.git(&["config", "user.name", "Ann"]);
        desk.git(&["config", "user.email", "ann@example.com"]);
        desk
    }

    /// A project of these files whose first revision is applied; nothing has been typed since.
    pub async fn begun(cluster: &'a Cluster, files: &[(&str, &str)]) -> Self {
        let mut desk = Self::new(cluster, files).await;
        desk.forge("plan -m \"create users\" --rev-id 100000000000");
        desk.forge("approve");
        desk.forge("upgrade");
        desk.typed.clear();
        desk
    }

    /// Works on another database from now on.
    pub async fn turn_to_another(&mut self) -> Database {
        let other = self.cluster.database("").await.unwrap();
        self.turn_to(other)
    }

    fn turn_to(&mut self, other: Database) -> Database {
        for (name, value) in other.variables() {
            self.environment = std::mem::take(&mut self.environment).variable(name, &value);
        }
        std::mem::replace(&mut self.database, other)
    }

    /// Works on a database of this encoding and locale from now on; tells whether there is one.
    pub async fn turn_to_one_in(&mut self, locale: &Locale) -> bool {
        let Some(other) = self.cluster.database_in(locale).await.unwrap() else {
            return false;
        };
        self.turn_to(other);
        true
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.environment.project().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// Takes a file of the project away.
    pub fn remove(&self, path: &str) {
        fs_err::remove_file(self.environment.project().join(path)).unwrap();
    }

    /// Runs git.
    pub fn git(&mut self, args: &[&str]) {
        self.other("git", args);
        if args[0] == "checkout" || args[0] == "merge" {
            writeln!(self.typed, "$ git {}", args.join(" ")).unwrap();
        }
    }

    /// Commits everything.
    pub fn commit(&mut self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// Runs another program, which has to succeed.
    pub fn other(&self, program: &str, args: &[&str]) -> String {
        let output = self
            .environment
            .program(program)
            .args(args)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert!(
            output.status.success(),
            "{program} {args:?}: {}",
            text(output.stderr)
        );
        text(output.stdout)
    }

    /// Types a command of forge.
    pub fn forge(&mut self, line: &str) {
        let args: Vec<String> = words(line);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = self.environment.command(&args).output().unwrap();
        writeln!(self.typed, "$ forge {line}").unwrap();
        for stream in [&output.stdout, &output.stderr] {
            self.typed += &self.quiet(&String::from_utf8_lossy(stream));
        }
        if let Some(code) = output.status.code().filter(|code| *code != 0) {
            writeln!(self.typed, "[exit {code}]").unwrap();
        }
    }

    /// Takes out what is another each time: the target, hosts, times, hashes.
    fn quiet(&self, text: &str) -> String {
        let mut quiet = String::new();
        for line in text.lines() {
            let line = line.replace(self.environment.project().to_str().unwrap(), "[PROJECT]");
            let shown = match line.split_once(" at 20") {
                Some((before, _)) if before.contains("applied by ") => {
                    let (what, _) = before.split_once("applied by ").unwrap();
                    format!("{what}applied by [WHO AND WHEN]")
                }
                _ if VARIES.iter().any(|start| line.starts_with(start)) => continue,
                _ if line.starts_with("target") => "target: [TARGET]".to_owned(),
                _ if line.contains(" approved it on ") => {
                    "  ╰─▶ [WHO] approved it on [WHEN]".to_owned()
                }
                _ if line.contains("they lead to ") => "  ╰─▶ [STATES]".to_owned(),
                _ => line,
            };
            quiet += shown.trim_end();
            quiet.push('\n');
        }
        quiet
    }

    /// The database, as pg_dump prints it.
    pub fn dump(&self) -> dump::Dump {
        dump::of(&self.database).unwrap()
    }
}

/// Splits a line as a shell does that knows double quotes.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    quoted
        .flat_map(|(number, part)| {
            if number % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(ToOwned::to_owned).collect()
            }
        })
        .collect()
}
