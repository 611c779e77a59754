//! Values of `forge.toml` and of variables that have a meaning of their own.

/// In `forge.toml`, before the name of the variable that holds a URL.
pub(super) const VARIABLE_PREFIX: &str = "env:";
/// The URL that stands for forge's own persistent cluster.
pub(super) const EMBEDDED: &str = "embedded";
/// What switches something on or off.
pub(super) const SWITCH: [&str; 6] = ["true", "false", "yes", "no", "on", "off"];
