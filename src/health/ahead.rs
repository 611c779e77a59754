//! What an apply would do now.

use crate::{
    catalog::{Catalog, Scope},
    history::{Filed, Revisions, Signers},
};

/// What lies ahead.
pub struct Ahead<'a> {
    /// The plans that would be applied, in order.
    pub plans: &'a [Filed],
    /// Their ways back.
    pub downs: &'a [Option<Filed>],
    /// The people one of whom has to have signed them.
    pub signers: Option<Signers<'a>>,
    /// The revisions that nobody has approved.
    pub held: &'a [&'a str],
    /// What is known of all revisions.
    pub revisions: &'a Revisions,
    /// The database as it is.
    pub live: &'a Catalog,
    /// What is managed there.
    pub scope: &'a Scope,
}
