//! The session in which forge administers a shadow server.

use camino::Utf8Path;
use tokio_postgres::{Client, error::SqlState};

use crate::{
    connection::{
        backend::Backend, failure::server_error, options::ConnectOptions, session::Session, setup,
    },
    diagnostic::{Code, Diagnostic, Result},
};

/// How to reach a private server by the socket in `folder`.
pub(crate) fn private(folder: &Utf8Path, user: &str, database: &str) -> ConnectOptions {
    ConnectOptions::local(folder, 5432, user, database)
}

/// A session that creates and drops databases and roles.
pub(crate) struct Admin(Session);

/// Opens a session.
pub(crate) async fn connect(options: &ConnectOptions) -> Result<Admin> {
    Session::open(options, "forge shadow admin")
        .await
        .map(Admin)
}

/// Opens a session in a scratch database, in which no setting of the database's matters. Triggers are quiet in a superuser's.
pub(crate) async fn connect_to_scratch(options: &ConnectOptions, superuser: bool) -> Result<Admin> {
    let mut options = options.clone();
    let quiet = superuser.then_some(("session_replication_role", "replica"));
    options.session_options.extend(setup::lasting(quiet));
    connect(&options).await
}

impl Admin {
    /// The session.
    pub(crate) fn session(&self) -> &Session {
        &self.0
    }

    /// Ends a process of the server.
    pub(crate) async fn terminate(&self, backend: Backend) -> Result<()> {
        self.0.terminate(backend).await.map(drop)
    }

    /// The client, for queries.
    pub(crate) fn client(&self) -> &Client {
        self.0.client()
    }

    /// Runs statements.
    pub(crate) async fn run(&self, statements: &str) -> Result<()> {
        self.client()
            .batch_execute(statements)
            .await
            .map_err(|error| failed(&error))
    }

    /// Ends the session and waits until the server knows.
    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

/// An error of the server's while forge administers it.
pub(crate) fn failed(error: &tokio_postgres::Error) -> Diagnostic {
    let reason = server_error(error);
    let diagnostic = Diagnostic::error(Code::NoShadow, "the shadow server refuses a statement")
        .note(reason.message());
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return diagnostic
            .help("let the role create databases and roles (`ALTER ROLE … CREATEDB CREATEROLE`), or use another shadow");
    }
    diagnostic
}
