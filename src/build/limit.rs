//! How long statements of the tree and of plans may take on a shadow server.
//!
//! Code that runs in a session can change its settings, so `statement_timeout` alone stops nothing: forge's own clock
//! cancels the statement, and ends the server's process where that doesn't help.

use std::{cell::Cell, time::Duration};

use jiff::SignedDuration;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    connection::{options::ConnectOptions, session::Session},
    diagnostic::{Code, Diagnostic},
    shadow::admin,
};

/// How long a cancelled statement may take to end. Code can catch the cancellation and go on.
const GRACE: Duration = Duration::from_secs(2);

/// The limit, and the way to the server by which what exceeds it is stopped.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// How long a statement may take.
    pub(crate) duration: Duration,
    /// How somebody connects who may end the session's process.
    pub(super) admin: ConnectOptions,
}

/// When the statement that runs began.
pub(crate) struct Clock(Cell<Instant>);

impl Clock {
    /// The first statement begins.
    pub(crate) fn start() -> Self {
        Self(Cell::new(Instant::now()))
    }

    /// The next statement begins.
    pub(crate) fn restart(&self) {
        self.0.set(Instant::now());
    }
}

/// A statement was stopped because it took too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue;

impl Limit {
    /// Waits for `work`, which runs statements in a session and restarts the clock at each; stops the one that takes too long.
    pub(crate) async fn watch<T>(
        &self,
        session: &Session,
        clock: &Clock,
        work: impl Future<Output = T>,
    ) -> Result<T, Overdue> {
        let mut work = Box::pin(work);
        loop {
            let end = clock.0.get().checked_add(self.duration);
            let Some(end) = end else {
                return Ok(work.await);
            };
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = sleep_until(end) => {}
            }
            if clock.0.get().elapsed() >= self.duration {
                break;
            }
        }
        let stopping = Box::pin(async {
            if let Err(error) = session.cancel_token().cancel().await {
                tracing::debug!(%error, "a statement can't be cancelled");
            }
            tokio::time::sleep(GRACE).await;
            self.terminate(session).await;
        });
        tokio::select! {
            done = &mut work => drop(done),
            () = stopping => drop(timeout(GRACE, &mut work).await),
        }
        Err(Overdue)
    }

    /// Ends the server's process, whatever its code does.
    async fn terminate(&self, session: &Session) {
        let ending = async {
            let admin = admin::connect(&self.admin).await?;
            let ended = admin.terminate(session.backend()).await;
            admin.close().await;
            ended
        };
        if let Err(error) = ending.await {
            tracing::debug!(%error, "the process of a statement can't be ended");
        }
    }
}

/// What is said of a statement that took too long.
pub(crate) fn overdue(limit: &Limit, code: Code) -> Diagnostic {
    let limit = SignedDuration::try_from(limit.duration).unwrap_or(SignedDuration::MAX);
    Diagnostic::error(
        code,
        format!("a statement runs for longer than {limit:#} on the shadow server, and was stopped"),
    )
    .note("that is the time limit of a statement on the shadow server: `[shadow] statement_timeout`")
    .help("make it faster, or raise the limit: `statement_timeout` under `[shadow]` in `forge.toml`, `FORGE_SHADOW_STATEMENT_TIMEOUT`, or `--shadow-statement-timeout`")
}
