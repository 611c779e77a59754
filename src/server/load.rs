//! Builds a schema tree in a scratch database.
//!
//! What a parser can't see — operators, casts, overloads — is settled here: a statement that fails for want of something
//! is tried again after the others, until a round brings nothing new. What still fails is told by its first cause.

use std::{borrow::Cow, collections::BTreeSet};

use tokio_postgres::{
    Client,
    error::{DbError, SqlState},
};

use super::{
    bodies::{BodyProblem, check_bodies},
    rejection::{self, Failure},
    rows,
    shadow::{
        Scratch,
        elevation::{Elevation, Outcome},
    },
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    source::{self, Defined, Session, Share, Statement, granted_on_share},
};

/// As many statements are sent at once. More gain nothing; fewer cost a third (measured with 1,000 tables).
const BATCH: usize = 50;

/// As many statements share a transaction: each holds locks until its end, and a server with default settings has room
/// for some thousand.
const TRANSACTION: usize = 300;

/// Why a statement of the tree may lack a privilege.
pub(crate) const ORDINARY: &str = "statements of the tree run on the shadow server as an ordinary role, so that no code of the tree can reach outside the database";

/// Runs statements, which are in load order, in a scratch database, and returns the function bodies that their language
/// rejects. The roles that they name must exist.
///
/// They run as an ordinary role; those that need a superuser and evaluate nothing get one. Function bodies are loaded
/// unchecked. Triggers stay quiet. What later statements could set off, what gives things to roles as which code of the tree
/// must not run, and privileges that it must not use come last.
pub async fn load(scratch: &mut Scratch, statements: &[Statement]) -> Result<Vec<BodyProblem>> {
    let stages = load_main(scratch, statements).await?;
    let problems = check_bodies(scratch.session().client(), statements).await?;
    if let (_, Some(elevation)) = scratch.parts() {
        elevation.calm_down();
    }
    Loader::load(scratch, &stages.foreign).await?;
    Loader::grant(scratch, &stages.grants).await?;
    Loader::load(scratch, &stages.last).await?;
    Ok(problems)
}

/// Runs the statements after which code of the tree may still run in the database: all but those that give things to roles of
/// the server itself, and those about event triggers.
pub async fn load_foundation(scratch: &mut Scratch, statements: &[Statement]) -> Result<()> {
    load_main(scratch, statements).await.map(|_| ())
}

/// Runs the statements of the first stage, and returns all stages.
async fn load_main<'a>(scratch: &mut Scratch, statements: &'a [Statement]) -> Result<Stages<'a>> {
    let (client, elevation) = scratch.parts();
    offers_extensions(client, statements).await?;
    let stages = Stages::of(statements, elevation.as_deref());
    Loader::load(scratch, &stages.main).await?;
    if stages.main.iter().any(|statement| statement.is_program()) {
        scratch.log_in_again().await?;
        rows::check_empty(scratch.session().client(), &stages.main).await?;
    }
    Ok(stages)
}

/// The statements that are loaded, in the order of what they can set off.
#[derive(Default)]
struct Stages<'a> {
    main: Vec<&'a Statement>,
    /// What gives things to roles of the server itself.
    foreign: Vec<&'a Statement>,
    /// What changes privileges on what belongs to an extension or to the server itself.
    grants: Vec<&'a Statement>,
    /// What is about event triggers: once there is one, nothing else may run with more privileges.
    last: Vec<&'a Statement>,
}

impl<'a> Stages<'a> {
    fn of(statements: &'a [Statement], elevation: Option<&Elevation>) -> Self {
        let mut stages = Self::default();
        let defined = Defined::by(statements);
        let has_extensions = !source::extensions(statements).is_empty();
        for statement in statements.iter().filter(|statement| statement.is_loaded()) {
            let owner = statement
                .inert
                .as_ref()
                .and_then(|inert| inert.owner.as_deref());
            match owner.zip(elevation) {
                _ if statement.is_last() => stages.last.push(statement),
                Some((owner, elevation)) if !elevation.may_own(owner) => {
                    stages.foreign.push(statement);
                }
                _ if elevation.is_some() && defined.lacks_what_is_granted(statement) => {
                    stages.grants.push(statement);
                }
                Some(_) | None => {
                    stages.main.push(statement);
                    let is_shared = has_extensions && statement.grants_on_whole_schemas();
                    if elevation.is_some() && is_shared {
                        stages.grants.push(statement);
                    }
                }
            }
        }
        stages
    }
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
    elevation: Option<&'a mut Elevation>,
    statements: &'a [&'a Statement],
    /// The settings in force.
    session: Session,
}

impl<'a> Loader<'a> {
    async fn load(scratch: &'a mut Scratch, statements: &'a [&'a Statement]) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        let confined = scratch.is_confined();
        let (client, elevation) = scratch.parts();
        let mut loader = Self {
            client,
            elevation,
            statements,
            session: Session::default(),
        };
        loader.set_up().await?;
        let failures = loader.load_all().await?;
        let back = Session::default().commands();
        loader
            .run(&format!(
                "{back} RESET search_path; RESET check_function_bodies"
            ))
            .await?;
        let causes = rejection::first_causes(statements, &failures, confined);
        Diagnostic::all(causes).map_or(Ok(()), Err)
    }

    /// The statement as it is run: what it says of a role is said of whoever plays that here.
    fn text(&self, statement: &'a Statement) -> Cow<'a, str> {
        let sql = source::with_plain_comments(statement.sql());
        let Some(elevation) = self.elevation.as_deref() else {
            return sql;
        };
        let text = elevation.in_place(sql);
        if statement.grants_on_whole_schemas() {
            // What belongs to an extension isn't the role's to grant, here or on the target.
            return granted_on_share(&text, Share::Own).map_or(text, Cow::Owned);
        }
        text
    }

    /// Runs GRANTs and REVOKEs as the server's administrator: what they are about belongs to the tree's role as little as
    /// it does on the target. No code of the tree runs any more, which could make use of them.
    async fn grant(scratch: &mut Scratch, statements: &[&Statement]) -> Result<()> {
        let confined = scratch.is_confined();
        let (_, Some(elevation)) = scratch.parts() else {
            return Ok(());
        };
        let mut failures = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            let text = elevation.in_place(statement.sql());
            let share = granted_on_share(&text, Share::OfExtensions);
            let settings = statement.session.commands();
            let text = share.as_deref().unwrap_or(&text);
            match elevation.grant(&settings, text).await? {
                Outcome::Done => {}
                Outcome::Rejected(error, preceding) => failures.push(Failure {
                    index,
                    error: *error,
                    preceding,
                    refused: None,
                }),
                Outcome::Refused(reason) => {
                    let error = Diagnostic::error(Code::Rejected, reason);
                    return Err(error.at(&statement.file, statement.head(), "this can't be run"));
                }
            }
        }
        let causes = rejection::first_causes(statements, &failures, confined);
        Diagnostic::all(causes).map_or(Ok(()), Err)
    }

    async fn set_up(&self) -> Result<()> {
        self.run(&opening(&self.session)).await
    }

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
        let mut script = String::new();
        let mut session = self.session.clone();
        for &index in batch {
            let statement = self.statements[index];
            script.push_str(&statement.session.commands_after(&session));
            script.push_str(&self.text(statement));
            script.push(';');
            if statement.is_program() {
                script.push_str(&after_program(&statement.session));
            }
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

    /// Runs statements one by one, in an open transaction, and returns those that failed.
    async fn load_singly(&mut self, indices: &[usize]) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        for &index in indices {
            let statement = self.statements[index];
            let before = statement.session.commands_after(&self.session);
            let after = if statement.is_program() {
                after_program(&statement.session)
            } else {
                String::new()
            };
            let script = format!("{before}{};{after}RELEASE forge", self.text(statement));
            let failure = match self.attempt(&script).await? {
                None => None,
                Some(error) => {
                    let failure = Failure {
                        index,
                        error,
                        preceding: before.chars().count(),
                        refused: None,
                    };
                    self.elevate(failure).await?
                }
            };
            match failure {
                None => self.session = Session::clone(&statement.session),
                Some(failure) => failures.push(failure),
            }
        }
        Ok(failures)
    }

    /// Runs a statement again with a superuser's privileges if that is what it lacked and it evaluates nothing. Returns why
    /// it fails all the same. The open transaction is committed and another one begun.
    async fn elevate(&mut self, failure: Failure) -> Result<Option<Failure>> {
        let statement = self.statements[failure.index];
        let text = self.text(statement);
        let (Some(elevation), Some(inert), true) = (
            self.elevation.as_deref_mut(),
            &statement.inert,
            failure.error.code() == &SqlState::INSUFFICIENT_PRIVILEGE,
        ) else {
            return Ok(Some(failure));
        };
        let client = self.client;
        run(client, "COMMIT").await?;
        let settings = statement.session.commands();
        let outcome = elevation.run(client, &settings, &text, inert).await?;
        run(client, "BEGIN").await?;
        Ok(match outcome {
            Outcome::Done => {
                // An administrator's session is another one.
                run(client, &settings).await?;
                None
            }
            Outcome::Rejected(error, preceding) => Some(Failure {
                error: *error,
                preceding,
                ..failure
            }),
            Outcome::Refused(reason) => Some(Failure {
                refused: Some(reason),
                ..failure
            }),
        })
    }

    /// Runs a script behind a savepoint, which it releases; where it fails, goes back there and returns the server's error.
    async fn attempt(&self, script: &str) -> Result<Option<DbError>> {
        // A server that is too old for a script's syntax runs nothing of it: the savepoint is a message of its own, sent along.
        let savepoint = self.client.batch_execute("SAVEPOINT forge");
        let (opened, ran) = tokio::join!(savepoint, self.client.batch_execute(script));
        opened.map_err(|error| broken(&error))?;
        let Err(error) = ran else {
            return Ok(None);
        };
        let Some(rejected) = error.as_db_error().filter(|_| !self.client.is_closed()) else {
            return Err(broken(&error));
        };
        let rejected = rejected.clone();
        self.run("ROLLBACK TO forge; RELEASE forge").await?;
        Ok(Some(rejected))
    }

    async fn run(&self, commands: &str) -> Result<()> {
        run(self.client, commands).await
    }
}

/// The commands that put a session right after a program of the tree, and let what it has put off happen now, where its
/// failure is the program's own.
fn after_program(session: &Session) -> String {
    format!("SET CONSTRAINTS ALL IMMEDIATE;{}", opening(session))
}

/// The commands that set a session up, whatever its settings are.
fn opening(session: &Session) -> String {
    format!("SET check_function_bodies = off;{}", session.commands())
}

async fn run(client: &Client, commands: &str) -> Result<()> {
    client
        .batch_execute(commands)
        .await
        .map_err(|error| broken(&error))
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
