//! A sequence.

use super::tables::{ColumnId, TableId};

/// What is known of a sequence but its position.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) type_name: String,
    pub(super) increment: i64,
    pub(super) limits: (i64, i64),
    /// The table that it goes with.
    pub(super) owner: Option<TableId>,
    /// The identity column whose sequence it is.
    pub(super) identity: Option<ColumnId>,
}
