//! Connections and shadow servers.

pub mod bodies;
pub mod connect;
pub mod load;
mod rejection;
