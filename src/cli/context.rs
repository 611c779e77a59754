//! What commands share: the process around them, and the settings of the project.

use camino::Utf8Path;

use crate::{
    apply::Unfinished,
    cancel::Cancel,
    commands::Project,
    diagnostic::Result,
    environment::Environment,
    files::ProjectFiles,
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
    /// The files of a project in this folder.
    pub(super) fn files_of(&self, folder: &Utf8Path) -> ProjectFiles {
        let allowed = self.flags.allowed(self.environment, self.working_dir);
        ProjectFiles::new(folder, &allowed)
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

    /// The project of these settings, which the terminal listens to.
    pub fn project(&self) -> Result<Project<'_>> {
        Ok(Project {
            settings: self.settings()?,
            environment: self.environment.clone(),
            listener: self.reporter,
            cancel: self.cancel.clone(),
            unfinished: self.unfinished.clone(),
        })
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
