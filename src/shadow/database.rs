//! A database of a shadow server.

use crate::{connection::options::ConnectOptions, sql::Ident};

/// A database of a shadow server. It goes with [`Shadow::drop_database`] or [`Shadow::close`].
#[derive(Clone)]
pub struct ShadowDatabase {
    pub(super) name: Ident,
    pub(super) options: ConnectOptions,
}

impl ShadowDatabase {
    /// How to connect.
    pub fn options(&self) -> ConnectOptions {
        self.options.clone()
    }
}
