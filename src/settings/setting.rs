//! A value and where it came from.

use std::fmt;

use camino::Utf8PathBuf;

/// A resolved value, with what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// What decided it.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value and what decided it.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The value that holds where nobody says otherwise.
    pub fn default_value(value: T) -> Self {
        Self::new(value, Origin::Default)
    }
}

/// What decided a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// A variable of the process's environment.
    Variable(String),
    /// A line of `forge.toml`.
    File {
        /// The file, as the user knows it.
        path: Utf8PathBuf,
        /// The line, counted from one.
        line: usize,
    },
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Variable(name) => write!(f, "${name}"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}
