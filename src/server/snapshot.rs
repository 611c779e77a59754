//! Many queries at one moment.

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
        let (begun, (rows, ended)) = join(begin, join(reads, client.batch_execute("COMMIT"))).await;
        begun.map_err(|error| server_error(&error))?;
        let rows = rows
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| server_error(&error))?;
        ended.map_err(|error| server_error(&error))?;
        Ok(rows)
    }
}
