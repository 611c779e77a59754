//! What a scratch database starts from: the database, who acts there, and what may be done for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::database::ShadowDatabase;
use crate::{connection::options::ConnectOptions, sql::Ident};

/// A database of a shadow server for one loading role, which has not logged in yet.
pub(crate) struct Ground {
    /// The database, as the administrator sees it.
    pub(crate) database: ShadowDatabase,
    /// How the loading role logs in.
    pub(crate) options: ConnectOptions,
    /// Who takes part.
    pub(crate) actors: Actors,
    /// What may be done with more privileges.
    pub(crate) powers: Powers,
    /// How long a statement may take.
    pub(crate) statement_timeout: Duration,
    /// Whether the operating system confines the server.
    pub(crate) confined: bool,
}

/// What may be done with more privileges than an ordinary role has.
#[derive(Debug, Clone)]
pub(crate) enum Powers {
    /// Whatever evaluates nothing: the server is forge's own.
    Superuser,
    /// Extensions that are installed in the database which the user has named: the server is the user's.
    Extensions {
        /// The extensions.
        installed: BTreeSet<String>,
        /// Whether the one who logs in is a superuser.
        superuser: bool,
    },
}

impl Powers {
    /// Whether the one who logs in is a superuser.
    pub(crate) fn of_superuser(&self) -> bool {
        match self {
            Self::Superuser => true,
            Self::Extensions { superuser, .. } => *superuser,
        }
    }
}

/// Who takes part in a scratch database.
pub(crate) struct Actors {
    /// The loading role.
    pub(crate) role: Ident,
    /// The roles that others play here, with who plays them.
    pub(crate) stand_ins: BTreeMap<Ident, Ident>,
    /// The roles that forge has made.
    pub(crate) made: BTreeSet<Ident>,
}
