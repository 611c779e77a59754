//! The statement that changes a column.

use crate::kinds::{Lock, ObjectId, Step};

/// `ALTER TABLE … ALTER COLUMN …`.
pub(super) fn alter_column(id: &ObjectId, action: &str) -> Step {
    let table = id.container();
    Step::alter(
        id,
        format!("ALTER TABLE {table} ALTER COLUMN {} {action}", id.name()),
    )
    .lock(Lock::AccessExclusive, table)
}
