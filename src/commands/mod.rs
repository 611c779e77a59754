//! What forge's commands do, for programs: a function for each, which takes plain values, prints nothing and returns a report.
//!
//! A [`Project`] is opened from a folder. What a command tells while it works goes to the project's
//! [`Listener`](crate::listener::Listener), what it tells at its end is in its report. The command line parses arguments, calls
//! these functions and renders their reports; whoever links forge calls them, too.

pub(crate) mod allow;
pub mod apply;
pub mod approve;
pub(crate) mod around;
pub(crate) mod bench;
pub mod branches;
pub mod checks;
pub(crate) mod consent;
pub mod current;
pub mod downgrade;
pub(crate) mod draft;
pub mod drift;
pub mod ensure_history;
pub mod estimate;
pub(crate) mod git;
pub mod heads;
pub(crate) mod locked;
pub mod log;
pub(crate) mod person;
pub mod plan;
pub mod preflight;
mod project;
pub(crate) mod prove_again;
pub(crate) mod revisions;
pub mod status;
pub(crate) mod target;
mod thread;
pub mod validate;
pub mod verify;
pub mod wait;
pub(crate) mod ways_back;

pub use self::{
    apply::apply,
    approve::approve,
    branches::branches,
    current::current,
    downgrade::downgrade,
    drift::{adopt_drift, drift, revert_drift},
    ensure_history::ensure_history,
    estimate::estimate,
    heads::heads,
    log::history,
    plan::plan,
    preflight::preflight,
    project::{Choices, Project},
    status::status,
    thread::{STACK, block_on},
    validate::validate,
    verify::verify,
    wait::wait,
};
