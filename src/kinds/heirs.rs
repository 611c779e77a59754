//! Heirs: what tables have because they inherit from another one.

use super::{Context, ObjectId, World};

/// What becomes of the heirs of an object that goes.
pub(super) struct Heirs<'a> {
    /// Those that stay.
    pub(super) kept: Vec<&'a ObjectId>,
    /// Those that go along.
    pub(super) lost: Vec<&'a ObjectId>,
}

impl<'a> Context<'a> {
    /// The heirs that go with an object of their kind, unless `ONLY` leaves them to their tables. One that comes back with the
    /// object is not among them, nor is one whose table goes or leaves the object's.
    pub(super) fn heirs_of_dropped(&self, id: &ObjectId) -> Heirs<'a> {
        let world: &'a dyn World = self.world;
        let companions = world.companions(id).into_iter();
        let heirs = companions.filter(|heir| {
            world
                .live(heir)
                .and_then(|object| object.facts().inherited_from)
                == Some(id)
        });
        let comes_back = |heir: &&ObjectId| {
            let after = world
                .desired(heir)
                .and_then(|object| object.facts().goes_with);
            world.is_created(id) && after == Some(id)
        };
        let (kept, lost): (Vec<_>, Vec<_>) = heirs
            .filter(|heir| !comes_back(heir))
            .partition(|heir| world.desired(heir).is_some());
        let stays = |heir: &&ObjectId| {
            let table = world.parent(heir).and_then(|table| world.desired(table));
            let whole = world.parent(id);
            table.is_some_and(|table| {
                table
                    .facts()
                    .wholes()
                    .into_iter()
                    .any(|other| Some(other) == whole)
            })
        };
        Heirs {
            kept,
            lost: lost.into_iter().filter(stays).collect(),
        }
    }

    /// What the tables that go on inheriting from the object's table have under its name, be it declared there, too.
    pub(super) fn heirs(&self, id: &ObjectId) -> Vec<&'a ObjectId> {
        let world: &'a dyn World = self.world;
        let Some(table) = world.parent(id) else {
            return Vec::new();
        };
        let stay = |heir: &&ObjectId| {
            let sides = [world.live(heir), world.desired(heir)];
            sides
                .into_iter()
                .flatten()
                .filter(|side| side.facts().wholes().contains(&table))
                .count()
                == sides.len()
        };
        let tables = world.live_dependents(table).into_iter().filter(stay);
        let parts = tables.flat_map(|heir| world.live_children(heir));
        parts
            .filter(|part| part.kind == id.kind && part.name() == id.name())
            .collect()
    }
}
