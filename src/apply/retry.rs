//! What is worth another try, when, and who is in the way.

use std::time::{Duration, Instant};

use tokio_postgres::error::{DbError, SqlState};

use super::work::Work;
use crate::{cancel::Urgency, kinds::Step};

/// The shortest and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How often something is tried.
const TRIES: u32 = 10;

/// Whether the same statement may succeed a moment later, because what failed it was somebody else's work.
pub(super) fn is_worth_another_try(error: &DbError) -> bool {
    let code = error.code();
    let collided = *code == SqlState::INTERNAL_ERROR
        && (error.message().starts_with("tuple concurrently ")
            || error.message().starts_with("tuple already updated"));
    collided
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || *code == SqlState::T_R_SERIALIZATION_FAILURE
}

/// Between half of a duration and all of it, so that those who wait for the same thing don't come back together.
pub(super) fn jitter(pause: Duration) -> Duration {
    pause.mul_f32(0.5 + fastrand::f32() / 2.0)
}

/// What comes after a try that failed because of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another try.
    Again,
    /// None: enough was tried.
    Enough,
    /// None: the user wants to stop.
    Stop,
}

/// The tries of one batch.
pub(super) struct Tries {
    started: Instant,
    failed: u32,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            failed: 0,
        }
    }

    /// The pause before the next try, if there is one.
    fn pause(&mut self, patience: Duration) -> Option<Duration> {
        self.failed += 1;
        let left = patience.checked_sub(self.started.elapsed())?;
        if self.failed >= TRIES || left.is_zero() {
            return None;
        }
        let pause = (FIRST_PAUSE * 2_u32.pow(self.failed - 1)).min(LONGEST_PAUSE);
        Some(jitter(pause).min(left))
    }

    /// Waits before the next try, and says for whom.
    pub(super) async fn wait(&mut self, work: &Work<'_>, step: &Step, error: &DbError) -> Next {
        if work.cancel.urgency() >= Urgency::Soon {
            return Next::Stop;
        }
        let Some(pause) = self.pause(work.patience) else {
            return Next::Enough;
        };
        let reason = error.message();
        work.listener.note(format_args!(
            "{reason}; trying again in {:.1} s",
            pause.as_secs_f32()
        ));
        for blocker in blockers(work, step).await {
            work.listener.note(format_args!("  {blocker}"));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Next::Again,
            () = work.cancel.reached(Urgency::Soon) => Next::Stop,
        }
    }
}

/// Who holds locks that keep a step from its own, in words.
pub(super) async fn blockers(work: &Work<'_>, step: &Step) -> Vec<String> {
    let locks = step.locks.iter();
    let (modes, relations): (Vec<&str>, Vec<&str>) = locks
        .map(|(lock, relation)| (lock.as_str(), relation.as_str()))
        .unzip();
    // Who is in the way would be good to know, and isn't worth another error.
    let rows = work
        .session
        .client()
        .query(include_str!("sql/blockers.sql"), &[&relations, &modes])
        .await
        .unwrap_or_default();
    rows.iter()
        .map(|row| match row.get::<_, Option<i32>>("pid") {
            None => "a prepared transaction (see `pg_prepared_xacts`) is in the way".to_owned(),
            Some(pid) => format!(
                "process {pid} of role `{}`, application `{}`, holds {} in a transaction that is {} s old",
                row.get::<_, Option<String>>("role").unwrap_or_default(),
                row.get::<_, Option<String>>("application").unwrap_or_default(),
                row.get::<_, Option<String>>("modes").unwrap_or_default(),
                row.get::<_, Option<i64>>("age").unwrap_or_default(),
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let mut tries = Tries::new();
        let hour = Duration::from_hours(1);
        let pauses: Vec<Duration> = std::iter::from_fn(|| tries.pause(hour)).collect();
        assert_eq!(pauses.len(), 9);
        for (pause, seconds) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
            let longest = Duration::from_secs(seconds);
            assert!(*pause >= longest / 2 && *pause <= longest, "{pause:?}");
        }
        assert_eq!(Tries::new().pause(Duration::ZERO), None);
    }
}
