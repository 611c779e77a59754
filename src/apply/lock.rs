//! One forge at a time: an advisory lock on the target.

use std::time::{Duration, Instant};

use super::{
    holder::{holders, key, tell},
    retry,
    work::Work,
};
use crate::{
    cancel::Urgency,
    connection::{failure::server_error, session::Session},
    diagnostic::{Code, Diagnostic, Result},
};

/// How the lock was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// It was free.
    AtOnce,
    /// Another forge had it first.
    AfterWaiting,
}

/// Takes the lock for this session, which keeps it until it ends. Waits for another forge as long as patience lasts.
///
/// # Errors
/// [`Code::Busy`] with the one that holds it.
pub async fn acquire(work: &Work<'_>) -> Result<Acquired> {
    work.session.must_be_its_own()?;
    let started = Instant::now();
    let mut progress = None;
    loop {
        if try_lock(work.session, include_str!("sql/try_lock.sql")).await? {
            work.session.must_be_as_it_began().await?;
            return Ok(match progress {
                None => Acquired::AtOnce,
                Some(_) => Acquired::AfterWaiting,
            });
        }
        let left = work.patience.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(busy(work.session, Some(work.patience)).await);
        }
        if progress.is_none() {
            work.listener
                .note("waiting for another forge that works on this database");
            progress = Some(work.listener.progress("waiting for the lock"));
        }
        let pause = retry::jitter(Duration::from_millis(500)).min(left);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = work.cancel.reached(Urgency::Soon) => return Err(
                Diagnostic::error(Code::Interrupted, "stopped while waiting for another forge; nothing was changed")),
        }
    }
}

/// Takes the lock beside others that only read. Behind a pooler that shares its processes it is only looked whether it is
/// free: see [`Session::pooling`].
///
/// # Errors
/// [`Code::Busy`] if an apply is running.
pub async fn acquire_shared(session: &Session) -> Result<()> {
    let taken = if session.pooling().is_shared() {
        is_free(session).await?
    } else {
        try_lock(session, include_str!("sql/try_lock_shared.sql")).await?
    };
    if taken {
        Ok(())
    } else {
        Err(busy(session, None).await)
    }
}

/// Whether no forge holds the lock at this moment. It is looked up and not tried, so nothing is in the way of an apply that
/// begins.
pub async fn is_free(session: &Session) -> Result<bool> {
    let [one, other] = key().map(|half| half.to_string());
    let rows = session
        .read(include_str!("sql/is_held.sql"), &[&one, &other])
        .await?;
    Ok(!rows.first().is_some_and(|row| row.get("held")))
}

async fn try_lock(session: &Session, query: &str) -> Result<bool> {
    let [one, other] = key();
    let row = session
        .client()
        .query_one(query, &[&one, &other])
        .await
        .map_err(|error| server_error(&error))?;
    Ok(row.get("taken"))
}

async fn busy(session: &Session, waited: Option<Duration>) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::Busy, "another forge works on this database");
    // Who it is would be good to know, and isn't worth another error.
    let holders = holders(session).await.unwrap_or_default();
    let diagnostic = tell(diagnostic, &holders);
    match waited {
        Some(waited) => diagnostic.note(format!("waited for {} s", waited.as_secs())),
        None => diagnostic,
    }
}
