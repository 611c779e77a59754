//! The run of forge that a process of the server belongs to.

use jiff::Timestamp;

use super::store::history_exists;
use crate::{
    connection::{backend::Backend, failure::server_error, session::Session},
    diagnostic::Result,
};

/// A run, as it has recorded itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub run: String,
    /// The revision that it works on.
    pub revision: String,
    /// The account that began it.
    pub os_user: String,
    /// The machine that it was begun on.
    pub host: String,
    /// When it recorded something last.
    pub heard_of: Timestamp,
}

impl Running {
    /// How its sessions are called, with what they work on behind it.
    pub fn session_name(run: &str) -> String {
        format!("forge/{run}/")
    }
}

/// The run that has recorded to be carried out by this process.
pub async fn running(session: &Session, backend: Backend) -> Result<Option<Running>> {
    if !history_exists(session).await?.present {
        return Ok(None);
    }
    let row = session
        .client()
        .query_opt(
            include_str!("sql/running.sql"),
            &[&backend.pid, &backend.since],
        )
        .await
        .map_err(|error| server_error(&error))?;
    Ok(row.map(|row| Running {
        run: row.get("run_id"),
        revision: row.get("rev"),
        os_user: row.get("os_user"),
        host: row.get("host"),
        heard_of: row.get("at"),
    }))
}
