//! A scratch database, in which statements of the tree and of plans run.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    elevation::{Elevation, Outcome},
    limit::{Limit, overdue},
    rejection::explain_confinement,
    tree_session::{Ended, Errand, RESET, TreeSession},
};
use crate::{
    connection::{
        failure::rejected, options::ConnectOptions, session::Session, snapshot::Rejection,
    },
    diagnostic::{Code, Result},
    shadow::{Ground, Shadow, ShadowDatabase},
    source,
    sql::Ident,
};

/// A scratch database and the loading role's session in it.
pub struct Scratch {
    database: ShadowDatabase,
    options: ConnectOptions,
    session: Option<Box<TreeSession>>,
    elevation: Box<Elevation>,
    cast: BTreeMap<Ident, Ident>,
    confined: bool,
    limit: Limit,
}

impl Shadow {
    /// Creates a database in which `role` creates objects, as it does on the target, and logs in there. It is an ordinary
    /// role there, whatever it is on the target.
    pub async fn scratch(&self, purpose: &str, role: &Ident) -> Result<Scratch> {
        Box::pin(Scratch::open(self.ground(purpose, role).await?, role)).await
    }

    /// Drops a scratch database.
    pub async fn drop_scratch(&self, scratch: Scratch) -> Result<()> {
        self.drop_database(scratch.close().await).await
    }
}

impl Scratch {
    /// Logs in, in the place of `role`.
    async fn open(ground: Ground, role: &Ident) -> Result<Self> {
        let Ground {
            database,
            options,
            actors,
            powers,
            statement_timeout,
            confined,
        } = ground;
        let admin = database.options();
        let limit = Limit {
            duration: statement_timeout,
            admin: admin.clone(),
        };
        let elevation = Elevation::open(&admin, actors, powers, limit.clone()).await?;
        let mut cast = elevation.cast();
        cast.insert(Ident::new(&options.user), role.clone());
        let mut scratch = Self {
            database,
            options,
            session: None,
            elevation: Box::new(elevation),
            cast,
            confined,
            limit,
        };
        scratch.log_in_again().await?;
        Ok(scratch)
    }

    /// Whether the operating system confines the server.
    pub(crate) fn is_confined(&self) -> bool {
        self.confined
    }

    /// Which role each of those plays that act in the database.
    pub fn cast(&self) -> &BTreeMap<Ident, Ident> {
        &self.cast
    }

    /// The loading role's session, for forge's own queries.
    pub fn session(&self) -> &Session {
        self.tree_session().session()
    }

    /// The loading role's session.
    pub(crate) fn tree_session(&self) -> &TreeSession {
        self.session
            .as_deref()
            .expect("only a failed login leaves a scratch database without a session")
    }

    /// How to connect to the database as the loading role.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The session, and what does for it what it may not do itself.
    pub(crate) fn parts(&mut self) -> (&TreeSession, &mut Elevation) {
        let session = self
            .session
            .as_deref()
            .expect("only a failed login leaves a scratch database without a session");
        (session, &mut self.elevation)
    }

    /// Puts a fresh session in the place of one in which code of the tree has run, whatever that has left there.
    pub(crate) async fn log_in_again(&mut self) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        self.elevation.forget_settings().await?;
        let row_security = !self.elevation.is_superusers();
        let opening = TreeSession::open(&self.options, self.limit.clone(), row_security);
        let session = Box::pin(opening).await?;
        self.session = Some(Box::new(session));
        Ok(())
    }

    /// Puts the session's settings right, whatever code of the tree has made of them.
    pub(crate) async fn settle(&self) -> Result<()> {
        self.tree_session().command(RESET).await
    }

    /// Runs statements, in a transaction or each by itself. What the role may not do and evaluates nothing is done for it,
    /// and then parts the transaction in two.
    pub async fn run_all(
        &mut self,
        statements: &[&str],
        transactional: bool,
    ) -> Result<(), Rejection> {
        let ran = Box::pin(self.try_all(statements, transactional)).await;
        ran.map_err(|rejection| {
            if self.confined {
                Rejection {
                    diagnostic: explain_confinement(rejection.diagnostic),
                    ..rejection
                }
            } else {
                rejection
            }
        })
    }

    async fn try_all(&mut self, statements: &[&str], transactional: bool) -> Result<(), Rejection> {
        let in_place: Vec<Cow<'_, str>> = statements
            .iter()
            .map(|statement| self.elevation.in_place(Cow::Borrowed(*statement)))
            .collect();
        let statements: Vec<&str> = in_place.iter().map(AsRef::as_ref).collect();
        let mut rest = &statements[..];
        let mut done = 0;
        while !rest.is_empty() {
            let running = Box::pin(self.run_ordinarily(rest, transactional));
            let Err(mut rejection) = running.await else {
                return Ok(());
            };
            let number = rejection.number;
            rejection.number += done;
            let inert = rejection
                .lacks_privilege
                .then(|| source::inert(rest[number]))
                .flatten();
            let Some(inert) = inert else {
                return Err(rejection);
            };
            if transactional && rest.len() > 1 {
                Box::pin(self.run_ordinarily(&rest[..number], transactional)).await?;
            }
            let (session, elevation) = self.parts();
            match Box::pin(elevation.run(session, "", rest[number], &inert)).await {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Rejected { error, .. }) => {
                    rejection.diagnostic = rejected(&error);
                    return Err(rejection);
                }
                Ok(Outcome::Refused(reason)) => {
                    rejection.diagnostic = rejection.diagnostic.note(reason);
                    return Err(rejection);
                }
                Ok(Outcome::Overdue) => {
                    let diagnostic = overdue(&self.limit, Code::Unproved);
                    return Err(Rejection::overdue(rejection.number, diagnostic));
                }
                Err(diagnostic) => {
                    return Err(Rejection {
                        diagnostic,
                        ..rejection
                    });
                }
            }
            rest = &rest[number + 1..];
            done += number + 1;
        }
        Ok(())
    }

    /// Runs statements as the loading role.
    async fn run_ordinarily(
        &self,
        statements: &[&str],
        transactional: bool,
    ) -> Result<(), Rejection> {
        let session = self.tree_session();
        let errands: Vec<Errand<'_>> = statements
            .iter()
            .map(|statement| Errand::of_plan(statement))
            .collect();
        let together = transactional && errands.len() > 1;
        let at_once = if together { BATCH } else { 1 };
        if together {
            session.command("BEGIN").await.map_err(Rejection::broken)?;
        }
        for (round, errands) in errands.chunks(at_once).enumerate() {
            let ended = session.carry_out(errands).await;
            match ended.map_err(Rejection::broken)? {
                Ended::Well => {}
                Ended::Rejected { number, error } => {
                    if together {
                        let back = session.command("ROLLBACK").await;
                        back.map_err(Rejection::broken)?;
                    }
                    return Err(Rejection::of(round * at_once + number, &error));
                }
                Ended::Overdue { number } => {
                    let diagnostic = overdue(&self.limit, Code::Unproved);
                    return Err(Rejection::overdue(round * at_once + number, diagnostic));
                }
            }
        }
        if together {
            self.commit(errands.len() - 1).await?;
        }
        Ok(())
    }

    /// Commits, which lets triggers fire that were put off; a failure is said to be the last statement's.
    async fn commit(&self, last: usize) -> Result<(), Rejection> {
        let commit = [Errand::of_plan("COMMIT")];
        let ended = self.tree_session().carry_out(&commit).await;
        match ended.map_err(Rejection::broken)? {
            Ended::Well => Ok(()),
            Ended::Rejected { error, .. } => Err(Rejection::of(last, &error)),
            Ended::Overdue { .. } => {
                let diagnostic = overdue(&self.limit, Code::Unproved);
                Err(Rejection::overdue(last, diagnostic))
            }
        }
    }

    /// Ends the sessions.
    async fn close(self) -> ShadowDatabase {
        if let Some(session) = self.session {
            session.close().await;
        }
        self.elevation.close().await;
        self.database
    }
}

/// As many statements are sent at once.
const BATCH: usize = 50;
