//! What has drifted.

use crate::catalog::Catalog;

/// Two states of a database.
pub(super) struct Found {
    /// What left the first: a revision.
    pub(super) left_by: String,
    /// As it left it.
    pub(super) left: Catalog,
    /// As it is.
    pub(super) live: Catalog,
    /// Whether forge itself has changed nothing between the two.
    pub(super) settled: bool,
    /// What is different and no kind models.
    pub(super) unmodelled: Vec<String>,
}
