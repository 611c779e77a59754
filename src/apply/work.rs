//! What an apply works with.

use std::time::Duration;

use super::{doubt::Committing, unfinished::Unfinished};
use crate::{
    cancel::Cancel,
    catalog::Scope,
    connection::{options::ConnectOptions, session::Session},
    history::{Actor, Signers},
    listener::Listener,
};

/// What an apply works with.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The session on the target, which holds the lock.
    pub session: &'a Session,
    /// How further sessions are had.
    pub options: &'a ConnectOptions,
    /// What is managed there.
    pub scope: &'a Scope,
    /// Who applies.
    pub actor: &'a Actor,
    /// Who hears what is told meanwhile.
    pub listener: &'a dyn Listener,
    /// The user's wish to stop.
    pub cancel: &'a Cancel,
    /// The transaction whose COMMIT is under way.
    pub committing: &'a Committing,
    /// What stands of the command's work.
    pub unfinished: &'a Unfinished,
    /// How long to wait for locks that others hold.
    pub patience: Duration,
    /// How far a standby may be behind before the next batch of a step waits for it.
    pub max_lag: Duration,
    /// The people one of whom has to have signed what is applied.
    pub signers: Option<Signers<'a>>,
    /// What becomes of rows that steps drop.
    pub dropped: Dropped,
    /// Whether rows are looked for on which a step fails.
    pub looks_for_rows: bool,
    /// Whether a command of the project's is to follow.
    pub is_followed: bool,
    /// Where the backup is that was made before.
    pub backup: Option<&'a str>,
}

/// How far a standby may be behind if nobody says otherwise.
pub const MAX_LAG: Duration = Duration::from_secs(10);

/// What becomes of rows and values that steps drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dropped {
    /// They are lost.
    #[default]
    Lost,
    /// They are copied before.
    Kept,
}
