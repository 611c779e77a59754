//! A scratch database, in which statements of the tree and of plans run.

use std::{borrow::Cow, collections::BTreeMap};

use tokio_postgres::Client;

use super::{
    ShadowDatabase,
    elevation::{Elevation, Outcome},
};
use crate::{
    diagnostic::Result,
    server::{
        connect::ConnectOptions, failure::rejected, rejection::explain_confinement,
        session::Session, snapshot::Rejection,
    },
    source,
    sql::Ident,
};

/// A scratch database and the loading role's session in it.
pub struct Scratch {
    database: ShadowDatabase,
    options: ConnectOptions,
    session: Option<Session>,
    elevation: Option<Elevation>,
    cast: BTreeMap<Ident, Ident>,
    confined: bool,
}

impl Scratch {
    /// Logs in, in the place of `role`. Without an elevation, no statement gets more privileges than the one has that logs in.
    pub(super) async fn open(
        database: ShadowDatabase,
        options: ConnectOptions,
        role: &Ident,
        elevation: Option<Elevation>,
    ) -> Result<Self> {
        let mut cast = elevation.as_ref().map(Elevation::cast).unwrap_or_default();
        cast.insert(Ident::new(&options.user), role.clone());
        let mut scratch = Self {
            database,
            options,
            session: None,
            elevation,
            cast,
            confined: false,
        };
        scratch.log_in_again().await?;
        Ok(scratch)
    }

    /// Says that the operating system confines the server.
    pub(super) fn confined(self, confined: bool) -> Self {
        Self { confined, ..self }
    }

    /// Whether the operating system confines the server.
    pub(in crate::server) fn is_confined(&self) -> bool {
        self.confined
    }

    /// Which role each of those plays that act in the database.
    pub fn cast(&self) -> &BTreeMap<Ident, Ident> {
        &self.cast
    }

    /// The loading role's session.
    pub fn session(&self) -> &Session {
        self.session
            .as_ref()
            .expect("only a failed login leaves a scratch database without a session")
    }

    /// How to connect to the database as the loading role.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The session's client, and what runs statements with a superuser's privileges.
    pub(in crate::server) fn parts(&mut self) -> (&Client, Option<&mut Elevation>) {
        let session = self
            .session
            .as_ref()
            .expect("only a failed login leaves a scratch database without a session");
        (session.client(), self.elevation.as_mut())
    }

    /// Puts a fresh session in the place of one in which code of the tree has run, whatever that has left there.
    pub(in crate::server) async fn log_in_again(&mut self) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        let session = Session::open(&self.options, "forge shadow").await?;
        if self.elevation.is_none() {
            // The role isn't above row security, which here has no rows to hide.
            session.run("SET row_security = on").await?;
        }
        self.session = Some(session);
        Ok(())
    }

    /// Runs statements, in a transaction or each by itself. What needs a superuser and evaluates nothing gets one, and then
    /// parts the transaction in two.
    pub async fn run_all(
        &mut self,
        statements: &[&str],
        transactional: bool,
    ) -> Result<(), Rejection> {
        let ran = Box::pin(self.try_all(statements, transactional)).await;
        ran.map_err(|rejection| {
            if self.confined {
                Rejection {
                    diagnostic: explain_confinement(rejection.diagnostic),
                    ..rejection
                }
            } else {
                rejection
            }
        })
    }

    async fn try_all(&mut self, statements: &[&str], transactional: bool) -> Result<(), Rejection> {
        let in_place: Vec<Cow<'_, str>> = statements
            .iter()
            .map(|statement| match &self.elevation {
                Some(elevation) => elevation.in_place(Cow::Borrowed(*statement)),
                None => Cow::Borrowed(*statement),
            })
            .collect();
        let statements: Vec<&str> = in_place.iter().map(AsRef::as_ref).collect();
        let mut rest = &statements[..];
        let mut done = 0;
        while !rest.is_empty() {
            let Err(mut rejection) = self.session().run_all(rest, transactional).await else {
                return Ok(());
            };
            let number = rejection.number;
            rejection.number += done;
            let inert = rejection
                .lacks_privilege
                .then(|| source::inert(rest[number]))
                .flatten();
            let (Some(inert), true) = (inert, self.elevation.is_some()) else {
                return Err(rejection);
            };
            if transactional && rest.len() > 1 {
                self.session()
                    .run_all(&rest[..number], transactional)
                    .await?;
            }
            let (client, elevation) = self.parts();
            let elevation = elevation.expect("it was there just now");
            match elevation.run(client, "", rest[number], &inert).await {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Rejected(error, _)) => {
                    rejection.diagnostic = rejected(&error);
                    return Err(rejection);
                }
                Ok(Outcome::Refused(reason)) => {
                    rejection.diagnostic = rejection.diagnostic.note(reason);
                    return Err(rejection);
                }
                Err(diagnostic) => {
                    return Err(Rejection {
                        diagnostic,
                        ..rejection
                    });
                }
            }
            rest = &rest[number + 1..];
            done += number + 1;
        }
        Ok(())
    }

    /// Ends the sessions.
    pub(super) async fn close(self) -> ShadowDatabase {
        if let Some(session) = self.session {
            session.close().await;
        }
        if let Some(elevation) = self.elevation {
            elevation.close().await;
        }
        self.database
    }
}
