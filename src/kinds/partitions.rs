//! Partitions: what their table hands down to them, also to those that are not managed.

use std::collections::BTreeSet;

use super::{Context, HandedDown, ObjectId};
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

    /// What a table hands down to its parts, its own and what it is handed down itself, in the live catalog.
    pub(super) fn handed_down_before(&self, whole: &ObjectId) -> Vec<(&ObjectId, HandedDown<'_>)> {
        let own = self.world.live_children(whole).into_iter();
        let mut all: Vec<_> = own
            .filter_map(|id| Some((id, self.world.live(id)?.facts().handed_down?)))
            .collect();
        if let Some(above) = self
            .world
            .live(whole)
            .and_then(|object| object.facts().goes_with)
        {
            all.extend(self.handed_down_before(above));
        }
        all
    }

    /// As [`handed_down_before`](Self::handed_down_before), in the desired catalog.
    pub(super) fn handed_down_after(&self, whole: &ObjectId) -> Vec<(&ObjectId, HandedDown<'_>)> {
        let own = self.world.children(whole).into_iter();
        let mut all: Vec<_> = own
            .filter_map(|id| Some((id, self.world.desired(id)?.facts().handed_down?)))
            .collect();
        if let Some(above) = self
            .world
            .desired(whole)
            .and_then(|object| object.facts().goes_with)
        {
            all.extend(self.handed_down_after(above));
        }
        all
    }

    /// Whether the object is neither dropped nor recreated.
    pub(super) fn stays(&self, id: &ObjectId) -> bool {
        self.world.desired(id).is_some() && !self.world.is_created(id)
    }

    /// What the object of a table that leaves a whole is already, because the whole has handed it down.
    pub(super) fn left_behind(
        &self,
        id: &ObjectId,
        after: &HandedDown<'_>,
    ) -> Option<HandedDown<'_>> {
        let table = self.world.parent(id)?;
        let (live, desired) = (self.world.live(table)?, self.world.desired(table)?);
        let whole = live
            .facts()
            .goes_with
            .filter(|_| !self.world.is_created(table))?;
        let leaves = desired.facts().goes_with != Some(whole);
        let had = self.handed_down_before(whole).into_iter();
        let had =
            had.filter(|(other, _)| leaves && other.kind == id.kind && other.name() == id.name());
        had.map(|(_, had)| had).find(|had| had.stays_as(after))
    }

    /// Whether what the object of a table that joins a whole is becomes what the whole hands down.
    pub(super) fn is_taken_over(&self, id: &ObjectId, before: &HandedDown<'_>) -> bool {
        let Some(table) = self.world.parent(id) else {
            return false;
        };
        let (Some(live), Some(desired)) = (self.world.live(table), self.world.desired(table))
        else {
            return false;
        };
        let joins = desired
            .facts()
            .goes_with
            .filter(|whole| live.facts().goes_with != Some(whole));
        let joins = joins.filter(|_| !self.world.is_created(table));
        let handed = joins
            .into_iter()
            .flat_map(|whole| self.handed_down_after(whole));
        let mut handed =
            handed.filter(|(other, _)| other.kind == id.kind && other.name() == id.name());
        handed.any(|(_, wanted)| wanted.is_needed && before.definition == wanted.definition)
    }

    /// Whether the part's table is a partition of the whole's table, before and after the plan.
    pub fn stays_together(&self, part: &ObjectId, whole: &ObjectId) -> bool {
        let (Some(own), Some(other)) = (self.world.parent(part), self.world.parent(whole)) else {
            return false;
        };
        [self.world.live(own), self.world.desired(own)]
            .into_iter()
            .all(|table| table.and_then(|object| object.facts().goes_with) == Some(other))
    }
}

impl HandedDown<'_> {
    /// Whether a table that has this has that, too, once existing rows are checked.
    fn stays_as(&self, after: &HandedDown<'_>) -> bool {
        self.definition == after.definition && (after.valid || !self.valid)
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
