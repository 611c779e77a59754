//! Builds a schema tree in a scratch database.
//!
//! What a parser can't see — operators, casts, overloads — is settled here: a statement that fails for want of something
//! is tried again after the others, until a round brings nothing new. What still fails is told by its first cause.

use std::collections::BTreeSet;

use tokio_postgres::{
    Client,
    error::{DbError, SqlState},
};

use super::rejection::{self, Failure};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    source::{self, Session, Statement},
};

/// As many statements are sent at once. More gain nothing; fewer cost a third (measured with 1,000 tables).
const BATCH: usize = 50;

/// As many statements share a transaction: each holds locks until its end, and a server with default settings has room
/// for some thousand.
const TRANSACTION: usize = 300;

/// Runs statements, which are in load order, in a scratch database as a superuser. The roles that they name must exist.
///
/// Function bodies are loaded unchecked; see [`super::bodies::check_bodies`]. Triggers, event triggers among them, stay
/// quiet.
pub async fn load(client: &Client, statements: &[Statement]) -> Result<()> {
    offers_extensions(client, statements).await?;
    let statements: Vec<&Statement> = statements
        .iter()
        .filter(|statement| statement.is_loaded())
        .collect();
    let mut loader = Loader {
        client,
        statements: &statements,
        session: Session::default(),
    };
    let start = loader.session.commands_after(&Session {
        search_path: Vec::new(),
        ..Session::default()
    });
    loader
        .run(&format!("SET check_function_bodies = off; {start}"))
        .await?;
    let quiet = loader.quieten().await?;
    let failures = loader.load_all().await?;
    let back = Session::default().commands_after(&loader.session);
    loader
        .run(&format!(
            "{back} RESET search_path; RESET check_function_bodies; {quiet}"
        ))
        .await?;
    Diagnostic::all(rejection::first_causes(&statements, &failures)).map_or(Ok(()), Err)
}

/// Checks that the server has every extension that the tree asks for, and names all that it hasn't.
async fn offers_extensions(client: &Client, statements: &[Statement]) -> Result<()> {
    let wanted = source::extensions(statements);
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = client
        .query(
            "SELECT name::text AS name FROM pg_catalog.pg_available_extensions ORDER BY name",
            &[],
        )
        .await
        .map_err(|error| broken(&error))?;
    let offered: BTreeSet<String> = rows.iter().map(|row| row.get("name")).collect();
    let missing = wanted.into_iter().filter(|(name, _)| !offered.contains(*name)).map(|(name, statement)| {
        let diagnostic = Diagnostic::error(Code::MissingExtension, format!("the shadow server has no extension `{name}`"))
            .at(&statement.file, statement.head(), "asked for here")
            .note("the schema is built on the shadow server before it is compared, so its extensions must be installed there");
        match source::closest(name, offered.iter().map(String::as_str)) {
            Some(similar) => diagnostic.help(format!("did you mean `{similar}`?")),
            None => diagnostic.help("install it there, or use the target itself with `--shadow target`"),
        }
    });
    Diagnostic::all(missing.collect()).map_or(Ok(()), Err)
}

struct Loader<'a> {
    client: &'a Client,
    statements: &'a [&'a Statement],
    /// The settings in force.
    session: Session,
}

impl Loader<'_> {
    async fn load_all(&mut self) -> Result<Vec<Failure>> {
        let all: Vec<usize> = (0..self.statements.len()).collect();
        let mut failures = Vec::new();
        for transaction in all.chunks(TRANSACTION) {
            self.run("BEGIN").await?;
            for batch in transaction.chunks(BATCH) {
                if !self.load_batch(batch).await? {
                    failures.extend(self.load_singly(batch).await?);
                }
            }
            self.run("COMMIT").await?;
        }
        loop {
            let waiting: Vec<usize> = failures
                .iter()
                .filter(|failure| rejection::may_pass(&failure.error))
                .map(|failure| failure.index)
                .collect();
            if waiting.is_empty() {
                return Ok(failures);
            }
            // What was committed may help too: a new enum value can be used only then.
            self.run("BEGIN").await?;
            let still = self.load_singly(&waiting).await?;
            self.run("COMMIT").await?;
            let progress = still.len() < waiting.len();
            failures.retain(|failure| !waiting.contains(&failure.index));
            failures.extend(still);
            failures.sort_by_key(|failure| failure.index);
            if !progress {
                return Ok(failures);
            }
        }
    }

    /// Runs a batch as one; tells whether all of it succeeded. Otherwise nothing of it stands.
    async fn load_batch(&mut self, batch: &[usize]) -> Result<bool> {
        let mut script = String::from("SAVEPOINT forge;");
        let mut session = self.session.clone();
        for &index in batch {
            let statement = self.statements[index];
            script.push_str(&statement.session.commands_after(&session));
            script.push_str(&statement.sql());
            script.push(';');
            session = Session::clone(&statement.session);
        }
        script.push_str("RELEASE forge");
        match self.attempt(&script).await? {
            None => {
                self.session = session;
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// Runs statements one by one and returns those that failed.
    async fn load_singly(&mut self, indices: &[usize]) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        for &index in indices {
            let statement = self.statements[index];
            let before = format!(
                "SAVEPOINT forge;{}",
                statement.session.commands_after(&self.session)
            );
            match self
                .attempt(&format!("{before}{};RELEASE forge", statement.sql()))
                .await?
            {
                None => self.session = Session::clone(&statement.session),
                Some(error) => failures.push(Failure {
                    index,
                    error,
                    preceding: before.chars().count(),
                }),
            }
        }
        Ok(failures)
    }

    /// Runs a script that starts with a savepoint; where it fails, goes back there and returns the server's error.
    async fn attempt(&self, script: &str) -> Result<Option<DbError>> {
        let Err(error) = self.client.batch_execute(script).await else {
            return Ok(None);
        };
        let Some(rejected) = error.as_db_error().filter(|_| !self.client.is_closed()) else {
            return Err(broken(&error));
        };
        let rejected = rejected.clone();
        self.run("ROLLBACK TO forge; RELEASE forge").await?;
        Ok(Some(rejected))
    }

    /// Keeps event triggers of the tree from firing, and returns the command that undoes it. Who may not do this may not
    /// create event triggers either.
    async fn quieten(&self) -> Result<&'static str> {
        match self
            .client
            .batch_execute("SET session_replication_role = replica")
            .await
        {
            Ok(()) => Ok("RESET session_replication_role"),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(""),
            Err(error) => Err(broken(&error)),
        }
    }

    async fn run(&self, commands: &str) -> Result<()> {
        self.client
            .batch_execute(commands)
            .await
            .map_err(|error| broken(&error))
    }
}

/// An error that is the server's own, not a statement's.
pub(super) fn broken(error: &tokio_postgres::Error) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Server,
        "the shadow server gave up while the schema was being loaded",
    );
    match error.as_db_error() {
        Some(error) => diagnostic.note(format!("it says: {}", error.message())),
        None => diagnostic.note(error.to_string()),
    }
}
