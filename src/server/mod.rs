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
mod snapshot;
mod socket;
mod startup;
mod tls;
mod uri;
mod verify;

/// The process's environment variables, read once. An empty value counts as unset.
pub type Environment = BTreeMap<String, String>;
