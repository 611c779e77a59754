//! The server's processes: the one behind a session, and those that earlier sessions have left.

use tokio_postgres::{Row, types::ToSql};

use super::{backend::Backend, failure::server_error, session::Session};
use crate::diagnostic::Result;

impl Session {
    /// The process behind this session.
    pub fn backend(&self) -> Backend {
        self.facts.backend
    }

    /// Whether a process of the role that logged in is still there.
    pub async fn is_alive(&self, backend: Backend) -> Result<bool> {
        self.of_backend(
            "SELECT EXISTS (SELECT FROM pg_stat_activity a
             WHERE a.pid = $1 AND (EXTRACT(epoch FROM a.backend_start) * 1000000)::bigint = $2) AS found",
            backend,
        )
        .await
    }

    /// Ends exactly this process. False: it is gone already.
    pub async fn terminate(&self, backend: Backend) -> Result<bool> {
        self.of_backend(
            "SELECT coalesce((SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
             WHERE a.pid = $1 AND (EXTRACT(epoch FROM a.backend_start) * 1000000)::bigint = $2), false) AS found",
            backend,
        )
        .await
    }

    async fn of_backend(&self, query: &str, backend: Backend) -> Result<bool> {
        let rows = self
            .ask_as_login(query, &[&backend.pid, &backend.since])
            .await?;
        Ok(rows.first().is_some_and(|row| row.get("found")))
    }

    /// Asks as the role that logged in, outside of any transaction: another one may neither see nor end its processes.
    pub async fn ask_as_login(
        &self,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        if self.pooling().is_shared() {
            // It has no processes of its own to ask about.
            return Ok(Vec::new());
        }
        self.run("BEGIN; SET LOCAL ROLE NONE").await?;
        let asked = self.client().query(query, values).await;
        let end = if asked.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.run(end).await;
        let rows = asked.map_err(|error| server_error(&error))?;
        ended?;
        Ok(rows)
    }
}
