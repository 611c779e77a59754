//! The connection over which forge administers a shadow server.

use camino::Utf8Path;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::{
    diagnostic::{Code, Diagnostic, Result},
    server::connect::ConnectOptions,
};

/// How to reach a private server by the socket in `folder`.
pub(in crate::server) fn private(folder: &Utf8Path, database: &str) -> ConnectOptions {
    ConnectOptions::local(folder, 5432, "postgres", database)
}

/// A session that creates and drops databases and roles.
#[derive(Debug)]
pub(in crate::server) struct Admin {
    client: Client,
    connection: JoinHandle<()>,
}

/// Opens a session.
pub(in crate::server) async fn connect(options: &ConnectOptions) -> Result<Admin> {
    let mut config = tokio_postgres::Config::new();
    for host in &options.hosts {
        config.host(&host.host).port(host.port);
    }
    config
        .user(&options.user)
        .dbname(&options.database)
        .application_name("forge")
        .connect_timeout(options.connect_timeout);
    if let Some(password) = &options.password {
        config.password(password);
    }
    let (client, connection) = config.connect(NoTls).await.map_err(|error| {
        let host = &options.hosts[0];
        Diagnostic::error(
            Code::Unreachable,
            format!("no connection to `{}:{}`", host.host, host.port),
        )
        .note(reason(&error))
    })?;
    let connection = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the shadow's connection ended");
        }
    });
    Ok(Admin { client, connection })
}

impl Admin {
    /// The client, for queries.
    pub(in crate::server) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs statements.
    pub(in crate::server) async fn run(&self, statements: &str) -> Result<()> {
        self.client
            .batch_execute(statements)
            .await
            .map_err(|error| failed(&error))
    }

    /// Ends the session and waits until the server knows.
    pub(in crate::server) async fn close(self) {
        drop(self.client);
        if let Err(error) = self.connection.await {
            tracing::debug!(%error, "the shadow's connection ended");
        }
    }
}

/// An error of the server's while forge administers it.
pub(in crate::server) fn failed(error: &tokio_postgres::Error) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::NoShadow, "the shadow server refuses a statement")
        .note(reason(error));
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return diagnostic
            .help("let the role create databases and roles (`ALTER ROLE … CREATEDB CREATEROLE`), or use another shadow");
    }
    diagnostic
}

fn reason(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(error), _) => error.message().to_owned(),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.to_string(),
    }
}
