//! Sequences that go on where others are: a column gets its numbers from another one, which mustn't give out any again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalogs, Diff};
use crate::{
    catalog::Catalog,
    kinds::{Counter, ObjectId, Predecessor, World as _},
};

impl Diff<'_> {
    /// For each object whose sequence gives a column its numbers from now on, those that gave them before.
    pub(super) fn find_predecessors(&self) -> BTreeMap<ObjectId, Vec<Predecessor>> {
        let mut predecessors: BTreeMap<ObjectId, Vec<Predecessor>> = BTreeMap::new();
        for column in self.renumbered() {
            let (Some((old, counter)), Some((heir, _))) = (
                self.counter_at(self.catalogs.live, column),
                self.counter_at(self.catalogs.desired, column),
            ) else {
                continue;
            };
            if heir == old && !self.is_created(old) {
                continue; // It changes where it stands.
            }
            let predecessor = Predecessor {
                object: old.clone(),
                counter,
                goes: self.loses_counter(old),
            };
            let known = predecessors.entry(heir.clone()).or_default();
            if !known.contains(&predecessor) {
                known.push(predecessor);
            }
        }
        predecessors
    }

    /// The columns whose rows stay and that may get their numbers from elsewhere.
    fn renumbered(&self) -> BTreeSet<&ObjectId> {
        let Catalogs { live, desired } = self.catalogs;
        let mut columns = BTreeSet::new();
        for id in self.fates.keys() {
            for catalog in [live, desired] {
                let owner = catalog.get(id).and_then(|object| object.facts().goes_with);
                columns.extend([Some(id), catalog.parent(id), owner].into_iter().flatten());
            }
        }
        columns.retain(|column| self.keeps_rows(column));
        columns
    }

    /// Whether the column's rows stay, be it that they are carried over to a new table.
    fn keeps_rows(&self, column: &ObjectId) -> bool {
        let Catalogs { live, desired } = self.catalogs;
        let parent_is_aside = live
            .parent(column)
            .is_some_and(|table| self.is_created(table) && self.stands_aside(table));
        live.contains(column)
            && desired.contains(column)
            && (!self.is_dropped(column) || parent_is_aside)
    }

    /// The sequence from which a column gets its numbers: its own, the one that its default draws from, or one that belongs
    /// to it.
    fn counter_at<'a>(
        &'a self,
        catalog: &'a Catalog,
        column: &'a ObjectId,
    ) -> Option<(&'a ObjectId, Counter)> {
        let (children, companions) = if std::ptr::eq(catalog, self.catalogs.live) {
            (self.live_children(column), self.companions(column))
        } else {
            (
                self.children(column),
                self.desired_companions(column).to_vec(),
            )
        };
        let drawn_from = children
            .into_iter()
            .flat_map(|part| catalog.dependencies(part));
        let candidates = std::iter::once(column).chain(drawn_from).chain(companions);
        let mut counters = candidates.filter_map(|id| Some((id, catalog.get(id)?.counter(id)?)));
        counters.next()
    }

    /// Whether the plan drops the object's sequence.
    fn loses_counter(&self, id: &ObjectId) -> bool {
        let desired = self.catalogs.desired.get(id);
        self.is_dropped(id) || desired.and_then(|object| object.counter(id)).is_none()
    }

    /// Whether the object's sequence is there already.
    pub fn has_counter(&self, id: &ObjectId) -> bool {
        let live = self.catalogs.live.get(id);
        !self.is_created(id) && live.and_then(|object| object.counter(id)).is_some()
    }
}
