//! What a project has done around an apply: its own commands, a backup, and a message to whoever wants to know.
//!
//! A command that has to succeed before anything is changed stops the apply; one that comes after doesn't take back what
//! is done; and a message that doesn't arrive changes nothing. What commands print is shown without the passwords that
//! forge knows.

mod backup;
mod command;
mod webhook;

use std::process::Command;

pub use self::{
    backup::take,
    command::{Hook, run},
    webhook::{Message, Outcome, post},
};
use crate::{
    cancel::Cancel, connection::options::ConnectOptions, environment::Environment,
    files::ProjectFiles, listener::Listener,
};

/// What a command of the project's is told, and where it runs.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// The project's files, in whose folder it runs.
    pub files: &'a ProjectFiles,
    /// The name of the environment, if one is chosen.
    pub environment: Option<&'a str>,
    /// The database's URL without the password.
    pub target: &'a str,
    /// The revisions that are applied.
    pub revisions: &'a [String],
    /// How the database is reached.
    pub options: &'a ConnectOptions,
    /// The process's environment variables.
    pub variables: &'a Environment,
    /// Who hears what is told meanwhile.
    pub listener: &'a dyn Listener,
    /// The user's wish to stop.
    pub cancel: &'a Cancel,
}

impl Occasion<'_> {
    /// Gives a command the variables that it finds beside those of the process: what it is about, and the database in libpq's
    /// words, so that `psql` and `pg_dump` reach it as forge does, also through a tunnel.
    fn tell(&self, command: &mut Command) {
        command
            .env("FORGE_ENV", self.environment.unwrap_or_default())
            .env("FORGE_TARGET", self.target)
            .env("FORGE_REVISIONS", self.revisions.join(" "));
        self.options.lead(command);
    }
}
