//! The session in which forge administers a shadow server.

use camino::Utf8Path;
use tokio_postgres::{Client, error::SqlState};

use crate::{
    diagnostic::{Code, Diagnostic, Result},
    server::{connect::ConnectOptions, failure::server_error, session::Session},
};

/// How to reach a private server by the socket in `folder`.
pub(in crate::server) fn private(folder: &Utf8Path, user: &str, database: &str) -> ConnectOptions {
    ConnectOptions::local(folder, 5432, user, database)
}

/// A session that creates and drops databases and roles.
pub(in crate::server) struct Admin(Session);

/// Opens a session.
pub(in crate::server) async fn connect(options: &ConnectOptions) -> Result<Admin> {
    Session::open(options, "forge shadow admin")
        .await
        .map(Admin)
}

impl Admin {
    /// The client, for queries.
    pub(in crate::server) fn client(&self) -> &Client {
        self.0.client()
    }

    /// Runs statements.
    pub(in crate::server) async fn run(&self, statements: &str) -> Result<()> {
        self.client()
            .batch_execute(statements)
            .await
            .map_err(|error| failed(&error))
    }

    /// Ends the session and waits until the server knows.
    pub(in crate::server) async fn close(self) {
        self.0.close().await;
    }
}

/// An error of the server's while forge administers it.
pub(in crate::server) fn failed(error: &tokio_postgres::Error) -> Diagnostic {
    let reason = server_error(error);
    let diagnostic = Diagnostic::error(Code::NoShadow, "the shadow server refuses a statement")
        .note(reason.message());
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return diagnostic
            .help("let the role create databases and roles (`ALTER ROLE … CREATEDB CREATEROLE`), or use another shadow");
    }
    diagnostic
}
