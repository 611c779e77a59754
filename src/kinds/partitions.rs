//! Partitions that are not managed: what is declared on their table has to reach them, too.

use super::{Context, Object, ObjectId};

impl Context<'_> {
    /// The partitions of a table that are not managed: what is declared on the table has to reach them, too.
    pub fn unmanaged_partitions(&self, table: &ObjectId) -> Vec<&str> {
        let managed: Vec<String> = [
            self.world.companions(table),
            self.world.desired_companions(table),
        ]
        .into_iter()
        .flatten()
        .map(ObjectId::sql)
        .collect();
        let both = [self.world.live(table), self.world.desired(table)];
        let all = both.into_iter().flatten().flat_map(Object::partitions);
        let mut unmanaged: Vec<&str> = all
            .filter(|partition| !managed.contains(partition))
            .map(String::as_str)
            .collect();
        unmanaged.sort_unstable();
        unmanaged.dedup();
        unmanaged
    }

    /// Whether PostgreSQL makes the parts of what is declared on a partitioned table by itself: on a new partition, and on
    /// all where some are not managed, which no statement for each can reach.
    pub fn makes_part(&self, part: &ObjectId, whole: &ObjectId) -> bool {
        let table = self.world.parent(whole);
        let reaches = |table: &ObjectId| {
            self.world.is_created(whole) && !self.unmanaged_partitions(table).is_empty()
        };
        self.parent_is_created(part) || table.is_some_and(reaches)
    }
}

/// Why something blocks that is made on all partitions at once.
pub(super) fn reaching(unmanaged: &[&str]) -> String {
    const NAMED: usize = 3;
    let more = match unmanaged.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = unmanaged.iter().take(NAMED).copied().collect();
    format!(
        "until it is built on all partitions at once: {}{more} not managed",
        named.join(", ")
    )
}
