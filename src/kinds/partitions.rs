//! Partitions that are not managed: what is declared on their table has to reach them, too.

use std::collections::BTreeSet;

use super::{Context, Object, ObjectId};
use crate::sql::join;

impl Context<'_> {
    /// Whether PostgreSQL makes the parts of what is declared on a partitioned table by itself: on a new partition, and on
    /// all where some are not managed, which no statement for each can reach.
    pub fn makes_part(&self, part: &ObjectId, whole: &ObjectId) -> bool {
        let table = self.world.parent(whole);
        let reaches = |table: &ObjectId| {
            self.world.is_created(whole) && !self.world.unmanaged_partitions(table).is_empty()
        };
        self.parent_is_created(part) || table.is_some_and(reaches)
    }

    /// Whether the part's table is a partition of the whole's table, before and after the plan.
    pub fn stays_together(&self, part: &ObjectId, whole: &ObjectId) -> bool {
        let (Some(own), Some(other)) = (self.world.parent(part), self.world.parent(whole)) else {
            return false;
        };
        [self.world.live(own), self.world.desired(own)]
            .into_iter()
            .all(|table| table.and_then(Object::goes_with) == Some(other))
    }
}

/// Why something blocks that is made on all partitions at once.
pub(super) fn reaching(unmanaged: &BTreeSet<&ObjectId>) -> String {
    const NAMED: usize = 3;
    let more = match unmanaged.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = unmanaged.iter().take(NAMED).map(|id| id.sql());
    format!(
        "until it is built on all partitions at once: {}{more} not managed",
        join(named, ", ")
    )
}
