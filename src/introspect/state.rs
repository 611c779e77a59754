//! Whether a database may have changed since it was last read.

use crate::{
    connection::{session::Session, snapshot::STATE},
    diagnostic::Result,
};

/// The state of the session's database in one line. Equal lines mean equal catalogs; it says nothing of how two differ.
pub async fn state(session: &Session) -> Result<String> {
    let answers = session.snapshot(&[STATE]).await?;
    Ok(answers[0]
        .first()
        .expect("the query has one row")
        .get("state"))
}

/// The extensions of the session's database with their versions, in one line.
pub async fn extension_versions(session: &Session) -> Result<String> {
    let answers = session.snapshot(&[include_str!("versions.sql")]).await?;
    Ok(answers[0]
        .first()
        .expect("the query has one row")
        .get("versions"))
}
