//! Many queries at one moment, and statements one after the other.

use futures_util::future::{join, join_all};
use tokio_postgres::Row;

use super::{failure::server_error, session::Session};
use crate::diagnostic::Result;

impl Session {
    /// Runs queries in one REPEATABLE READ READ ONLY transaction, all on the wire at once, and closes it: an open snapshot
    /// makes other sessions' `CREATE INDEX CONCURRENTLY` wait.
    ///
    /// Returns the rows of each query, in the queries' order.
    pub async fn snapshot(&self, queries: &[&str]) -> Result<Vec<Vec<Row>>> {
        let client = self.client();
        let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let reads = join_all(queries.iter().map(|query| client.query_typed(query, &[])));
        // Polled in this order, so sent in this order; the server answers in the same.
        let (opened, (rows, closed)) =
            join(begin, join(reads, client.batch_execute("COMMIT"))).await;
        opened.map_err(|error| server_error(&error))?;
        let rows: Vec<_> = rows
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| server_error(&error))?;
        closed.map_err(|error| server_error(&error))?;
        Ok(rows)
    }

    /// Runs a script; several statements are one transaction, as the server has it.
    pub async fn run(&self, script: &str) -> Result<()> {
        self.client()
            .batch_execute(script)
            .await
            .map_err(|error| server_error(&error))
    }

    /// Runs statements, in a transaction or each by itself; the error comes with the statement's number.
    pub async fn run_all(
        &self,
        statements: &[&str],
        transactional: bool,
    ) -> Result<(), (usize, crate::diagnostic::Diagnostic)> {
        if transactional && statements.len() > 1 {
            // As one message first; only a failure costs a second run that names its statement.
            let script = format!("BEGIN;{};COMMIT", statements.join("\n;"));
            match self.client().batch_execute(&script).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_closed() => return Err((0, server_error(&error))),
                Err(_) => self.run("ROLLBACK").await.map_err(|error| (0, error))?,
            }
            self.run("BEGIN").await.map_err(|error| (0, error))?;
        }
        for (number, statement) in statements.iter().enumerate() {
            if let Err(error) = self.run(statement).await {
                if transactional && statements.len() > 1 {
                    self.run("ROLLBACK")
                        .await
                        .map_err(|error| (number, error))?;
                }
                return Err((number, error));
            }
        }
        if transactional && statements.len() > 1 {
            self.run("COMMIT")
                .await
                .map_err(|error| (statements.len() - 1, error))?;
        }
        Ok(())
    }
}
