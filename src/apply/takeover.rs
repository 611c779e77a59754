//! How a run of forge whose client has gone is made to let go of the lock.

use std::time::Duration;

use super::{commit, holder::holders, lock, work::Work};
use crate::diagnostic::Result;

/// Takes the lock. Ends the process that holds it before, if that is one of an earlier run of forge, and nobody else's.
///
/// # Errors
/// As [`lock::acquire`].
pub async fn take_over(work: &Work<'_>) -> Result<lock::Acquired> {
    for holder in holders(work.session).await? {
        match (holder.backend, &holder.run) {
            (Some(backend), Some(_)) => {
                work.listener
                    .note(format_args!("taking over from {}", holder.words));
                commit::ended(work, backend, Duration::ZERO).await?;
            }
            (_, _) => work.listener.warn(format_args!(
                "{} is no run of forge that the history knows, and is not ended",
                holder.words
            )),
        }
    }
    lock::acquire(work).await
}
