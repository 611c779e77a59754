//! Runs plans on a target: under the lock, checked before, in batches, recorded step by step, checked after.
//!
//! Whatever stops an apply, what the target remembers says what stands: a transaction commits its own records with its
//! work, and a step outside of any transaction is announced before it runs. The next apply goes on from there.

mod added;
mod ahead;
mod backfill;
mod cause;
mod check;
mod commit;
mod culprits;
mod doubt;
mod ended;
mod failure;
mod halfway;
mod holder;
mod kept;
mod leftovers;
mod lock;
mod moved;
mod partitions;
mod psql;
mod query;
mod retry;
mod roles;
mod rows;
mod run;
mod runner;
mod script;
mod sync;
mod takeover;
mod target;
mod unfinished;
mod watch;
mod work;

pub use self::{
    ahead::check_ways_back,
    backfill::{Pace, spoken},
    check::check,
    commit::outlast,
    doubt::Committing,
    ended::{end_here, steps_of},
    halfway::{Halfway, check_done},
    lock::{Acquired, acquire, acquire_shared, is_free},
    psql::{Beginning, history_script, psql_script, stamp_script},
    roles::{MissingRole, check_roles, missing_roles, statements_left},
    rows::{InTheWay, Looked, Remaining, look_for_rows},
    run::{Reached, run},
    script::Script,
    sync::sync,
    takeover::take_over,
    target::{Target, read_target},
    unfinished::Unfinished,
    watch::{Reading, attended},
    work::{Dropped, MAX_LAG, Work},
};
