//! The end of a transaction, and what became of one whose end was not heard of.
//!
//! A connection that is lost while COMMIT is under way leaves open whether the transaction stands. Over a new connection that
//! can be told for certain as soon as the old one's process has gone: the records that a transaction commits with its work
//! are there or not. So forge goes on by them, as a later run would; `pg_xact_status` only tells people how it was.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{doubt::Doubt, lock, work::Work};
use crate::{
    cancel::Urgency,
    connection::{backend::Backend, failure::ends_connection, session::Session},
    diagnostic::{Code, Diagnostic, Result},
};

/// How often a connection may be lost in this way before it is the user's turn.
const MOST_LOSSES: u32 = 5;

/// How long a process may take to notice by itself that its client has gone. After that it is ended.
const GRACE: Duration = Duration::from_secs(5);

/// How long a process may take to end.
const ENDING: Duration = Duration::from_mins(1);

/// How long to try to reach the server again.
const REACHING: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(200);

/// Commits the session's transaction, which is for `what`.
pub(super) async fn commit(work: &Work<'_>, what: &str) -> Result<(), tokio_postgres::Error> {
    let client = work.session.client();
    let row = client
        .query_typed_one("SELECT pg_current_xact_id()::text AS transaction", &[])
        .await?;
    *work.committing.0.borrow_mut() = Some(Doubt {
        transaction: row.get("transaction"),
        what: what.to_owned(),
    });
    let committed = client.batch_execute("COMMIT").await;
    if !committed.as_ref().is_err_and(ends_connection) {
        work.committing.0.take();
    }
    committed
}

/// Does some work under the lock, and goes on with it over a new connection where a COMMIT has lost the old one. `attempt`
/// begins with what the target remembers.
///
/// # Errors
/// Those of the work; [`Code::Partial`] if steps stand, or if a COMMIT stays in doubt because the server can't be reached any
/// more.
pub async fn outlast<T>(
    work: &Work<'_>,
    reconnect: impl AsyncFn() -> Result<Session>,
    attempt: impl AsyncFn(&Work<'_>) -> Result<T>,
) -> Result<T> {
    match attempts(work, reconnect, attempt).await {
        Ok(done) => {
            work.unfinished.clear();
            Ok(done)
        }
        Err(error) => Err(work.unfinished.tell(error)),
    }
}

async fn attempts<T>(
    work: &Work<'_>,
    reconnect: impl AsyncFn() -> Result<Session>,
    attempt: impl AsyncFn(&Work<'_>) -> Result<T>,
) -> Result<T> {
    let mut result = attempt(work).await;
    let mut old = work.session.backend();
    for _ in 0..MOST_LOSSES {
        let (Err(lost), Some(doubt)) = (&result, work.committing.0.take()) else {
            return result;
        };
        work.listener.note(format_args!(
            "the connection was lost while the COMMIT of {} was under way; connecting again",
            doubt.what
        ));
        let session = match reached(work, &reconnect).await {
            Ok(session) => session,
            Err(error) => return Err(lost.clone().with(error)),
        };
        let again = Work {
            session: &session,
            ..*work
        };
        result = match settled(&again, old, &doubt).await {
            Ok(()) => attempt(&again).await,
            Err(error) => Err(lost.clone().with(error)),
        };
        old = session.backend();
        session.close().await;
    }
    result
}

/// Connects again, as soon as the server lets it.
async fn reached(work: &Work<'_>, reconnect: impl AsyncFn() -> Result<Session>) -> Result<Session> {
    let started = Instant::now();
    loop {
        let error = match reconnect().await {
            Err(error) if matches!(error.code(), Code::Unreachable | Code::ConnectionLost) => error,
            result => return result,
        };
        if started.elapsed() >= REACHING || work.cancel.urgency() >= Urgency::Soon {
            return Err(error);
        }
        sleep(PAUSE).await;
    }
}

/// Waits for the old process, takes the lock that it held, and says what became of its transaction.
async fn settled(work: &Work<'_>, old: Backend, doubt: &Doubt) -> Result<()> {
    ended(work, old, GRACE).await?;
    lock::acquire(work).await?;
    // After a failover this is another server, which may know no such transaction: what stands is in the history then.
    let status = work
        .session
        .client()
        .query_one(
            "SELECT pg_xact_status($1::text::xid8) AS status",
            &[&doubt.transaction],
        )
        .await;
    let status: Option<String> = status.ok().and_then(|row| row.get("status"));
    let Doubt { transaction, what } = doubt;
    work.listener.note(match status.as_deref() {
        Some("committed") => {
            format!("connected again: {what} stands, its transaction {transaction} was committed")
        }
        Some("aborted") => format!(
            "connected again: {what} does not stand, its transaction {transaction} was not committed; it is done again"
        ),
        Some(_) | None => "connected again: what stands is told by the history".to_owned(),
    });
    Ok(())
}

/// Waits until a process of forge's own has gone. One that doesn't notice within this time that its client has gone, because
/// the network has told it nothing, is ended; whether its COMMIT arrives before that makes no difference to who asks after it.
pub(super) async fn ended(work: &Work<'_>, backend: Backend, grace: Duration) -> Result<()> {
    let started = Instant::now();
    let mut told_to_end = false;
    while work.session.is_alive(backend).await? {
        if !told_to_end && started.elapsed() >= grace {
            work.session.terminate(backend).await?;
            told_to_end = true;
        }
        if started.elapsed() >= grace + ENDING {
            return Err(Diagnostic::error(
                Code::Busy,
                format!("process {} on the server does not end", backend.pid),
            )
            .help("it ends when its statement does; then run the command again"));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}
