//! Connections and shadow servers.

pub mod connect;
pub mod embedded;
pub mod shadow;
