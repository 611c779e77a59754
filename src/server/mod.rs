//! Connections and shadow servers.

pub mod connect;
