//! The session in which code of the tree runs: one statement at a time, read as the parser has read it, and not for ever.

use std::{borrow::Cow, future::poll_fn, pin::Pin, task::Poll};

use futures_util::future::{join, join3, maybe_done};
use tokio_postgres::{Client, error::DbError};

use super::{
    broken::broken,
    limit::{Clock, Limit, Overdue, overdue},
};
use crate::{
    connection::{options::ConnectOptions, session::Session, setup},
    diagnostic::{Code, Result},
};

/// Puts back who runs statements and every setting, whatever code of the tree has made of them. ASCII alone, and without any
/// literal: it reads the same under any setting.
pub(crate) const RESET: &str = "SET SESSION AUTHORIZATION DEFAULT; SET ROLE NONE; RESET ALL";

/// A statement of the tree or of a plan, and what forge says before and after it.
pub(crate) struct Errand<'a> {
    /// What puts the settings right.
    reset: &'static str,
    /// forge's own commands, which lead to the statement's settings.
    before: Cow<'a, str>,
    /// The statement.
    statement: Cow<'a, str>,
    /// forge's own commands after it.
    after: &'static str,
}

impl<'a> Errand<'a> {
    /// A statement that runs under these settings and no others.
    pub(crate) fn under(settings: String, statement: Cow<'a, str>) -> Self {
        Self {
            reset: RESET,
            before: Cow::Owned(settings),
            statement,
            after: "",
        }
    }

    /// A statement of a plan, which runs under what the plan has set before.
    pub(crate) fn of_plan(statement: &'a str) -> Self {
        Self {
            reset: setup::READ_AS_PARSED,
            before: Cow::Borrowed(""),
            statement: Cow::Borrowed(statement),
            after: "",
        }
    }

    /// Lets what a program has put off happen now, where its failure is the program's own.
    pub(crate) fn settling(self) -> Self {
        Self {
            after: "SET CONSTRAINTS ALL IMMEDIATE",
            ..self
        }
    }

    /// Sends everything at once. The statement is a message of its own, which the server takes only if it is one statement.
    async fn carry_out(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let settings = commands(client, self.reset, &self.before);
        let (set, ran, settled) = join3(
            settings,
            client.execute_typed(&self.statement, &[]),
            command(client, self.after),
        )
        .await;
        set?;
        ran?;
        settled
    }
}

async fn commands(client: &Client, reset: &str, before: &str) -> Result<(), tokio_postgres::Error> {
    let (reset, set) = join(client.batch_execute(reset), command(client, before)).await;
    reset.and(set)
}

async fn command(client: &Client, command: &str) -> Result<(), tokio_postgres::Error> {
    if command.is_empty() {
        return Ok(());
    }
    client.batch_execute(command).await
}

/// How statements have ended.
pub(crate) enum Ended {
    /// All of them stand.
    Well,
    /// The server rejects one.
    Rejected {
        /// Its place among them.
        number: usize,
        /// Why.
        error: Box<DbError>,
    },
    /// One took too long and was stopped.
    Overdue {
        /// Its place among them.
        number: usize,
    },
}

/// A session in which code of the tree runs.
pub(crate) struct TreeSession {
    session: Session,
    limit: Limit,
}

impl TreeSession {
    /// Logs in. Whatever settings the session gets elsewhere, [`RESET`] leads back to forge's. `row_security` is for a role
    /// that isn't above it; here are no rows to hide.
    pub(super) async fn open(
        options: &ConnectOptions,
        limit: Limit,
        row_security: bool,
    ) -> Result<Self> {
        let mut options = options.clone();
        // Only where forge's own clock has stopped does this one matter.
        let timeout = limit.duration.as_millis().saturating_add(5000);
        let timeout = timeout.min(i32::MAX.unsigned_abs().into()).to_string();
        options.session_options.extend(setup::lasting([
            ("statement_timeout", timeout.as_str()),
            ("row_security", if row_security { "on" } else { "off" }),
        ]));
        let session = Session::open(&options, "forge shadow").await?;
        session.run(RESET).await?;
        Ok(Self { session, limit })
    }

    /// The session, for forge's own queries.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The client, for forge's own queries.
    pub(crate) fn client(&self) -> &Client {
        self.session.client()
    }

    /// How long a statement may take.
    pub(crate) fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Runs statements, all on the wire at once, and tells of the first that fails. Those behind it run all the same, unless a
    /// transaction is open.
    pub(crate) async fn carry_out(&self, errands: &[Errand<'_>]) -> Result<Ended> {
        let clock = Clock::start();
        let mut number = 0;
        let failed = Box::pin(self.limit.watch(
            &self.session,
            &clock,
            first_failure(self.client(), errands, |done| {
                number = done;
                clock.restart();
            }),
        ));
        match failed.await {
            Err(Overdue) => Ok(Ended::Overdue { number }),
            Ok(None) => Ok(Ended::Well),
            Ok(Some(error)) => match error.as_db_error() {
                Some(rejected) if !self.client().is_closed() => Ok(Ended::Rejected {
                    number,
                    error: Box::new(rejected.clone()),
                }),
                Some(_) | None => Err(broken(&error)),
            },
        }
    }

    /// Runs statements in an open transaction, all on the wire at once. Where one fails, none of them stands.
    pub(crate) async fn attempt(&self, errands: &[Errand<'_>]) -> Result<Ended> {
        let savepoint = self.client().batch_execute("SAVEPOINT forge");
        // Polled in this order, so sent in this order.
        let (opened, ended) = join(savepoint, self.carry_out(errands)).await;
        opened.map_err(|error| broken(&error))?;
        let ended = ended?;
        match ended {
            Ended::Well => self.command("RELEASE forge").await?,
            Ended::Rejected { .. } => self.command("ROLLBACK TO forge; RELEASE forge").await?,
            Ended::Overdue { .. } => {}
        }
        Ok(ended)
    }

    /// Runs forge's own commands. Code of the tree may run along: triggers that were put off.
    pub(crate) async fn command(&self, commands: &str) -> Result<()> {
        let clock = Clock::start();
        let running = self.client().batch_execute(commands);
        match Box::pin(self.limit.watch(&self.session, &clock, running)).await {
            Ok(ran) => ran.map_err(|error| broken(&error)),
            Err(Overdue) => Err(overdue(&self.limit, Code::Rejected)),
        }
    }

    /// Ends the session.
    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// Sends all statements, and returns the first failure. `passed` hears how many have passed.
async fn first_failure(
    client: &Client,
    errands: &[Errand<'_>],
    mut passed: impl FnMut(usize),
) -> Option<tokio_postgres::Error> {
    let mut flights: Vec<Pin<Box<_>>> = errands
        .iter()
        .map(|errand| Box::pin(maybe_done(errand.carry_out(client))))
        .collect();
    // Polled in this order, so sent in this order; the server answers in the same.
    poll_fn(|context| {
        for flight in &mut flights {
            let _ready = flight.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    for (number, flight) in flights.iter_mut().enumerate() {
        flight.as_mut().await;
        if let Some(Err(error)) = flight.as_mut().take_output() {
            return Some(error);
        }
        passed(number + 1);
    }
    None
}
