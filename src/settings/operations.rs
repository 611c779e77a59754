//! What surrounds the work on a target: hooks, backup, webhook, window, the way to the server.

use std::{fmt, time::Duration};

use serde::Deserialize;

use super::{Setting, Window};
use crate::{connection::forward::Forward, shown};

/// A command of the project's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a command is a line for the shell, or a list of the program and its arguments"
)]
pub enum CommandLine {
    /// A line for `sh`.
    Shell(String),
    /// A program and its arguments.
    Arguments(Vec<String>),
}

/// The program: arguments may be secrets.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown::command(&match self {
            Self::Shell(line) => line.clone(),
            Self::Arguments(arguments) => arguments.join(" "),
        }))
    }
}

/// Where applies and drift are told of: a URL.
///
/// Whoever has it can write there, so no more of it than the host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(pub(super) String);

impl Webhook {
    /// The address, for posting and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown::web_address(&self.0))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let required = if self.required { ", required" } else { "" };
        write!(f, "{}{required}", self.command)
    }
}

/// What makes a backup, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The command.
    pub command: CommandLine,
    /// Whether every `apply` makes one.
    pub required: bool,
    /// How old the last one may be.
    pub max_age: Duration,
}

/// What surrounds the work on a target, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// How to get to the server.
    pub tunnel: Option<Setting<Forward>>,
    /// When `apply` may change the database.
    pub window: Option<Setting<Window>>,
    /// What has to succeed before `apply` changes anything.
    pub before_apply: Option<Setting<CommandLine>>,
    /// What follows an `apply` that succeeded.
    pub after_apply: Option<Setting<CommandLine>>,
    /// What makes a backup.
    pub backup: Option<Setting<Backup>>,
    /// Who is told of applies and drift.
    pub webhook: Option<Setting<Webhook>>,
}
