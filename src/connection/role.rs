//! Working in another role than the one that logged in.

use super::{failure::server_error, session::Session};
use crate::{diagnostic::Result, sql::Ident};

impl Session {
    /// Works in this role from now on: what is created belongs to it, and its privileges hold.
    pub async fn act_as(&self, role: &Ident) -> Result<()> {
        if self.pooling().is_shared() {
            // Each statement or transaction sets it, and this one whether it may.
            let acting = self.acting.lock();
            *acting.expect("nothing panics while it holds the role") = Some(role.clone());
            self.read("SELECT current_user", &[]).await?;
            return Ok(());
        }
        self.client()
            .batch_execute(&format!("SET ROLE {role}"))
            .await
            .map_err(|error| server_error(&error))
    }
}
