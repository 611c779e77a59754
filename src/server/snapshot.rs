//! Many queries at one moment, and statements one after the other.

use futures_util::future::{join, join_all};
use tokio_postgres::{
    Row,
    error::{DbError, SqlState},
};

use super::{
    failure::{rejected, server_error},
    session::Session,
};
use crate::diagnostic::{Diagnostic, Result};

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

    /// Runs statements, in a transaction or each by itself. Each is sent as one statement, and nothing but one is taken.
    pub async fn run_all(&self, statements: &[&str], transactional: bool) -> Result<(), Rejection> {
        let together = transactional && statements.len() > 1;
        if together {
            self.command(0, "BEGIN").await?;
        }
        for (number, statement) in statements.iter().enumerate() {
            if let Err(rejection) = self.command(number, statement).await {
                if together {
                    self.command(number, "ROLLBACK").await?;
                }
                return Err(rejection);
            }
        }
        if together {
            self.command(statements.len() - 1, "COMMIT").await?;
        }
        Ok(())
    }

    async fn command(&self, number: usize, statement: &str) -> Result<(), Rejection> {
        match self.client().execute_typed(statement, &[]).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.as_db_error() {
                Some(rejected) => Rejection::of(number, rejected),
                None => Rejection {
                    number,
                    ..Rejection::broken(server_error(&error))
                },
            }),
        }
    }
}

/// A statement that the server rejects.
#[derive(Debug)]
pub struct Rejection {
    /// Its place among the statements.
    pub number: usize,
    /// Whether the role lacks a privilege.
    pub lacks_privilege: bool,
    /// Whether it took too long and was stopped.
    pub overdue: bool,
    /// What the server says.
    pub diagnostic: Diagnostic,
}

impl Rejection {
    pub(super) fn of(number: usize, error: &DbError) -> Self {
        Self {
            lacks_privilege: error.code() == &SqlState::INSUFFICIENT_PRIVILEGE,
            number,
            ..Self::broken(rejected(error))
        }
    }

    /// One that took too long.
    pub(super) fn overdue(number: usize, diagnostic: Diagnostic) -> Self {
        Self {
            number,
            overdue: true,
            ..Self::broken(diagnostic)
        }
    }

    /// Something went wrong around the statements.
    pub(super) fn broken(diagnostic: Diagnostic) -> Self {
        Self {
            number: 0,
            lacks_privilege: false,
            overdue: false,
            diagnostic,
        }
    }
}
