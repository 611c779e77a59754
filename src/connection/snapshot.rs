//! Many queries at one moment, and statements one after the other.

use futures_util::future::{join, join_all};
use tokio_postgres::{
    Row,
    error::{DbError, SqlState},
    types::{ToSql, Type},
};

use super::{
    failure::{rejected, server_error},
    local::Local,
    pooling::Pooling,
    session::Session,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// A query for the state of the database's catalogs in one line. Equal lines mean equal catalogs.
pub(crate) const STATE: &str = include_str!("state.sql");

/// How far forge's history is, if it is there and may be read.
const HISTORY: &str = "SELECT coalesce(CASE \
     WHEN has_schema_privilege(to_regnamespace('forge')::oid, 'USAGE') \
     AND has_table_privilege(to_regclass('forge.event')::oid, 'SELECT') \
     THEN query_to_xml('SELECT max(id) AS last FROM forge.event', true, false, '')::text END, '') AS state";

/// How often queries are run one by one until nothing changes meanwhile.
const MOMENTS: usize = 3;

impl Session {
    /// Runs queries in one REPEATABLE READ READ ONLY transaction, all on the wire at once, and closes it: an open snapshot
    /// makes other sessions' `CREATE INDEX CONCURRENTLY` wait.
    ///
    /// Returns the rows of each query, in the queries' order.
    pub async fn snapshot(&self, queries: &[&str]) -> Result<Vec<Vec<Row>>> {
        self.snapshot_under(&[], queries).await
    }

    /// As [`Self::snapshot`], with settings that hold as long as it does.
    pub async fn snapshot_under(
        &self,
        settings: &[(&str, &str)],
        queries: &[&str],
    ) -> Result<Vec<Vec<Row>>> {
        match self.pooling() {
            Pooling::Direct | Pooling::Session => {
                let settings = settings
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                self.at_one_moment(&Local::new(settings.collect()), queries)
                    .await
            }
            Pooling::Transaction => self.at_one_moment(&self.local(settings), queries).await,
            Pooling::Statement => self.one_by_one(&self.local(settings), queries).await,
        }
    }

    /// Runs one query, which may have texts as values.
    pub async fn read(&self, query: &str, values: &[&str]) -> Result<Vec<Row>> {
        let client = self.client();
        let typed: Vec<(&(dyn ToSql + Sync), Type)> = values
            .iter()
            .map(|value| (value as &(dyn ToSql + Sync), Type::TEXT))
            .collect();
        let rows = match self.pooling() {
            Pooling::Direct | Pooling::Session => client.query_typed(query, &typed).await,
            Pooling::Transaction | Pooling::Statement => {
                let query = self.local(&[]).around(query);
                client.query_typed(&query, &typed).await
            }
        };
        rows.map_err(|error| server_error(&error))
    }

    async fn at_one_moment(&self, local: &Local, queries: &[&str]) -> Result<Vec<Vec<Row>>> {
        let client = self.client();
        let settings = (!local.is_empty()).then(|| local.statement());
        let begin = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let reads = settings
            .as_deref()
            .into_iter()
            .chain(queries.iter().copied());
        let reads = join_all(reads.map(|query| client.query_typed(query, &[])));
        // Polled in this order, so sent in this order; the server answers in the same.
        let (opened, (rows, closed)) =
            join(begin, join(reads, client.batch_execute("COMMIT"))).await;
        opened.map_err(|error| server_error(&error))?;
        let mut rows: Vec<_> = rows
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| server_error(&error))?;
        closed.map_err(|error| server_error(&error))?;
        if settings.is_some() {
            rows.remove(0);
        }
        Ok(rows)
    }

    /// Runs queries each by itself, where a pooler takes no transactions: again, if something has changed meanwhile.
    async fn one_by_one(&self, local: &Local, queries: &[&str]) -> Result<Vec<Vec<Row>>> {
        let ask = async |query: &str| {
            let rows = self.client().query_typed(&local.around(query), &[]).await;
            rows.map_err(|error| server_error(&error))
        };
        let moment = async || -> Result<Option<Vec<String>>> {
            if queries.len() < 2 {
                return Ok(None);
            }
            let mut moment = Vec::new();
            for query in [STATE, HISTORY] {
                moment.extend(ask(query).await?.iter().map(|row| row.get("state")));
            }
            Ok(Some(moment))
        };
        for _ in 0..MOMENTS {
            let before = moment().await?;
            let mut answers = Vec::new();
            for query in queries {
                answers.push(ask(query).await?);
            }
            if moment().await? == before {
                return Ok(answers);
            }
        }
        Err(
            Diagnostic::error(Code::Server, "the database changes while it is read")
                .note("the connection pooler takes one statement at a time, so what is read is of several moments")
                .help("run the command again, or connect to the server itself"),
        )
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
    pub(crate) fn of(number: usize, error: &DbError) -> Self {
        Self {
            lacks_privilege: error.code() == &SqlState::INSUFFICIENT_PRIVILEGE,
            number,
            ..Self::broken(rejected(error))
        }
    }

    /// One that took too long.
    pub(crate) fn overdue(number: usize, diagnostic: Diagnostic) -> Self {
        Self {
            number,
            overdue: true,
            ..Self::broken(diagnostic)
        }
    }

    /// Something went wrong around the statements.
    pub(crate) fn broken(diagnostic: Diagnostic) -> Self {
        Self {
            number: 0,
            lacks_privilege: false,
            overdue: false,
            diagnostic,
        }
    }
}
