//! Connecting as libpq does: strings, files and variables become options; sockets, TLS and a login become a [`session`].
//!
//! Nothing here knows SQL files, kinds or plans. (PostgreSQL docs: 34.1 Database Connection Control Functions.)

mod account;
pub mod backend;
mod canceller;
mod connect;
pub mod failure;
pub mod forward;
mod inbox;
pub mod keepalive;
mod liveness;
mod local;
mod login;
pub(crate) mod nonce;
mod open;
pub mod options;
mod parameters;
mod passfile;
mod percent;
mod pods;
mod pooler;
pub mod pooling;
mod processes;
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
mod watch;

pub use resolve::shown_connection;
