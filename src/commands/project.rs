//! A project in use.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    apply::Unfinished,
    cancel::Cancel,
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    history::Signers,
    listener::{Listener, Silent},
    settings::{ConnectionString, GlobalFlags, Settings, ShadowProvider, process_environment},
};

/// A project in use: its settings, and the process around it.
#[derive(Clone)]
pub struct Project<'a> {
    /// What `forge.toml`, the environment's variables and the program say.
    pub settings: Settings,
    /// The process's environment variables.
    pub environment: Environment,
    /// Who hears what a command tells while it works.
    pub listener: &'a dyn Listener,
    /// The user's wish to stop.
    pub cancel: Cancel,
    /// What stands of a command's work.
    pub unfinished: Unfinished,
}

/// What a program chooses, in the place of what variables and `forge.toml` say.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The environment of `forge.toml`.
    pub environment: Option<String>,
    /// The database: a URL, a connection string, or `embedded`.
    pub url: Option<ConnectionString>,
    /// Where the shadow server comes from.
    pub shadow: Option<ShadowProvider>,
    /// Whether to download nothing.
    pub offline: bool,
    /// Folders outside the project whose files may be read and written, too.
    pub allow_path: Vec<Utf8PathBuf>,
}

impl Project<'static> {
    /// Opens the project of this folder, or of the nearest one above it, as the process's environment variables and
    /// `forge.toml` say.
    ///
    /// # Errors
    /// If there is no `forge.toml`, or it is not sound.
    pub fn open(folder: impl AsRef<Utf8Path>) -> Result<Self> {
        Self::open_with(folder, &Choices::default())
    }

    /// As [`Self::open`], with choices of the program's.
    pub fn open_with(folder: impl AsRef<Utf8Path>, choices: &Choices) -> Result<Self> {
        Self::open_in(folder, choices, process_environment())
    }

    /// As [`Self::open_with`], with these variables in the place of the process's: also those that programs are run with.
    pub fn open_in(
        folder: impl AsRef<Utf8Path>,
        choices: &Choices,
        environment: Environment,
    ) -> Result<Self> {
        let given = GlobalFlags {
            env: choices.environment.clone(),
            url: choices.url.clone(),
            shadow: choices.shadow,
            offline: choices.offline,
            allow_path: choices.allow_path.clone(),
            ..GlobalFlags::default()
        };
        let folder = absolute(folder.as_ref())?;
        let settings = Settings::resolve(&given, &environment, &folder)?;
        settings.project()?;
        Ok(Self {
            settings,
            environment,
            listener: &Silent,
            cancel: Cancel::new(),
            unfinished: Unfinished::default(),
        })
    }
}

impl<'a> Project<'a> {
    /// Lets this listener hear what commands tell while they work; without one, nobody does.
    #[must_use]
    pub fn heard_by<'b>(self, listener: &'b dyn Listener) -> Project<'b>
    where
        'a: 'b,
    {
        Project { listener, ..self }
    }

    /// Stops what this token is told to stop.
    #[must_use]
    pub fn stopped_by(self, cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            ..self
        }
    }

    /// The program that forge is part of.
    pub(crate) fn program() -> Result<Utf8PathBuf> {
        utf8(std::env::current_exe()?)
    }

    /// The people one of whom has to have signed what is applied.
    pub(crate) fn signers(&self) -> Option<Signers<'_>> {
        let file = self.settings.policy.signers.as_ref()?;
        Some(Signers {
            file: &file.value,
            environment: &self.environment,
        })
    }
}

fn absolute(folder: &Utf8Path) -> Result<Utf8PathBuf> {
    utf8(std::path::absolute(folder)?)
}

fn utf8(path: PathBuf) -> Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(path).map_err(|path| {
        let message = format!("the path `{}` is not UTF-8", path.display());
        Diagnostic::error(Code::Configuration, message)
    })
}
