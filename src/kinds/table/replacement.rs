//! Replacing a table without losing its rows: the old one stands aside, the new one is filled from it, the old one goes.

use super::model::Table;
use crate::{
    kinds::{Action, Aside, Context, HazardKind, Lock, ObjectId, Step},
    sql::{Ident, aside_name, dotted, join},
};

/// The steps around the creation of the new table.
pub(super) fn keep_rows(live: &Table, desired: &Table, id: &ObjectId, cx: &Context<'_>) -> Aside {
    let old = id.renamed(aside_name(id.name()));
    let (kept, lost) = columns(id, cx);
    let rename = format!("ALTER TABLE {} RENAME TO {}", id.sql(), old.name());
    let mut away = Step::new(Action::Rename, id, rename)
        .because("set the old table aside")
        .lock(Lock::AccessExclusive, id.sql());
    if let Some(whole) = &live.partition_of_ref {
        if cx.world.is_created(whole) && desired.partition_of_ref.as_ref() == Some(whole) {
            // The whole stands aside with its partitions, its rows find their new ones, and it takes the old along.
            return Aside {
                away: vec![away],
                carry: Vec::new(),
                remove: Vec::new(),
            };
        }
        let detach = format!("ALTER TABLE {} DETACH PARTITION {}", whole.sql(), id.sql());
        away.sql.insert(0, detach);
        away = away.lock(Lock::AccessExclusive, whole.sql());
    }
    // The rows of a table that inherits from it are that table's.
    let only = if live.partition_key.is_some() {
        ""
    } else {
        "ONLY "
    };
    let columns = join(kept.iter().map(|(name, _)| name), ", ");
    let values = join(kept.iter().map(|(_, value)| value), ", ");
    let mut carry = Step::new(
        Action::Data,
        id,
        format!(
            "INSERT INTO {} ({columns})\n    OVERRIDING SYSTEM VALUE\n    SELECT {values} FROM {only}{}",
            id.sql(),
            old.sql()
        ),
    )
    .because("carry its rows over")
    .hazard(HazardKind::BlocksReads, "reads and writes wait while the rows are copied");
    for loss in losses(id, cx) {
        carry = carry.hazard(HazardKind::DeletesData, loss);
    }
    if desired.partition_key.is_some() {
        carry = carry.hazard(HazardKind::MayFail, "a row that fits no partition stops it");
    }
    if kept.iter().any(|(name, value)| name.to_string() != *value) {
        carry = carry.hazard(HazardKind::MayFail, "a value that doesn't fit its new type stops it");
    }
    let mut remove =
        Step::drop(id, format!("DROP TABLE {}", old.sql())).because("drop the old table");
    for column in lost {
        remove = remove.hazard(
            HazardKind::DeletesData,
            format!("the values of {} go with it", dotted(&column.path)),
        );
    }
    let carry = if kept.is_empty() {
        Vec::new()
    } else {
        vec![carry]
    };
    Aside {
        away: vec![away],
        carry,
        remove: vec![remove],
    }
}

/// The columns whose values go over, with the new value, and those whose values are lost.
fn columns<'a>(id: &ObjectId, cx: &'a Context<'_>) -> (Vec<(Ident, String)>, Vec<&'a ObjectId>) {
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    for child in cx.world.live_children(id) {
        let Some(live) = cx.world.live(child).filter(|live| live.facts().holds_values) else {
            continue;
        };
        match cx.world.desired(child) {
            Some(desired) if desired.facts().holds_values => match live.carried(desired, child, cx) {
                Some(value) => kept.push((child.name().clone(), value)),
                None => lost.push(child),
            },
            Some(_) => {} // It is computed from now on.
            None => lost.push(child),
        }
    }
    (kept, lost)
}

/// What of the values that go over is lost because they get another type.
fn losses(id: &ObjectId, cx: &Context<'_>) -> Vec<String> {
    let columns = cx.world.live_children(id).into_iter();
    columns
        .filter_map(|column| cx.world.live(column)?.loses(cx.world.desired(column)?, column, cx))
        .collect()
}
