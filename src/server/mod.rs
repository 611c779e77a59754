//! Connections and shadow servers.

mod account;
pub mod backend;
pub mod bodies;
pub mod connect;
pub mod embedded;
mod environment;
pub mod failure;
pub(crate) mod http;
pub mod keepalive;
pub mod keys;
mod liveness;
pub mod load;
mod locale;
mod login;
mod parameters;
mod passfile;
mod pods;
pub mod pooling;
mod pulse;
mod rejection;
mod resolve;
mod role;
mod rows;
mod servicefile;
pub mod session;
mod setup;
pub mod shadow;
pub(crate) mod snapshot;
mod socket;
mod startup;
mod tls;
pub mod tunnel;
mod uri;
mod verify;

pub use environment::Environment;
