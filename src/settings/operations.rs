//! What surrounds the work on a target: hooks, backup, webhook, window, the way to the server.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    ConnectionString, ForgeToml, Origin, Setting, Target, Window,
    file::{EnvironmentTable, duration},
    sources::{Sources, names_variable},
};
use crate::{connection::tunnel::Forward, shown};

/// How old the last backup may be where nothing else is said.
const MAX_AGE: Duration = Duration::from_hours(24);

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
pub struct Webhook(String);

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

/// `backup`: a command, or a table with what else is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a backup is a command, or a table with `command`, `required` and `max_age`"
)]
pub enum BackupTable {
    /// A command, run when `apply --backup` asks for it.
    Command(CommandLine),
    /// The same in full.
    Full(BackupKeys),
}

/// `backup = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupKeys {
    /// The command.
    pub command: CommandLine,
    /// Whether every `apply` makes a backup.
    #[serde(default)]
    pub required: bool,
    /// How old the last backup may be.
    #[serde(default, deserialize_with = "duration")]
    pub max_age: Option<Duration>,
}

/// `tunnel = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct TunnelTable {
    /// Through `kubectl port-forward`.
    pub kubectl: KubectlTable,
}

/// `tunnel = { kubectl = { … } }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct KubectlTable {
    /// The context of the kubeconfig; the current one otherwise.
    pub context: Option<String>,
    /// The namespace; the context's otherwise.
    pub namespace: Option<String>,
    /// What to forward to: `svc/postgres`, `pod/postgres-0`.
    #[serde(deserialize_with = "resource")]
    pub resource: String,
    /// PostgreSQL's port there.
    pub port: Option<u16>,
}

/// A resource, which kubectl must not take for a flag: `--kubeconfig` could name programs to run.
fn resource<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.starts_with('-') {
        let error = "it is no resource such as `svc/postgres`";
        return Err(D::Error::custom(error));
    }
    Ok(text)
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

impl From<&KubectlTable> for Forward {
    fn from(table: &KubectlTable) -> Self {
        Self {
            context: table.context.clone(),
            namespace: table.namespace.clone(),
            resource: table.resource.clone(),
            port: table.port.unwrap_or(5432),
        }
    }
}

impl From<&BackupTable> for Backup {
    fn from(table: &BackupTable) -> Self {
        match table {
            BackupTable::Command(command) => Self {
                command: command.clone(),
                required: false,
                max_age: MAX_AGE,
            },
            BackupTable::Full(keys) => Self {
                command: keys.command.clone(),
                required: keys.required,
                max_age: keys.max_age.unwrap_or(MAX_AGE),
            },
        }
    }
}

impl Sources<'_> {
    /// What the chosen environment says. Its tunnel leads to its own database, not to one that a flag or variable names.
    pub(super) fn operations(
        &self,
        environment: Option<&Setting<String>>,
        target: Option<&Setting<Target>>,
    ) -> Operations {
        let Some((file, name)) = self.file().zip(environment) else {
            return Operations::default();
        };
        let table = &file.contents.environments[&name.value];
        let key = Key { file, name };
        let tunnel = table.tunnel.as_ref().filter(|_| is_own(table, target));
        Operations {
            tunnel: key.setting("tunnel", tunnel.map(|table| Forward::from(&table.kubectl))),
            window: key.setting("window", table.window.clone()),
            before_apply: key.setting("before_apply", table.before_apply.clone()),
            after_apply: key.setting("after_apply", table.after_apply.clone()),
            backup: key.setting("backup", table.backup.as_ref().map(Backup::from)),
            webhook: self.webhook(&key, table.webhook.as_ref()),
        }
    }

    /// A variable that isn't set is no reason to stop anything: posting warns of it.
    fn webhook(
        &self,
        key: &Key<'_>,
        written: Option<&ConnectionString>,
    ) -> Option<Setting<Webhook>> {
        let path = ["environments", &key.name.value, "webhook"];
        let url = match self.file_url(key.file, &path, written) {
            Ok(url) => url?,
            Err(_) => Setting::new(written?.clone(), key.file.origin(&path)),
        };
        let webhook = Webhook(url.value.reveal().to_owned());
        Some(Setting::new(webhook, url.origin))
    }
}

/// Whether the target is the one that the environment names, or that it leaves to the variables to name.
fn is_own(table: &EnvironmentTable, target: Option<&Setting<Target>>) -> bool {
    let Some(target) = target else { return false };
    match (&target.origin, &table.url) {
        (Origin::Flag(_), _) | (Origin::Default, Some(_)) => false,
        (Origin::Variable(_) | Origin::Default, None) | (Origin::File { .. }, _) => true,
        (Origin::Variable(name), Some(url)) => names_variable(url, name),
    }
}

/// A place among an environment's keys.
struct Key<'a> {
    file: &'a ForgeToml,
    name: &'a Setting<String>,
}

impl Key<'_> {
    fn setting<T>(&self, key: &str, value: Option<T>) -> Option<Setting<T>> {
        let origin = self.file.origin(&["environments", &self.name.value, key]);
        Some(Setting::new(value?, origin))
    }
}
