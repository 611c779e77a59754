//! The lock's key, and who holds it.

use sha2::{Digest as _, Sha256};

use crate::{
    connection::{backend::Backend, session::Session},
    diagnostic::{Diagnostic, Result},
    history::{self, Running},
};

/// The lock's two halves: forge, and the schema in which it keeps its history.
pub(super) fn key() -> [i32; 2] {
    ["forge", "schema forge"].map(|name| {
        let digest = Sha256::digest(name);
        i32::from_be_bytes(digest[..4].try_into().expect("a SHA-256 hash has 32 bytes"))
    })
}

/// A process of the server that holds the lock.
pub(super) struct Holder {
    pub(super) backend: Option<Backend>,
    pub(super) words: String,
    /// The run of forge that it carries out, as the history knows it.
    pub(super) run: Option<Running>,
}

/// Who holds the lock.
pub(super) async fn holders(session: &Session) -> Result<Vec<Holder>> {
    let [one, other] = key();
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
