//! Whether a connection pooler stands between, and what it does with the server's processes.
//!
//! No pooler says so, and one that is idle may give the same process again and again. So forge looks at what it does with a
//! second connection: a process that belongs to one connection for as long as that lasts is never another's.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{backend::Backend, failure::server_error, pooling::Pooling, session::Session};
use crate::diagnostic::{Code, Diagnostic, Result};

/// How often the processes of two connections are compared. A pooler that takes the process that was given back last, or each
/// in turn, is found out in the first rounds; the others are for what other clients do meanwhile.
const ROUNDS: usize = 8;

/// How long a second connection may wait for a process before that tells something.
const PATIENCE: Duration = Duration::from_secs(1);

const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid() AS pid, \
     (SELECT (EXTRACT(epoch FROM a.backend_start) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
      FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a) AS since";

/// What was found out about a pooler, and by what.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) pooling: Pooling,
    pub(super) seen: String,
}

/// Compares the processes of a connection, which is idle otherwise, with those of another one that goes the same way.
pub(super) async fn compare(first: &Client, began_with: Backend, second: &Client) -> Result<Found> {
    let shared = async |seen: String| Found {
        pooling: if takes_transactions(second).await {
            Pooling::Transaction
        } else {
            Pooling::Statement
        },
        seen,
    };
    for round in 0..ROUNDS {
        // Not always as often: a pooler that takes two processes in turn would give each connection its own.
        for _ in 0..=round % 3 {
            let own = process(first).await?;
            if own != began_with {
                let (from, to) = (began_with.pid, own.pid);
                return Ok(shared(format!(
                    "two statements of one connection were run by two server processes, {from} and {to}"
                ))
                .await);
            }
        }
        let mut asking: Pin<&mut _> = pin!(process(second));
        let other = if let Ok(other) = timeout(PATIENCE, &mut asking).await {
            other?
        } else {
            // It waits for a process. If the first connection's were anybody's, the one that waits would have it when a
            // statement of the first has ended.
            let own = timeout(PATIENCE, process(first)).await;
            let still_its_own = matches!(&own, Ok(Ok(own)) if *own == began_with);
            match timeout(PATIENCE, &mut asking).await {
                Ok(other) => other?,
                Err(_) if still_its_own => {
                    return Ok(Found {
                        pooling: Pooling::Session,
                        seen: format!(
                            "process {} stays with its connection while another one waits for a process",
                            began_with.pid
                        ),
                    });
                }
                Err(_) => {
                    return Ok(Found {
                        pooling: Pooling::Statement,
                        seen: "no second connection got a server process".to_owned(),
                    });
                }
            }
        };
        if other == began_with {
            let pid = other.pid;
            return Ok(shared(format!(
                "server process {pid} ran statements of two connections at the same time"
            ))
            .await);
        }
    }
    Ok(Found {
        pooling: Pooling::Session,
        seen: format!("process {} stays with its connection", began_with.pid),
    })
}

/// The process that carries out a statement.
async fn process(client: &Client) -> Result<Backend> {
    let answer = client.simple_query(PROCESS).await;
    let answer = answer.map_err(|error| server_error(&error))?;
    let row = answer.iter().find_map(|message| {
        if let SimpleQueryMessage::Row(row) = message {
            Some(row)
        } else {
            None
        }
    });
    let read = |name| row?.get(name)?.parse().ok();
    let (pid, since): (Option<i64>, Option<i64>) = (read("pid"), read("since"));
    pid.and_then(|pid| i32::try_from(pid).ok())
        .zip(since)
        .map(|(pid, since)| Backend { pid, since })
        .ok_or_else(|| {
            Diagnostic::error(
                Code::Server,
                "the server does not answer as PostgreSQL does",
            )
        })
}

/// Whether a pooler lets a transaction be begun. One that doesn't ends the connection.
async fn takes_transactions(client: &Client) -> bool {
    let begun = timeout(PATIENCE, client.simple_query("BEGIN")).await;
    matches!(begun, Ok(Ok(_))) && client.simple_query("ROLLBACK").await.is_ok()
}

/// Why a command that needs a session of its own doesn't go on.
pub(super) fn refusal(host: &str, seen: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        Code::Configuration,
        format!(
            "`{host}` is a connection pooler that does not keep a server process for a connection"
        ),
    );
    let error = match seen {
        Some(seen) => error.note(seen),
        None => error,
    };
    error
        .note("a lock that is taken and settings that are made would stay with the process and reach other clients")
        .help("connect to the server itself, or to a pool in session mode (`pool_mode = session`); commands that only read work here")
}

impl Session {
    /// Whether another's statement may be run by this session's process at any moment, and what showed it.
    ///
    /// # Errors
    /// [`Code::Configuration`] if so.
    pub fn must_be_its_own(&self) -> Result<()> {
        if self.pooling.is_shared() {
            let host = self.canceller.host.to_string();
            return Err(refusal(&host, Some(&self.seen)));
        }
        Ok(())
    }

    /// Makes sure that a pooler still keeps the process that it began with.
    ///
    /// # Errors
    /// [`Code::Server`] if it doesn't: what the session holds is another's now.
    pub async fn must_be_as_it_began(&self) -> Result<()> {
        if self.pooling != Pooling::Session {
            return Ok(());
        }
        let (began_with, now) = (self.backend(), process(&self.client).await?);
        if now == began_with {
            return Ok(());
        }
        Err(Diagnostic::error(
            Code::Server,
            format!(
                "the connection pooler changed the server process of this connection from {} to {}",
                began_with.pid, now.pid
            ),
        )
        .note("the lock that forge held and its settings stayed with the first one")
        .help("connect to the server itself, or to a pool in session mode, then run the command again"))
    }
}
