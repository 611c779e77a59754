//! The schema in which forge keeps its history.

use super::{locked, project::Project};
pub use crate::history::Ensured;
use crate::{diagnostic::Result, history};

/// Creates the schema `forge` in the database, in which forge keeps its history. Where it is there, nothing is done.
///
/// `apply` does so by itself. This is for a database in which another role than the one that applies has to.
pub async fn ensure_history(project: &Project<'_>) -> Result<Ensured> {
    locked::on_target(project, "ensure-history", async |_, work| {
        history::ensure(work.session).await
    })
    .await
}
