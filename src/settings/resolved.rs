//! Settings, resolved.

use std::{fmt, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};

use super::{ConnectionString, FILE_NAME, Managed, Naming, Operations, Setting, ShadowProvider};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::ProjectFiles,
    shown,
};

/// Everything that a command works with, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the project's files are.
    pub project: Project,
    /// The name of the environment, if one is chosen.
    pub environment: Option<Setting<String>>,
    /// The database to work on, if one is named: see [`Settings::target`].
    pub target: Option<Setting<Target>>,
    /// The role that owns what `apply` creates; otherwise the one that logs in.
    pub role: Option<Setting<String>>,
    /// How long `apply` waits for another forge.
    pub lock_wait: Setting<Duration>,
    /// Whether nobody needs the database's rows: what `--url` names is never disposable.
    pub disposable: bool,
    /// The schemas that forge keeps.
    pub managed: Setting<Managed>,
    /// What plan files are called.
    pub naming: Naming,
    /// What surrounds the work on the target.
    pub operations: Operations,
    /// Who has to sign what is applied.
    pub policy: Policy,
    /// Where the shadow server comes from.
    pub shadow: Shadow,
    /// The environments that `forge.toml` declares.
    pub(super) environments: Vec<String>,
}

/// Where the project's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder of `forge.toml`, or the working folder where there is none.
    pub root: Utf8PathBuf,
    /// Whether there is a `forge.toml`.
    pub declared: bool,
    /// The folder of the schema tree.
    pub schema: Setting<Utf8PathBuf>,
    /// The folder of the plans.
    pub plans: Setting<Utf8PathBuf>,
    /// Its files, and how far their paths may lead.
    pub files: Arc<ProjectFiles>,
}

/// Who has to sign what is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The file of the people whose signatures count; without one, no plan needs a signature.
    pub signers: Option<Setting<Utf8PathBuf>>,
    /// The key with which `approve --sign` signs, before git's.
    pub signing_key: Option<Setting<String>>,
}

/// The database to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// forge's own persistent cluster under `.forge/`.
    Embedded,
    /// A URL or connection string.
    Connection(ConnectionString),
    /// Whatever libpq's variables (`PGHOST`, `PGSERVICE`, …) name.
    Variables,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Connection(connection) => connection.fmt(f),
            Self::Variables => f.write_str("as the PG* variables say"),
        }
    }
}

/// Where the shadow server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The provider.
    pub provider: Setting<ShadowProvider>,
    /// A server of the user's.
    pub url: Option<Setting<ConnectionString>>,
    /// A folder of PostgreSQL programs.
    pub bin: Option<Setting<Utf8PathBuf>>,
    /// Whether nothing may be downloaded.
    pub offline: Setting<bool>,
    /// Where downloads, templates and catalogs are kept.
    pub cache: Setting<Utf8PathBuf>,
    /// How long a statement of the tree or of a plan may take there.
    pub statement_timeout: Setting<Duration>,
    /// Another npm registry than the public one.
    pub mirror: Option<Setting<ConnectionString>>,
}

impl Settings {
    /// The database to work on, or what to do to name one.
    pub fn target(&self) -> Result<&Setting<Target>> {
        self.target.as_ref().ok_or_else(|| {
            let message = match &self.environment {
                Some(name) => {
                    format!("environment `{}` names no database", shown::name(&name.value))
                },
                None => "no database is named".to_owned(),
            };
            let diagnostic = Diagnostic::error(Code::Configuration, message);
            if self.environment.is_none() && !self.environments.is_empty() {
                return diagnostic
                    .note(existing(&self.environments))
                    .help("choose an environment with `--env NAME`, or set `default_environment`");
            }
            diagnostic.help(format!(
                "give `--url`, set `DATABASE_URL`, or add `url` to the environment in `{FILE_NAME}`; `url = \"embedded\"` needs no server"
            ))
        })
    }

    /// The project's files, for commands that can't do without a project.
    pub fn project(&self) -> Result<&Project> {
        if self.project.declared {
            return Ok(&self.project);
        }
        Err(no_project(&self.project.root))
    }
}

pub(super) fn no_project(folder: &Utf8Path) -> Diagnostic {
    Diagnostic::error(
        Code::Configuration,
        format!("no `{FILE_NAME}` in `{folder}` or above"),
    )
    .help("start a project with `forge init`, or name its folder with `-C DIR`")
}

pub(super) fn existing(environments: &[String]) -> String {
    let names = environments.iter().map(|name| shown::name(name));
    format!(
        "`{FILE_NAME}` has `{}`",
        names.collect::<Vec<_>>().join("`, `")
    )
}
