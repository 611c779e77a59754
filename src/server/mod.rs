//! Connections and shadow servers.

use std::collections::BTreeMap;

mod account;
pub mod bodies;
pub mod connect;
pub mod embedded;
pub mod failure;
pub(crate) mod http;
pub mod load;
mod login;
mod parameters;
mod passfile;
mod pods;
mod rejection;
mod resolve;
mod role;
mod servicefile;
pub mod session;
mod setup;
pub mod shadow;
mod snapshot;
mod socket;
mod startup;
mod tls;
pub mod tunnel;
mod uri;
mod verify;

/// The process's environment variables, read once. An empty value counts as unset.
pub type Environment = BTreeMap<String, String>;
