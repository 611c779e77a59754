//! What a database consists of: objects by id, and what depends on what.
//!
//! Both the live and the desired catalog come from the same queries on a real server, so a difference between them is a
//! real one.

mod adopt;
mod fingerprint;
mod judge;
mod probing;
mod scope;
mod unmodelled;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    fingerprint::{Families, Fingerprint},
    judge::Judge,
    scope::Scope,
    unmodelled::{Unlike, Unmodelled},
};
use crate::{
    kinds::{Address, Kind, Object, ObjectId},
    sql::Ident,
};

/// The objects of a database by how `pg_depend` names them.
pub type Addresses = BTreeMap<Address, ObjectId>;

/// A database's objects at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// `server_version_num`.
    pub server_version: u32,
    /// The role that creates objects in the session that read it.
    pub role: Ident,
    entries: BTreeMap<ObjectId, Entry>,
    /// What each object depends on.
    dependencies: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Objects that no kind models.
    pub unmodelled: BTreeSet<Unmodelled>,
    /// The owners that the schema tree names; the others it leaves open.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named_owners: BTreeSet<ObjectId>,
    /// The partitions that the scope leaves out, by the partitioned table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unmanaged_partitions: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// The event triggers that can change what statements make.
    #[serde(skip)]
    pub event_triggers: Vec<EventTrigger>,
    /// By each object, what the server knows to depend on it: also what the scope leaves out.
    #[serde(skip)]
    bonds: BTreeMap<ObjectId, BTreeMap<ObjectId, Bond>>,
}

/// What becomes of an object when one that it depends on is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bond {
    /// It is in the way.
    Holds,
    /// It goes along.
    GoesAlong,
}

/// An event trigger that fires at the end of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTrigger {
    /// Its name.
    pub name: Ident,
    /// The bodies of its function and of the functions that it names, in lower case and with single spaces.
    pub bodies: String,
}

impl EventTrigger {
    /// Whether its code may add an object like this one to what statements make.
    pub fn may_add(&self, object: &Object) -> bool {
        let mut marks = object.profile().added_by.iter();
        marks.any(|it| self.bodies.contains(it))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    object: Object,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<ObjectId>,
}

impl Catalog {
    /// A catalog without objects.
    pub fn empty(server_version: u32, role: Ident) -> Self {
        Self {
            server_version,
            role,
            entries: BTreeMap::new(),
            dependencies: BTreeMap::new(),
            unmodelled: BTreeSet::new(),
            named_owners: BTreeSet::new(),
            unmanaged_partitions: BTreeMap::new(),
            event_triggers: Vec::new(),
            bonds: BTreeMap::new(),
        }
    }

    /// Adds an object.
    pub fn insert(&mut self, id: ObjectId, object: Object, parent: Option<ObjectId>) {
        self.entries.insert(id, Entry { object, parent });
    }

    /// Notes that one object needs another.
    pub fn depend(&mut self, id: &ObjectId, on: &ObjectId) {
        if id != on {
            self.dependencies
                .entry(id.clone())
                .or_default()
                .insert(on.clone());
        }
    }

    /// Notes that the server knows one object to depend on another, and what becomes of it when that is dropped.
    pub fn bind(&mut self, id: ObjectId, on: ObjectId, bond: Bond) {
        self.depend(&id, &on);
        // What goes along by one of its ties goes, whatever the others are.
        let strongest = self.bonds.entry(on).or_default().entry(id).or_insert(bond);
        *strongest = bond.max(*strongest);
    }

    /// The object of an id.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.entries.get(id).map(|entry| &entry.object)
    }

    /// Whether there is such an object.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.entries.contains_key(id)
    }

    /// The object that this one belongs to.
    pub fn parent(&self, id: &ObjectId) -> Option<&ObjectId> {
        self.entries.get(id)?.parent.as_ref()
    }

    /// What the object belongs to, and what that belongs to, and so on.
    pub fn ancestors<'a>(&'a self, id: &ObjectId) -> impl Iterator<Item = &'a ObjectId> + use<'a> {
        std::iter::successors(self.parent(id), |part| self.parent(part))
    }

    /// The owner of what an object belongs to.
    pub fn owner_behind(&self, id: &ObjectId) -> Option<ObjectId> {
        std::iter::successors(self.parent(id), |part| {
            let whole = self.parent(part);
            whole.or_else(|| self.get(part)?.facts().goes_with)
        })
        .map(|id| ObjectId::about(Kind::Owner, id))
        .find(|owner| self.contains(owner))
    }

    /// Every object, in the order of the ids.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        self.entries.iter().map(|(id, entry)| (id, &entry.object))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What an object depends on: what `pg_depend` knows, and its parent.
    pub fn dependencies(&self, id: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        self.dependencies
            .get(id)
            .into_iter()
            .flatten()
            .filter(|on| self.contains(on))
    }

    /// What each object is depended on by.
    pub fn dependents(&self) -> BTreeMap<&ObjectId, BTreeSet<&ObjectId>> {
        let mut dependents: BTreeMap<&ObjectId, BTreeSet<&ObjectId>> = BTreeMap::new();
        for (id, needed) in &self.dependencies {
            for on in needed.iter().filter(|on| self.contains(on)) {
                if self.contains(id) {
                    dependents.entry(on).or_default().insert(id);
                }
            }
        }
        dependents
    }

    /// What is in the way when the server drops these objects: each with the object that would go and that it needs.
    pub fn holding<'a>(
        &'a self,
        dropped: impl IntoIterator<Item = &'a ObjectId>,
    ) -> BTreeMap<&'a ObjectId, &'a ObjectId> {
        let children = self.children();
        let mut parts: BTreeMap<&ObjectId, Vec<&ObjectId>> = BTreeMap::new();
        for (id, object) in self.objects() {
            if let Some(whole) = object.facts().goes_with {
                parts.entry(whole).or_default().push(id);
            }
        }
        let (mut going, mut open) = (BTreeSet::new(), Vec::from_iter(dropped));
        let mut holding = BTreeMap::new();
        while let Some(id) = open.pop() {
            if !going.insert(id) {
                continue;
            }
            let belongs = [&children, &parts].into_iter().filter_map(|it| it.get(id));
            open.extend(belongs.flatten());
            for (dependent, bond) in self.bonds.get(id).into_iter().flatten() {
                match bond {
                    Bond::Holds => _ = holding.entry(dependent).or_insert(id),
                    Bond::GoesAlong => open.push(dependent),
                }
            }
        }
        holding.retain(|dependent, _| !going.contains(dependent));
        holding
    }

    /// What belongs to each object.
    pub fn children(&self) -> BTreeMap<&ObjectId, Vec<&ObjectId>> {
        let mut children: BTreeMap<&ObjectId, Vec<&ObjectId>> = BTreeMap::new();
        for (id, entry) in &self.entries {
            if let Some(parent) = &entry.parent {
                children.entry(parent).or_default().push(id);
            }
        }
        children
    }

    /// The partitions of each partitioned table.
    pub fn partitions(&self) -> BTreeMap<&ObjectId, Vec<&ObjectId>> {
        let mut partitions: BTreeMap<&ObjectId, Vec<&ObjectId>> = BTreeMap::new();
        for (id, object) in self.objects() {
            let whole = object
                .facts()
                .goes_with
                .filter(|whole| whole.kind == id.kind);
            if let Some(whole) = whole
                && self
                    .get(whole)
                    .is_some_and(|object| object.facts().is_partitioned)
            {
                partitions.entry(whole).or_default().push(id);
            }
        }
        partitions
    }

    /// The partitions of a partitioned table that are not managed.
    pub fn unmanaged_partitions(&self, id: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        self.unmanaged_partitions.get(id).into_iter().flatten()
    }

    /// This catalog, with the chosen objects as another has them.
    #[must_use]
    pub fn with(&self, other: &Self, is_chosen: impl Fn(&ObjectId) -> bool) -> Self {
        let mut mixed = self.clone();
        mixed.retain(|id| !is_chosen(id));
        let chosen = other.entries.iter().filter(|(id, _)| is_chosen(id));
        mixed
            .entries
            .extend(chosen.map(|(id, entry)| (id.clone(), entry.clone())));
        let chosen = other.dependencies.iter().filter(|(id, _)| is_chosen(id));
        mixed
            .dependencies
            .extend(chosen.map(|(id, on)| (id.clone(), on.clone())));
        mixed
    }

    /// Leaves out everything that `keep` doesn't want.
    pub fn retain(&mut self, keep: impl Fn(&ObjectId) -> bool) {
        self.entries.retain(|id, _| keep(id));
        self.dependencies.retain(|id, _| keep(id));
    }

    /// The names of the roles that own something or hold a privilege.
    pub fn roles(&self) -> BTreeSet<String> {
        let mut roles = BTreeSet::new();
        for (id, object) in self.objects() {
            roles.extend(
                object
                    .roles(id)
                    .into_iter()
                    .map(|role| role.as_str().to_string()),
            );
        }
        roles
    }

    /// Lets each object be what the schema tree's comes with when it is new.
    pub fn declare(&mut self) {
        for entry in self.entries.values_mut() {
            entry.object.declare();
        }
    }

    /// Takes what no schema tree can say from the objects of the database, which `live_id` finds by the ids of this catalog.
    pub fn adopt_contents(&mut self, live: &Self, live_id: impl Fn(&ObjectId) -> ObjectId) {
        for (id, entry) in &mut self.entries {
            let live_id = live_id(id);
            if let Some(object) = live.get(&live_id) {
                entry.object.adopt(object);
            }
            if let Some(unmanaged) = live.unmanaged_partitions.get(&live_id) {
                let partitions = self.unmanaged_partitions.entry(id.clone()).or_default();
                partitions.extend(unmanaged.iter().cloned());
            }
        }
    }
}
