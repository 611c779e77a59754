//! The target that a command works on.

use crate::{
    catalog::Scope,
    diagnostic::{Code, Diagnostic, Result},
    server::{connect::ConnectOptions, failure::server_error, session::Session},
    settings::{Settings, Target},
    sql::Ident,
};

use super::Context;

/// An open target.
pub(super) struct OpenTarget {
    /// A session in the role that owns what is applied.
    pub(super) session: Session,
    /// Its URL without the password.
    pub(super) url: String,
    /// What is managed there.
    pub(super) scope: Scope,
}

impl OpenTarget {
    /// Connects to the target that the settings name. `command` is what the server's administrator sees.
    pub(super) async fn open(
        context: &Context<'_>,
        settings: &Settings,
        command: &str,
    ) -> Result<Self> {
        let given = match &settings.target()?.value {
            Target::Connection(connection) => Some(connection.reveal()),
            Target::Variables => None,
            // The one place where the embedded server is started; `close` stops it.
            Target::Embedded => {
                return Err(Diagnostic::error(
                    Code::Configuration,
                    "the embedded server can't be used here",
                )
                .help("name a server with `--url` or `DATABASE_URL`"));
            }
        };
        let resolved = ConnectOptions::resolve(given, context.environment)?;
        for warning in &resolved.warnings {
            context.reporter.diagnostic(warning);
        }
        let options = resolved.options;
        let progress = context.reporter.progress("connecting");
        let session = Session::open(&options, &format!("forge {command}")).await?;
        drop(progress);
        if let Some(role) = &settings.role {
            session
                .client()
                .batch_execute(&format!("SET ROLE {}", Ident::new(role.value.as_str())))
                .await
                .map_err(|error| {
                    server_error(&error).help(format!("`role` comes from {}", role.origin))
                })?;
        }
        Ok(Self {
            session,
            url: options.redacted(),
            scope: scope(settings),
        })
    }

    /// Ends the session, and with it the lock that it holds.
    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// What the project manages.
pub(super) fn scope(settings: &Settings) -> Scope {
    let managed = &settings.managed.value;
    Scope {
        include: managed.include.clone().unwrap_or_default(),
        exclude: managed.exclude.clone(),
    }
}
