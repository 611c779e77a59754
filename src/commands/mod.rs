//! What forge's commands do, for programs: a function for each, which takes plain values, prints nothing and returns a report.
//!
//! A [`Project`] is opened from a folder. What a command tells while it works goes to the project's
//! [`Listener`](crate::listener::Listener), what it tells at its end is in its report. The command line parses arguments, calls
//! these functions and renders their reports; whoever links forge calls them, too.

pub(crate) mod allow;
pub(crate) mod around;
pub(crate) mod bench;
pub(crate) mod consent;
pub mod current;
pub(crate) mod draft;
pub(crate) mod git;
pub mod heads;
pub(crate) mod locked;
pub mod log;
pub(crate) mod person;
mod project;
pub(crate) mod prove_again;
pub(crate) mod revisions;
pub mod status;
pub(crate) mod target;

pub use self::{
    current::current,
    heads::heads,
    log::history,
    project::{Choices, Project},
    status::status,
};
