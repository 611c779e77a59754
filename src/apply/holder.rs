//! Who holds the lock, and how a run of forge whose client has gone is made to let go of it.

use std::time::Duration;

use super::{Work, commit, lock};
use crate::{
    connection::{backend::Backend, session::Session},
    diagnostic::{Diagnostic, Result},
    history::{self, Running},
};

/// A process of the server that holds the lock.
pub(super) struct Holder {
    backend: Option<Backend>,
    words: String,
    /// The run of forge that it carries out, as the history knows it.
    run: Option<Running>,
}

/// Who holds the lock.
pub(super) async fn holders(session: &Session) -> Result<Vec<Holder>> {
    let [one, other] = lock::key();
    let rows = session
        .ask_as_login(include_str!("sql/holders.sql"), &[&one, &other])
        .await?;
    let mut holders = Vec::new();
    for row in &rows {
        let text = |column| row.get::<_, Option<String>>(column).unwrap_or_default();
        let seconds = |column| row.get::<_, Option<i64>>(column).unwrap_or_default();
        let (pid, since): (Option<i32>, Option<i64>) = (row.get("pid"), row.get("since"));
        let backend = pid.zip(since).map(|(pid, since)| Backend { pid, since });
        let application = text("application");
        let run = match backend {
            Some(backend) => history::running(session, backend).await?,
            None => None,
        }
        .filter(|run| application.starts_with(&Running::session_name(&run.run)));
        let words = format!(
            "process {} of role `{}`, `{application}`, from {}, connected for {} s, {} for {} s",
            pid.unwrap_or_default(),
            text("role"),
            text("address"),
            seconds("age"),
            text("state"),
            seconds("state_age"),
        );
        let words = match &run {
            None => words,
            Some(run) => {
                let steps = application.rsplit('/').next().unwrap_or_default();
                format!(
                    "{words}: revision {}, at step {steps}, begun by {}@{}, last heard of at {}",
                    run.revision,
                    run.os_user,
                    run.host,
                    run.heard_of.strftime("%Y-%m-%d %H:%M:%S UTC")
                )
            }
        };
        holders.push(Holder {
            backend,
            words,
            run,
        });
    }
    Ok(holders)
}

/// Says who holds the lock, and what can be done about it.
pub(super) fn tell(error: Diagnostic, holders: &[Holder]) -> Diagnostic {
    let takeover = holders.iter().any(|holder| holder.run.is_some());
    holders
        .iter()
        .fold(error, |error, holder| error.note(&holder.words))
        .help(if takeover {
            "run the command again when it has ended, or raise `lock_wait`; if its client has gone for good, \
             `forge apply --takeover` ends its process on the server and goes on where it stopped"
        } else {
            "run the command again when it has ended, or raise `lock_wait`; `pg_terminate_backend` ends one that hangs"
        })
}

/// Takes the lock. Ends the process that holds it before, if that is one of an earlier run of forge, and nobody else's.
///
/// # Errors
/// As [`lock::acquire`].
pub async fn take_over(work: &Work<'_>) -> Result<lock::Acquired> {
    for holder in holders(work.session).await? {
        match (holder.backend, &holder.run) {
            (Some(backend), Some(_)) => {
                work.reporter
                    .note(format_args!("taking over from {}", holder.words));
                commit::ended(work, backend, Duration::ZERO).await?;
            }
            (_, _) => work.reporter.warn(format_args!(
                "{} is no run of forge that the history knows, and is not ended",
                holder.words
            )),
        }
    }
    lock::acquire(work).await
}
