//! The flags that every command takes, as the user wrote them.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{ConnectionString, ShadowProvider, parse_time_limit};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    report::{ColorChoice, LogFormat, LogLevel, Verbosity},
    shown,
};

/// Flags that every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalFlags {
    /// Run as if started in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<Utf8PathBuf>,

    /// Use this environment of forge.toml [env: FORGE_ENV]
    #[arg(long = "env", value_name = "NAME", global = true)]
    pub env: Option<String>,

    /// Use this database instead of the environment's [env: FORGE_URL, DATABASE_URL]
    ///
    /// A URL (`postgresql://…`), a connection string (`host=… dbname=…`), or `embedded`.
    /// Other users of the machine can see a command line: keep passwords in .pgpass or the environment.
    #[arg(long, value_name = "URL", global = true)]
    pub url: Option<ConnectionString>,

    /// Choose where the shadow server comes from [env: FORGE_SHADOW]
    #[arg(long, value_name = "PROVIDER", global = true)]
    pub shadow: Option<ShadowProvider>,

    /// Build the desired state on this server [env: FORGE_SHADOW_URL]
    #[arg(long, value_name = "URL", global = true)]
    pub shadow_url: Option<ConnectionString>,

    /// Start the shadow server from the PostgreSQL programs in this folder [env: FORGE_SHADOW_BIN]
    #[arg(long, value_name = "DIR", global = true)]
    pub shadow_bin: Option<Utf8PathBuf>,

    /// Stop a statement that takes longer than this on the shadow server [env: FORGE_SHADOW_STATEMENT_TIMEOUT]
    #[arg(long, value_name = "DURATION", global = true, value_parser = parse_time_limit)]
    pub shadow_statement_timeout: Option<Duration>,

    /// Download nothing [env: FORGE_OFFLINE]
    #[arg(long, global = true)]
    pub offline: bool,

    /// Read and write the project's files in this folder outside the project, too [env: FORGE_ALLOW_PATH]
    ///
    /// Paths and symbolic links of a repository must not lead out of it without this.
    #[arg(long = "allow-path", value_name = "DIR", global = true)]
    pub allow_path: Vec<Utf8PathBuf>,

    /// Choose when to use colour [env: NO_COLOR]
    #[arg(long, value_name = "WHEN", global = true)]
    pub color: Option<ColorChoice>,

    /// Print data, warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print how and why, too
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// Choose how messages are written to stderr
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,

    /// Choose which messages are written: this level, and what is more important [env: FORGE_LOG, for developers]
    #[arg(long, value_name = "LEVEL", global = true, conflicts_with_all = ["quiet", "verbose"])]
    pub log_level: Option<LogLevel>,
}

impl GlobalFlags {
    /// The folder to run in: `-C`, else where forge was started.
    pub fn folder(&self, working_dir: &Utf8Path) -> Result<Utf8PathBuf> {
        let Some(directory) = &self.directory else {
            return Ok(working_dir.to_owned());
        };
        let folder = working_dir.join(directory);
        if folder.is_dir() {
            return Ok(folder);
        }
        let shown = if shown::path(directory.as_str()) == directory.as_str() {
            folder.as_str()
        } else {
            shown::HIDDEN
        };
        Err(
            Diagnostic::error(Code::Usage, format!("`{shown}` is not a folder"))
                .help("`-C` takes the folder to run in"),
        )
    }

    /// The folders outside the project whose files may be read and written: `--allow-path`, else `FORGE_ALLOW_PATH`, where a
    /// colon stands between them.
    pub fn allowed(&self, variables: &Environment, working_dir: &Utf8Path) -> Vec<Utf8PathBuf> {
        let of_variable = || {
            let paths = variables.get("FORGE_ALLOW_PATH").unwrap_or_default();
            let paths = paths.split(':').filter(|path| !path.is_empty());
            paths.map(Utf8PathBuf::from).collect()
        };
        let paths = match &self.allow_path[..] {
            [] => of_variable(),
            flags => flags.to_vec(),
        };
        let absolute = paths.iter().map(|path| working_dir.join(path));
        absolute.collect()
    }

    /// How much to say.
    pub fn verbosity(&self) -> Verbosity {
        match (self.log_level, self.quiet, self.verbose) {
            (Some(level), _, _) => level.verbosity(),
            (None, true, _) => Verbosity::Quiet,
            (None, false, true) => Verbosity::Verbose,
            (None, false, false) => Verbosity::Normal,
        }
    }
}
