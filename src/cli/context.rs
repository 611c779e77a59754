//! What commands share: the process around them, and the settings of the project.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    apply::Unfinished,
    cancel::Cancel,
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    files::ProjectFiles,
    history::Signers,
    report::Reporter,
    settings::{GlobalFlags, Setting, Settings},
};

/// What a command works with.
pub struct Context<'a> {
    /// The flags that every command takes.
    pub flags: &'a GlobalFlags,
    /// The process's environment variables.
    pub environment: &'a Environment,
    /// The folder to run in.
    pub working_dir: &'a Utf8Path,
    /// The terminal.
    pub reporter: &'a Reporter,
    /// The user's wish to stop.
    pub cancel: &'a Cancel,
    /// What stands of the command's work.
    pub unfinished: &'a Unfinished,
}

impl Context<'_> {
    /// forge's own file.
    pub fn program(&self) -> Result<Utf8PathBuf> {
        let path = std::env::current_exe()?;
        Utf8PathBuf::from_path_buf(path).map_err(|path| {
            let message = format!("forge's own path `{}` is not UTF-8", path.display());
            Diagnostic::error(Code::Configuration, message)
        })
    }

    /// The files of a project in this folder.
    pub(super) fn files_of(&self, folder: &Utf8Path) -> ProjectFiles {
        let allowed = self.flags.allowed(self.environment, self.working_dir);
        ProjectFiles::new(folder, &allowed)
    }

    /// The people one of whom has to have signed what is applied.
    pub(super) fn signers<'s>(&'s self, settings: &'s Settings) -> Option<Signers<'s>> {
        let file = settings.policy.signers.as_ref()?;
        Some(Signers {
            file: &file.value,
            environment: self.environment,
        })
    }

    /// The settings. Resolved on demand, because some commands do without a sound `forge.toml`.
    pub fn settings(&self) -> Result<Settings> {
        let settings = Settings::resolve(self.flags, self.environment, self.working_dir)?;
        let project = &settings.project.root;
        self.reporter.detail(format_args!("project: {project}"));
        if let Some(Setting { value, origin }) = &settings.target {
            self.reporter
                .detail(format_args!("target: {value} ({origin})"));
        }
        Ok(settings)
    }
}

/// How a command prints its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}
