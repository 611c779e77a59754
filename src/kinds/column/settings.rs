//! How a column's values are stored and what the planner knows of them.

use super::{model::Column, reshape::handed_down, statement::alter_column};
use crate::kinds::{Change, Lock, ObjectId, Reaction, Step, casting};

pub(super) fn set_storage(change: &Change<'_, Column>) -> Reaction {
    if handed_down(change, |column| &column.storage) {
        return Reaction::Alter(Vec::new());
    }
    // The type's own way can't be named before PostgreSQL 16, so it is looked up where the new type is known.
    let storage = change
        .desired
        .storage
        .as_deref()
        .unwrap_or_else(|| casting::default_storage(&change.desired.type_name));
    Reaction::Alter(vec![alter_column(
        change.id,
        &format!("SET STORAGE {storage}"),
    )])
}

pub(super) fn set_compression(change: &Change<'_, Column>) -> Reaction {
    if handed_down(change, |column| &column.compression) {
        return Reaction::Alter(Vec::new());
    }
    let compression = change.desired.compression.as_deref().unwrap_or("default");
    Reaction::Alter(vec![alter_column(
        change.id,
        &format!("SET COMPRESSION {compression}"),
    )])
}

pub(super) fn set_statistics(change: &Change<'_, Column>) -> Reaction {
    let target = change.desired.statistics.unwrap_or(-1);
    Reaction::Alter(vec![column_setting(
        change.id,
        &format!("SET STATISTICS {target}"),
    )])
}

pub(super) fn set_options(change: &Change<'_, Column>) -> Reaction {
    let actions =
        crate::kinds::table::options_difference(&change.live.options, &change.desired.options);
    Reaction::Alter(
        actions
            .iter()
            .map(|action| column_setting(change.id, action))
            .collect(),
    )
}

/// A setting of the planner, which needs only the weaker lock.
fn column_setting(id: &ObjectId, action: &str) -> Step {
    let table = id.container();
    Step::alter(
        id,
        format!("ALTER TABLE {table} ALTER COLUMN {} {action}", id.name()),
    )
    .lock(Lock::ShareUpdateExclusive, table)
}
