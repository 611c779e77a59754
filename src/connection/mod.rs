//! Connecting as libpq does: strings, files and variables become options; sockets, TLS and a login become a [`session`].
//!
//! Nothing here knows SQL files, kinds or plans. (PostgreSQL docs: 34.1 Database Connection Control Functions.)

mod account;
pub mod backend;
pub mod failure;
pub mod keepalive;
mod liveness;
pub(crate) mod login;
pub mod options;
mod parameters;
mod passfile;
mod pods;
pub mod pooling;
mod pulse;
mod resolve;
mod role;
mod servicefile;
pub mod session;
pub(crate) mod setup;
pub(crate) mod snapshot;
mod socket;
mod startup;
mod tls;
pub mod tunnel;
mod uri;
mod verify;
