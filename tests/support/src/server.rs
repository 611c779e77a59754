//! A project's own server, kept up while a test runs commands.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use crate::TestEnvironment;

/// A `forge embedded` that holds the server of the project. It ends with the test.
pub struct Server {
    forge: Child,
    folder: String,
}

impl Server {
    /// Starts the embedded server of a project.
    pub fn start(environment: &TestEnvironment) -> Self {
        let (forge, url) = hold(environment);
        let folder = url
            .split_once("host=")
            .unwrap_or_else(|| panic!("the URL names a socket: {url}"))
            .1
            .trim();
        Self {
            folder: folder.split('&').next().unwrap_or_default().to_owned(),
            forge,
        }
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// What psql says to these statements, as the role that owns the database.
    pub fn sql(&self, statements: &str) -> String {
        self.sql_as("app", statements)
    }

    /// What psql says to these statements in the project's database.
    pub fn sql_as(&self, role: &str, statements: &str) -> String {
        self.sql_in("app", role, statements)
    }

    /// What psql says to these statements in a database of the server.
    pub fn sql_in(&self, database: &str, role: &str, statements: &str) -> String {
        let output = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statements,
            ])
            .env("PGHOST", &self.folder)
            .env("PGPORT", "5432")
            .env("PGUSER", role)
            .env("PGDATABASE", database)
            .output()
            .expect("psql is installed");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Starts or joins the embedded server of a project; returns the forge that holds it and the URL that it prints.
pub fn hold(environment: &TestEnvironment) -> (Child, String) {
    let mut forge = environment
        .command(&["embedded", "--url", "embedded"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("forge starts");
    let mut url = String::new();
    let stdout = forge.stdout.take().expect("standard output is a pipe");
    let read = BufReader::new(stdout).read_line(&mut url);
    read.expect("forge prints the URL");
    (forge, url)
}

/// Kills the embedded server of a project, as the kernel does for want of memory; tells whether it was there.
pub fn kill(environment: &TestEnvironment) -> bool {
    let clusters = fs_err::read_dir(environment.project().join(".forge"));
    let clusters = clusters.expect("the server's folder is there");
    let mut lock_files = clusters.map(|entry| {
        let cluster = entry.expect("it can be read").path();
        cluster.join("data/postmaster.pid")
    });
    let lock_file = lock_files.find(|file| file.exists());
    let text = fs_err::read_to_string(lock_file.expect("the server runs"));
    let text = text.expect("the server runs");
    let process = text.lines().next().expect("the process comes first");
    let sent = Command::new("kill").args(["-KILL", process]).status();
    sent.expect("kill is installed").success()
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.forge.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &process]).status();
        sent.expect("kill is installed");
        self.forge.wait().expect("forge ends");
    }
}
