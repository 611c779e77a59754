//! What a project has done around an apply: its own commands, a backup, and a message to whoever wants to know.
//!
//! A command that has to succeed before anything is changed stops the apply; one that comes after doesn't take back what
//! is done; and a message that doesn't arrive changes nothing. What commands print is shown without the passwords that
//! forge knows.

mod backup;
mod command;
mod webhook;

pub use self::{
    backup::take,
    command::{Hook, run},
    webhook::{Message, Outcome, post},
};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    cancel::Cancel,
    report::Reporter,
    server::{Environment, connect::ConnectOptions},
    sql::join,
};

/// What a command of the project's is told, and where it runs.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// The project's folder, in which it runs.
    pub root: &'a Utf8Path,
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
    /// The terminal.
    pub reporter: &'a Reporter,
    /// The user's wish to stop.
    pub cancel: &'a Cancel,
}

impl Occasion<'_> {
    /// The variables that a command finds beside those of the process: what it is about, and the database in libpq's
    /// words, so that `psql` and `pg_dump` reach it as forge does, also through a tunnel.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let hosts = &self.options.hosts;
        let tls = &self.options.tls;
        let mut variables = vec![
            ("FORGE_ENV", self.environment.unwrap_or_default().to_owned()),
            ("FORGE_TARGET", self.target.to_owned()),
            ("FORGE_REVISIONS", self.revisions.join(" ")),
            ("PGHOST", join(hosts.iter().map(|host| &host.host), ",")),
            ("PGPORT", join(hosts.iter().map(|host| host.port), ",")),
            ("PGUSER", self.options.user.clone()),
            ("PGDATABASE", self.options.database.clone()),
            ("PGSSLMODE", tls.mode.as_str().to_owned()),
        ];
        let addresses = hosts.iter().map(|host| {
            host.address
                .map_or(String::new(), |address| address.to_string())
        });
        let path = |path: &Option<Utf8PathBuf>| path.as_ref().map(ToString::to_string);
        let optional = [
            (
                "PGHOSTADDR",
                hosts
                    .iter()
                    .any(|host| host.address.is_some())
                    .then(|| join(addresses, ",")),
            ),
            ("PGPASSWORD", self.options.password.clone()),
            ("PGSSLROOTCERT", path(&tls.root_certificate)),
            ("PGSSLCERT", path(&tls.client_certificate)),
            ("PGSSLKEY", path(&tls.client_key)),
        ];
        variables.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        variables
    }
}
