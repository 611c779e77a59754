//! Why a step didn't come to its end.

use std::pin::pin;

use tokio_postgres::error::{DbError, SqlState};

use super::work::Work;
use crate::{
    cancel::Urgency,
    connection::failure::ends_connection,
    diagnostic::{Code, Diagnostic},
    history::Event,
};

/// Why a step didn't come to its end.
pub(super) enum Cause {
    /// The server said so, or its connection ended.
    Server(tokio_postgres::Error),
    /// The user wanted to stop.
    Stopped,
    /// forge itself can't go on, or may not.
    Refused(Diagnostic),
}

impl Cause {
    /// The server's code.
    pub(super) fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server(error) => error.code().map(SqlState::code),
            Self::Stopped | Self::Refused(_) => None,
        }
    }

    /// What the server said.
    pub(super) fn reported(&self) -> Option<&DbError> {
        match self {
            Self::Server(error) => error.as_db_error(),
            Self::Stopped | Self::Refused(_) => None,
        }
    }

    /// Whether the connection is gone.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Server(error) => ends_connection(error),
            Self::Stopped | Self::Refused(_) => false,
        }
    }

    /// Whether somebody has aborted the step.
    pub(super) fn is_abort(&self) -> bool {
        match self {
            Self::Refused(error) => error.code() == Code::Aborted,
            Self::Server(_) | Self::Stopped => false,
        }
    }

    /// What is recorded: the server's message without the details, which may hold values of rows.
    pub(super) fn recorded(&self) -> String {
        match self {
            Self::Server(error) => error
                .as_db_error()
                .map_or_else(|| error.to_string(), |error| error.message().to_owned()),
            Self::Stopped => Event::INTERRUPTED.to_owned(),
            Self::Refused(error) => error.message().to_owned(),
        }
    }

    /// Whether the step waited for a lock for too long.
    pub(super) fn is_lock_timeout(&self) -> bool {
        self.sqlstate() == Some(SqlState::LOCK_NOT_AVAILABLE.code())
    }
}

/// A statement of the plan, until the user wants to stop at once.
pub(super) async fn unless_cancelled<T>(
    work: &Work<'_>,
    running: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Cause> {
    let mut running = pin!(running);
    tokio::select! {
        result = &mut running => result.map_err(Cause::Server),
        () = work.cancel.reached(Urgency::Now) => {
            // If the request doesn't get through, the statement runs to its end and the next one isn't begun.
            drop(work.session.cancel_token().cancel().await);
            running.await.map_err(|_| Cause::Stopped)
        }
    }
}
