//! A project's own server, kept up while a test runs commands.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use crate::support::TestEnvironment;

/// A `forge embedded` that holds the server of the project. It ends with the test.
pub(crate) struct Server {
    forge: Child,
    folder: String,
}

impl Server {
    /// Starts the embedded server of a project.
    pub(crate) fn start(environment: &TestEnvironment) -> Self {
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
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// What psql says to these statements, as the role that owns the database.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.sql_as("app", statements)
    }

    /// What psql says to these statements in the project's database.
    pub(crate) fn sql_as(&self, role: &str, statements: &str) -> String {
        self.sql_in("app", role, statements)
    }

    /// What psql says to these statements in a database of the server.
    pub(crate) fn sql_in(&self, database: &str, role: &str, statements: &str) -> String {
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

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.forge.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &process]).status();
        sent.expect("kill is installed");
        self.forge.wait().expect("forge ends");
    }
}
