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
    Scratch,
    bodies::{BodyProblem, check_bodies},
    broken::broken,
    elevation::{Elevation, Outcome},
    rejection::{self, Failure},
    rows,
    tree_session::{Ended, Errand, TreeSession},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    source::{self, Defined, Share, Statement, granted_on_share},
    spelling::closest,
};

/// As many statements are sent at once. More gain nothing; fewer cost a third (measured with 1,000 tables).
const BATCH: usize = 50;

/// As many statements share a transaction: each holds locks until its end, and a server with default settings has room
/// for some thousand.
const TRANSACTION: usize = 300;

/// Runs statements, which are in load order, in a scratch database, and returns the function bodies that their language
/// rejects. The roles that they name must exist.
///
/// They run as an ordinary role, each as exactly the one statement that was parsed, under its own settings; those that need a
/// superuser and evaluate nothing get one on forge's own server. Function bodies are loaded unchecked. Triggers stay quiet.
/// What later statements could set off, what gives things to roles as which code of the tree must not run, and privileges
/// that it must not use come last.
pub async fn load(scratch: &mut Scratch, statements: &[Statement]) -> Result<Vec<BodyProblem>> {
    let stages = load_main(scratch, statements).await?;
    let problems = check_bodies(scratch.tree_session(), statements).await?;
    let (_, elevation) = scratch.parts();
    elevation.calm_down();
    Loader::load(scratch, &stages.foreign).await?;
    Loader::grant(scratch, &stages.grants).await?;
    Loader::load(scratch, &stages.last).await?;
    scratch.settle().await?;
    Ok(problems)
}

/// Runs the statements after which code of the tree may still run in the database: all but those that give things to roles of
/// the server itself, and those about event triggers.
pub async fn load_foundation(scratch: &mut Scratch, statements: &[Statement]) -> Result<()> {
    load_main(scratch, statements).await.map(|_| ())
}

/// Runs the statements of the first stage, and returns all stages.
async fn load_main<'a>(scratch: &mut Scratch, statements: &'a [Statement]) -> Result<Stages<'a>> {
    let (session, elevation) = scratch.parts();
    offers_extensions(session.client(), statements).await?;
    let stages = Stages::of(statements, elevation);
    Loader::load(scratch, &stages.main).await?;
    if stages.main.iter().any(|statement| statement.is_program()) {
        scratch.log_in_again().await?;
        rows::check_empty(scratch.session().client(), &stages.main).await?;
    }
    scratch.settle().await?;
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
    fn of(statements: &'a [Statement], elevation: &Elevation) -> Self {
        let mut stages = Self::default();
        let defined = Defined::by(statements);
        let has_extensions = !source::extensions(statements).is_empty();
        for statement in statements.iter().filter(|statement| statement.is_loaded()) {
            let owner = statement
                .inert()
                .as_ref()
                .and_then(|inert| inert.owner.as_deref());
            match owner {
                _ if statement.is_last() => stages.last.push(statement),
                Some(owner) if !elevation.may_own(owner) => stages.foreign.push(statement),
                _ if elevation.has_superuser() && defined.lacks_what_is_granted(statement) => {
                    stages.grants.push(statement);
                }
                Some(_) | None => {
                    stages.main.push(statement);
                    let is_shared = has_extensions && statement.grants_on_whole_schemas();
                    if elevation.has_superuser() && is_shared {
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
        match closest(name, offered.iter().map(String::as_str)) {
            Some(similar) => diagnostic.help(format!("did you mean `{similar}`?")),
            None => diagnostic.help("install it there, or use the target itself with `--shadow target`"),
        }
    });
    Diagnostic::all(missing.collect()).map_or(Ok(()), Err)
}

struct Loader<'a> {
    session: &'a TreeSession,
    elevation: &'a mut Elevation,
    statements: &'a [&'a Statement],
}

impl<'a> Loader<'a> {
    async fn load(scratch: &'a mut Scratch, statements: &'a [&'a Statement]) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        let confined = scratch.is_confined();
        let (session, elevation) = scratch.parts();
        let mut loader = Self {
            session,
            elevation,
            statements,
        };
        let failures = loader.load_all().await?;
        let causes = rejection::first_causes(statements, &failures, confined);
        Diagnostic::all(causes).map_or(Ok(()), Err)
    }

    /// The statement as it is run: what it says of a role is said of whoever plays that here.
    fn text(&self, statement: &'a Statement) -> Cow<'a, str> {
        let text = self
            .elevation
            .in_place(source::with_plain_comments(statement.sql()));
        if self.elevation.has_superuser() && statement.grants_on_whole_schemas() {
            // What belongs to an extension isn't the role's to grant, here or on the target.
            return granted_on_share(&text, Share::Own).map_or(text, Cow::Owned);
        }
        text
    }

    fn errand(&self, statement: &'a Statement) -> Errand<'a> {
        let errand = Errand::under(statement.session.commands(), self.text(statement));
        if statement.is_program() {
            return errand.settling();
        }
        errand
    }

    /// Runs GRANTs and REVOKEs as the server's administrator: what they are about belongs to the tree's role as little as
    /// it does on the target. No code of the tree runs any more, which could make use of them.
    async fn grant(scratch: &mut Scratch, statements: &[&Statement]) -> Result<()> {
        let confined = scratch.is_confined();
        let (session, elevation) = scratch.parts();
        let mut failures = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            let text = elevation.in_place(statement.sql());
            let share = granted_on_share(&text, Share::OfExtensions);
            let settings = statement.session.commands();
            let text = share.as_deref().unwrap_or(&text);
            match elevation.grant(&settings, text).await? {
                Outcome::Done => {}
                Outcome::Rejected { error, verbatim } => failures.push(Failure {
                    index,
                    error: *error,
                    verbatim,
                    refused: None,
                }),
                Outcome::Refused(reason) => {
                    let error = Diagnostic::error(Code::Unprivileged, reason);
                    return Err(error.at(&statement.file, statement.head(), "this can't be run"));
                }
                Outcome::Overdue => return Err(rejection::overdue(statement, session.limit())),
            }
        }
        let causes = rejection::first_causes(statements, &failures, confined);
        Diagnostic::all(causes).map_or(Ok(()), Err)
    }

    async fn load_all(&mut self) -> Result<Vec<Failure>> {
        let all: Vec<usize> = (0..self.statements.len()).collect();
        let mut failures = Vec::new();
        for transaction in all.chunks(TRANSACTION) {
            self.begin().await?;
            for batch in transaction.chunks(BATCH) {
                if self.attempt(batch).await?.is_some() {
                    failures.extend(self.load_singly(batch).await?);
                }
            }
            self.commit().await?;
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
            self.begin().await?;
            let still = self.load_singly(&waiting).await?;
            self.commit().await?;
            let progress = still.len() < waiting.len();
            failures.retain(|failure| !waiting.contains(&failure.index));
            failures.extend(still);
            failures.sort_by_key(|failure| failure.index);
            if !progress {
                return Ok(failures);
            }
        }
    }

    /// Runs statements one by one, in an open transaction, and returns those that failed.
    async fn load_singly(&mut self, indices: &[usize]) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        for &index in indices {
            let failure = match self.attempt(&[index]).await? {
                None => None,
                Some(error) => {
                    let failure = Failure {
                        index,
                        error: *error,
                        verbatim: true,
                        refused: None,
                    };
                    self.elevate(failure).await?
                }
            };
            failures.extend(failure);
        }
        Ok(failures)
    }

    /// Has a statement done that lacked a privilege, if it evaluates nothing. Returns why it fails all the same. The open
    /// transaction is committed and another one begun.
    async fn elevate(&mut self, failure: Failure) -> Result<Option<Failure>> {
        let statement = self.statements[failure.index];
        let text = self.text(statement);
        let (Some(inert), true) = (
            statement.inert(),
            failure.error.code() == &SqlState::INSUFFICIENT_PRIVILEGE,
        ) else {
            return Ok(Some(failure));
        };
        let session = self.session;
        self.commit().await?;
        let settings = statement.session.commands();
        let outcome = Box::pin(self.elevation.run(session, &settings, &text, inert)).await?;
        self.begin().await?;
        Ok(match outcome {
            Outcome::Done => None,
            Outcome::Rejected { error, verbatim } => Some(Failure {
                error: *error,
                verbatim,
                ..failure
            }),
            Outcome::Refused(reason) => Some(Failure {
                refused: Some(reason),
                ..failure
            }),
            Outcome::Overdue => return Err(rejection::overdue(statement, session.limit())),
        })
    }

    /// Runs statements as one; where one fails, none of them stands, and the server's error is returned.
    async fn attempt(&self, indices: &[usize]) -> Result<Option<Box<DbError>>> {
        let errands: Vec<Errand<'_>> = indices
            .iter()
            .map(|&index| self.errand(self.statements[index]))
            .collect();
        match self.session.attempt(&errands).await? {
            Ended::Well => Ok(None),
            Ended::Rejected { error, .. } => Ok(Some(error)),
            Ended::Overdue { number } => {
                let statement = self.statements[indices[number]];
                Err(rejection::overdue(statement, self.session.limit()))
            }
        }
    }

    async fn begin(&self) -> Result<()> {
        self.session.command("BEGIN").await
    }

    async fn commit(&self) -> Result<()> {
        self.session.command("COMMIT").await
    }
}
