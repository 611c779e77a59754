//! Connections and shadow servers.

use std::collections::BTreeMap;

mod account;
pub mod connect;
pub mod failure;
mod login;
mod parameters;
mod passfile;
mod resolve;
mod servicefile;
pub mod session;
mod setup;
mod socket;
mod startup;
mod tls;
mod uri;
mod verify;

/// A snapshot of the process's environment, taken once, so that nothing below depends on the process.
pub type Environment = BTreeMap<String, String>;
