//! Shadow servers: throwaway PostgreSQL, in which the desired state is built and plans are proved.
//!
//! [`start`] finds one by [`Mode`]: databases on a server that the user names, a private cluster from installed programs, a
//! private cluster from fetched programs, or databases on the target server. A private cluster is a copy of a cached template,
//! in memory where there's room, behind a socket that only its user can enter. Nothing stays behind: the server ends with
//! forge, however forge ends, and what `kill -9` leaves of folders and databases is removed by the next forge.
//!
//! Files of the tree are code that nobody has looked at. In a [`Scratch`](crate::build::Scratch) database they run as an
//! ordinary role, which logs in as itself. On a private server, statements that evaluate nothing may get a superuser's
//! privileges; the superuser has a name of forge's own there, so that every role which the tree names is ordinary. On a server
//! of the user's none does. A statement that takes too long is stopped. Where the kernel has [`Landlock`], it confines a
//! private server besides: even a superuser there reads no file of the user's and opens no TCP connection. Sockets in the file
//! system stay open to it, so a private server of root's runs as `nobody`, who is no superuser of other servers by peer
//! authentication.
//!
//! The server ends when the *thread* that called [`start`] ends, so call it on a thread that lives as long as the shadow:
//! the main thread of a current-thread runtime.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod binaries;
pub(crate) mod cluster;
mod database;
mod download;
pub mod embedded;
pub(crate) mod folder;
mod ground;
mod guest;
mod landlock;
mod locale;
mod packages;
pub(crate) mod postmaster;
mod reach;
mod roles;
mod search;
mod server;
mod settings;
pub(crate) mod template;

pub(crate) use self::{
    database::ShadowDatabase,
    ground::{Actors, Ground, Powers},
    guest::quieten,
    search::fetched,
};
pub use self::{
    landlock::Landlock,
    search::start,
    server::Shadow,
    settings::{Mode, Progress, STATEMENT_TIMEOUT, ShadowSettings},
};
