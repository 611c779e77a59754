//! Partitions that others have added or taken away while a plan was half done.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Catalog,
    kinds::{ObjectId, Step},
    plan::Plan,
};

/// Changes of sets of partitions that the plan has not made.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// The partitions that have come, each with its table.
    added: BTreeMap<ObjectId, ObjectId>,
    /// Those that have gone, each with its table.
    gone: BTreeMap<ObjectId, ObjectId>,
    /// The tables that were compared.
    tables: BTreeSet<ObjectId>,
}

impl Moved {
    /// Compares a database, as it was left before the plan was begun, with what it is. What the plan itself changes, as its
    /// undo steps tell, is not looked at.
    pub(super) fn between(left: Option<&Catalog>, live: &Catalog, undo: &Plan) -> Self {
        let changes = undo.parts.iter().flat_map(|part| &part.changes);
        let own: BTreeSet<&ObjectId> = changes.clone().map(|change| &change.id).collect();
        let created = changes.filter(|change| change.before.is_none());
        let created: BTreeSet<&ObjectId> = created.map(|change| &change.id).collect();
        let pairs = |catalog: &Catalog| -> BTreeMap<ObjectId, ObjectId> {
            let of_tables = catalog.partitions().into_iter();
            let pairs = of_tables.flat_map(|(whole, partitions)| {
                let pair = |id: &ObjectId| (id.clone(), whole.clone());
                partitions.into_iter().map(pair).collect::<Vec<_>>()
            });
            pairs.filter(|(id, _)| !own.contains(id)).collect()
        };
        let (before, after) = (left.map(pairs).unwrap_or_default(), pairs(live));
        let was_there = |whole: &ObjectId| {
            created.contains(whole) || left.is_some_and(|left| left.contains(whole))
        };
        let without = |one: &BTreeMap<ObjectId, ObjectId>, other: &BTreeMap<ObjectId, ObjectId>| {
            let only = one
                .iter()
                .filter(|(id, whole)| other.get(id) != Some(whole));
            let only = only.filter(|(_, whole)| was_there(whole) && live.contains(whole));
            let only = only.map(|(id, whole)| (id.clone(), whole.clone()));
            only.collect::<BTreeMap<_, _>>()
        };
        let tables = live.partitions().into_keys().filter(|id| was_there(id));
        Self {
            added: without(&after, &before),
            gone: without(&before, &after),
            tables: tables.cloned().collect(),
        }
    }

    /// A partition that has come to this table, or to one of its partitions.
    pub(super) fn added_to(&self, table: &ObjectId, live: &Catalog) -> Option<&ObjectId> {
        let mut added = self.added.keys();
        added.find(|partition| {
            let mut wholes =
                std::iter::successors(Some(*partition), |id| live.get(id)?.facts().goes_with);
            wholes.any(|whole| whole == table)
        })
    }

    /// Whether it is a partition that is none any more.
    pub(super) fn is_gone(&self, partition: &ObjectId) -> bool {
        self.gone.contains_key(partition)
    }

    /// Whether it is known of a table which partitions have come to it.
    pub(super) fn knows(&self, table: &ObjectId) -> bool {
        self.tables.contains(table)
    }

    /// The partition that has come or gone, of those to which an object belongs.
    pub(super) fn holds(&self, object: &ObjectId, live: &Catalog) -> Option<&ObjectId> {
        let mut moved = self.added.keys().chain(self.gone.keys());
        moved.find(|partition| belongs(object, partition, live))
    }

    /// The steps that are about partitions that have gone, each with its partition.
    pub(super) fn without_place<'s>(
        &self,
        steps: impl Iterator<Item = (usize, &'s Step)>,
        live: &Catalog,
    ) -> Vec<(usize, &ObjectId)> {
        // What a step would have made that is left out, no later step can change.
        let mut unmade: BTreeMap<&ObjectId, &ObjectId> = BTreeMap::new();
        let mut found = Vec::new();
        for (number, step) in steps {
            let mut gone = self.gone.keys();
            let gone = gone.find(|partition| {
                let locks = |(_, relation): &(_, String)| *relation == partition.sql();
                belongs(&step.object, partition, live) || step.locks.iter().any(locks)
            });
            if let Some(partition) = gone.or_else(|| unmade.get(&step.object).copied()) {
                unmade.insert(&step.object, partition);
                found.push((number, partition));
            }
        }
        found
    }

    /// What an undo leaves as it is because of them, in words.
    pub(super) fn left(&self) -> impl Iterator<Item = String> {
        self.gone.iter().map(|(id, whole)| {
            format!(
                "`{id}` is no partition of `{whole}` any more: what the plan made of it stays where it is"
            )
        })
    }

    /// What an undo reaches because of them, in words.
    pub(super) fn reached(&self) -> impl Iterator<Item = String> {
        self.added.iter().map(|(id, whole)| {
            format!(
                "`{id}` has become a partition of `{whole}` since the plan was begun: what is undone of the table is undone \
                 of it, too"
            )
        })
    }
}

/// Whether an object is a partition, or belongs to it.
fn belongs(object: &ObjectId, partition: &ObjectId, live: &Catalog) -> bool {
    object == partition
        || live.ancestors(object).any(|it| it == partition)
        || object.path.len() > partition.path.len() && object.path.starts_with(&partition.path)
}
