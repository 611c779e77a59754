//! Connecting: a session, and what watches it.

use super::{liveness, open, options::ConnectOptions, session::Session};
use crate::diagnostic::Result;

impl Session {
    /// Connects to the first host that will do, logs in, and sets up the session: one round trip after the login.
    ///
    /// As in libpq, a host that can't be reached is followed by the next, and a login that is refused by none.
    pub async fn open(options: &ConnectOptions, application_name: &str) -> Result<Self> {
        let mut session = open::open(options, application_name).await?;
        session.watch = liveness::watch(&session, options);
        Ok(session)
    }
}
