//! What a look for drift has shown.

use serde::Serialize;

use super::found::Found;
use crate::drift::{Change, Group};

/// What a look at the database has shown.
pub(super) struct Looked {
    pub(super) report: Report,
    /// What was compared.
    pub(super) found: Option<Found>,
}

/// The version of the JSON document.
pub(super) const VERSION: u32 = 1;

/// What somebody changed in the database since the last plan was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of the JSON document.
    pub version: u32,
    /// Whether something is different.
    pub drift: bool,
    /// What left the state with which the database is compared; none where nothing was ever applied.
    #[serde(skip)]
    pub left_by: Option<String>,
    /// The revision that the database is at; none at base.
    pub revision: Option<String>,
    /// When that was.
    pub since: Option<String>,
    /// The revision that left something else than it promised, if the database still is otherwise.
    pub differs: Option<String>,
    /// What was found to be otherwise then, behind a colon.
    #[serde(skip)]
    pub found: String,
    /// The objects that were changed.
    pub objects: Vec<Group>,
    /// What was changed and no kind models.
    pub unmodelled: Vec<Unmodelled>,
}

/// A change of what no kind models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmodelled {
    /// What happened.
    pub change: Change,
    /// To what.
    pub object: String,
}

impl Report {
    /// How many objects aren't as they were.
    pub fn changed(&self) -> usize {
        self.objects.len() + self.unmodelled.len()
    }
}
