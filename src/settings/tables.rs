//! The tables of `forge.toml`, as they are written.

use std::{collections::BTreeMap, fmt, time::Duration};

use camino::Utf8PathBuf;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Backup, CommandLine, ConnectionString, ShadowProvider, Window,
    duration::{duration, time_limit},
};
use crate::{connection::forward::Forward, kinds::Glob, shown};

/// How old the last backup may be where nothing else is said.
const MAX_AGE: Duration = Duration::from_hours(24);

/// The tables of `forge.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Contents {
    /// `[project]`
    pub project: ProjectTable,
    /// `[managed]`
    pub managed: Managed,
    /// `[naming]`
    pub naming: NamingTable,
    /// `[policy]`
    pub policy: PolicyTable,
    /// `[shadow]`
    pub shadow: ShadowTable,
    /// `[environments.NAME]`
    pub environments: BTreeMap<String, EnvironmentTable>,
}

/// `[project]`: where the project's files are, relative to `forge.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ProjectTable {
    /// The folder of the schema tree.
    pub schema: Option<Utf8PathBuf>,
    /// The folder of the plans.
    pub plans: Option<Utf8PathBuf>,
    /// The environment for commands without `--env`.
    pub default_environment: Option<String>,
}

/// `[managed]`: globs of what forge keeps, everything where `include` is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Managed {
    /// Only schemas that match one of these are managed.
    #[serde(deserialize_with = "of_schemas")]
    pub include: Option<Vec<Glob>>,
    /// Schemas, and single objects, that match one of these are not, even if included.
    pub exclude: Vec<Glob>,
}

impl fmt::Display for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.include {
            Some(include) => f.write_str(&listed(include))?,
            None => f.write_str("all schemas")?,
        }
        if !self.exclude.is_empty() {
            write!(f, ", without {}", listed(&self.exclude))?;
        }
        Ok(())
    }
}

fn listed(globs: &[Glob]) -> String {
    let names: Vec<String> = globs.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(|name| shown::pattern(name)).collect();
    names.join(", ")
}

/// `[naming]`: what plan files are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct NamingTable {
    /// The name, with tokens in braces: `{year}{month}{day}_{hour}{minute}_{slug}`.
    pub template: Option<String>,
    /// The IANA name of the time zone of its date and time.
    pub timezone: Option<String>,
    /// As many characters of the message stand in it.
    pub slug_length: Option<usize>,
    /// The file whose lines, comments with the same tokens, stand at the head of every plan file.
    pub header: Option<Utf8PathBuf>,
}

/// `[policy]`: what has to be for a plan to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct PolicyTable {
    /// The file of the people one of whom has to sign a plan: ssh-keygen's ALLOWED SIGNERS.
    pub signers: Option<Utf8PathBuf>,
}

/// `[shadow]`: where the shadow server comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ShadowTable {
    /// The provider.
    pub provider: Option<ShadowProvider>,
    /// A server of the user's: a URL or `env:VARIABLE`.
    pub url: Option<ConnectionString>,
    /// A folder of PostgreSQL programs.
    pub bin: Option<Utf8PathBuf>,
    /// Whether nothing may be downloaded.
    pub offline: Option<bool>,
    /// The cache's folder.
    pub cache: Option<Utf8PathBuf>,
    /// How long a statement may take on the shadow server.
    #[serde(deserialize_with = "time_limit")]
    pub statement_timeout: Option<Duration>,
}

/// `[environments.NAME]`: a database and how to work on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct EnvironmentTable {
    /// `embedded`, a URL, or `env:VARIABLE`.
    pub url: Option<ConnectionString>,
    /// The role that owns what `apply` creates.
    pub role: Option<String>,
    /// Whether nobody needs the database's rows.
    pub disposable: bool,
    /// How long `apply` waits for another forge.
    #[serde(deserialize_with = "duration")]
    pub lock_wait: Option<Duration>,
    /// How to get to the server.
    pub tunnel: Option<TunnelTable>,
    /// When `apply` may change the database.
    pub window: Option<Window>,
    /// What has to succeed before `apply` changes anything.
    pub before_apply: Option<CommandLine>,
    /// What follows an `apply` that succeeded.
    pub after_apply: Option<CommandLine>,
    /// What makes a backup.
    pub backup: Option<BackupTable>,
    /// Who is told of applies and drift: a URL or `env:VARIABLE`.
    pub webhook: Option<ConnectionString>,
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

fn of_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Glob>>, D::Error> {
    let globs = Vec::<Glob>::deserialize(deserializer)?;
    match globs.iter().find(|glob| !glob.is_of_schemas()) {
        Some(glob) => Err(D::Error::custom(format!(
            "`{}` names objects, and `include` is of schemas; `exclude` can leave single objects out",
            shown::pattern(&glob.to_string())
        ))),
        None => Ok(Some(globs)),
    }
}
