//! Working in another role than the one that logged in.

use super::{failure::server_error, session::Session};
use crate::{diagnostic::Result, sql::Ident};

impl Session {
    /// Works in this role from now on: what is created belongs to it, and its privileges hold.
    pub async fn act_as(&self, role: &Ident) -> Result<()> {
        self.client()
            .batch_execute(&format!("SET ROLE {role}"))
            .await
            .map_err(|error| server_error(&error))
    }
}
