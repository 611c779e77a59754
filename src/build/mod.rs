//! Turns a schema tree into a database of a shadow server, and runs plans there.
//!
//! Files of the tree are code that nobody has looked at, so all of it runs in a [`Scratch`] database as an ordinary role;
//! what needs more, and evaluates nothing, forge writes anew and runs itself.

pub mod bodies;
mod broken;
mod elevation;
mod limit;
pub mod load;
mod rejection;
mod rows;
mod scratch;
mod tree_session;

pub(crate) use self::rejection::ORDINARY;
pub use self::scratch::Scratch;
