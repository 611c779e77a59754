//! Connections and shadow servers.

pub mod connect;

/// The process's environment variables, read once. An empty value counts as unset.
pub type Environment = std::collections::BTreeMap<String, String>;
