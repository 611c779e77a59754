//! A transaction of which nobody knows yet whether it stands.

use std::cell::RefCell;

/// The transaction whose COMMIT is under way.
#[derive(Debug, Default)]
pub struct Committing(pub(super) RefCell<Option<Doubt>>);

/// A transaction, and what it is for.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub(super) transaction: String,
    pub(super) what: String,
}

impl Committing {
    /// Whether nobody knows if the last transaction stands.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.0.borrow().is_some()
    }
}
