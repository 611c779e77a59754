//! Runs plans on a target: under the lock, checked before, in batches, recorded step by step, checked after.
//!
//! Whatever stops an apply, what the target remembers says what stands: a transaction commits its own records with its
//! work, and a step outside of any transaction is announced before it runs. The next apply goes on from there.

mod added;
mod ahead;
mod backfill;
mod check;
mod commit;
mod culprits;
mod failure;
mod halfway;
mod holder;
mod kept;
mod leftovers;
mod lock;
mod moved;
mod partitions;
mod psql;
mod retry;
mod roles;
mod rows;
mod run;
mod runner;
mod sync;
mod target;
mod unfinished;
mod watch;

use std::time::Duration;

pub use self::{
    ahead::check_ways_back,
    backfill::{Pace, spoken},
    check::check,
    commit::{Committing, outlast},
    halfway::{Halfway, check_done},
    holder::take_over,
    kept::Dropped,
    lock::{Acquired, acquire, acquire_shared, is_free},
    psql::{Beginning, history_script, psql_script, stamp_script},
    roles::{MissingRole, check_roles, missing_roles, statements_left},
    rows::{InTheWay, Looked, Remaining, look_for_rows},
    run::{Reached, Script, run},
    sync::sync,
    target::{Target, read_target},
    unfinished::Unfinished,
    watch::{Reading, attended},
};
use crate::{
    cancel::Cancel,
    catalog::Scope,
    connection::{options::ConnectOptions, session::Session},
    history::{Actor, Signers},
    report::Reporter,
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
    /// The terminal.
    pub reporter: &'a Reporter,
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
