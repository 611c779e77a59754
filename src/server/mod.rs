//! Connections and shadow servers.
