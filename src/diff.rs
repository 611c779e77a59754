//! What has to happen to each object so that the live database becomes the desired one.
//!
//! The comparison names no kind: each kind's attribute table says what a difference means. What must be dropped and
//! created again takes its dependents along, by the live catalog's dependencies.

mod succession;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Catalog,
    kinds::{
        Claim, Context, Difference, Follow, Model, Object, ObjectId, Predecessor, Reaction, Values,
        World,
    },
    sql::Ident,
};

/// The two sides of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Catalogs<'a> {
    /// As it is.
    pub live: &'a Catalog,
    /// As it shall be.
    pub desired: &'a Catalog,
}

impl Catalogs<'_> {
    /// The object that this one belongs to, if any, and so on: a table of its columns.
    pub fn root(&self, id: &ObjectId) -> ObjectId {
        let mut id = id;
        while let Some(parent) = self.desired.parent(id).or_else(|| self.live.parent(id)) {
            id = parent;
        }
        id.clone()
    }
}

/// What happens to an object. One without a fate stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It comes into being.
    Create,
    /// It goes.
    Drop,
    /// It goes and comes back; the attributes or the dependency that demand it.
    Replace(String),
    /// It is changed in place.
    Alter,
    /// It is changed in place, and what leans on it may have to go meanwhile.
    Dislodge,
    /// It moves from the old to the new self of a replaced dependency.
    Repoint(ObjectId),
    /// It stays while what it goes with is dropped or replaced, and is changed in place where it differs.
    Outlive,
}

/// The fates of all objects, and the world in which steps are written.
pub struct Diff<'a> {
    /// Both catalogs.
    pub catalogs: Catalogs<'a>,
    /// What happens to whom.
    pub fates: BTreeMap<ObjectId, Fate>,
    live_dependents: BTreeMap<&'a ObjectId, BTreeSet<&'a ObjectId>>,
    live_children: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    /// What goes with an object, in the live and in the desired catalog.
    companions: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    desired_companions: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    /// The live rules about objects to come.
    rules: Vec<(&'a ObjectId, &'a Object)>,
    desired_children: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    values: &'a BTreeMap<ObjectId, Values>,
    /// Where new sequences go on.
    predecessors: BTreeMap<ObjectId, Vec<Predecessor>>,
}

/// What the author says of values, where nothing is said.
static NOTHING_SAID: BTreeMap<ObjectId, Values> = BTreeMap::new();

impl<'a> Diff<'a> {
    /// Compares two catalogs.
    pub fn new(catalogs: Catalogs<'a>) -> Self {
        Self::with_values(catalogs, &NOTHING_SAID)
    }

    /// Compares two catalogs, where the author says something of the values that are there.
    pub fn with_values(catalogs: Catalogs<'a>, values: &'a BTreeMap<ObjectId, Values>) -> Self {
        let mut diff = Self {
            catalogs,
            fates: BTreeMap::new(),
            live_dependents: catalogs.live.dependents(),
            live_children: catalogs.live.children(),
            companions: companions(catalogs.live),
            desired_companions: companions(catalogs.desired),
            rules: catalogs
                .live
                .objects()
                .filter(|(_, object)| object.profile().is_default_for_new_objects)
                .collect(),
            desired_children: catalogs.desired.children(),
            values,
            predecessors: BTreeMap::new(),
        };
        diff.compare();
        diff.cascade();
        diff.predecessors = diff.find_predecessors();
        diff
    }

    /// Whether the two catalogs are equal.
    pub fn is_empty(&self) -> bool {
        self.fates.is_empty()
    }

    /// What kinds may know while they write steps.
    pub fn context(&self) -> Context<'_> {
        Context {
            server_version: self.catalogs.live.server_version,
            role: self.role(),
            world: self,
        }
    }

    /// What the differences of an object mean, in the order of its attributes; equal steps once.
    pub fn reactions(&self, id: &ObjectId) -> Vec<(Difference, Reaction)> {
        match (self.catalogs.live.get(id), self.catalogs.desired.get(id)) {
            (Some(live), Some(desired)) => live.compare(desired, id, &self.context()),
            _ => Vec::new(),
        }
    }

    fn role(&self) -> &'a Ident {
        &self.catalogs.live.role
    }

    /// First, each object by itself.
    fn compare(&mut self) {
        let Catalogs { live, desired } = self.catalogs;
        let created = desired
            .objects()
            .filter(|(id, _)| !live.contains(id))
            .map(|(id, _)| (id.clone(), Fate::Create));
        let dropped = live
            .objects()
            .filter(|(id, _)| !desired.contains(id))
            .map(|(id, _)| (id.clone(), Fate::Drop));
        self.fates = created.chain(dropped).collect();
        let changed: Vec<(ObjectId, Fate)> = live
            .objects()
            .filter(|(id, object)| {
                desired
                    .get(id)
                    .is_some_and(|other| !object.differences(other).is_empty())
            })
            .map(|(id, _)| (id.clone(), self.fate_of_changed(id)))
            .collect();
        self.fates.extend(changed);
    }

    fn fate_of_changed(&self, id: &ObjectId) -> Fate {
        let reactions = self.reactions(id);
        let replaced: Vec<&str> = reactions
            .iter()
            .filter(|(_, reaction)| matches!(reaction, Reaction::Replace))
            .map(|(difference, _)| difference.label)
            .collect();
        if !replaced.is_empty() {
            return Fate::Replace(format!(
                "a change of its {}",
                replaced.join(" and ").replace('_', " ")
            ));
        }
        let dislodges = reactions
            .iter()
            .any(|(_, reaction)| matches!(reaction, Reaction::Dislodge(_)));
        if dislodges {
            Fate::Dislodge
        } else {
            Fate::Alter
        }
    }

    /// Then, what the fate of one means for those that depend on it or belong to it.
    fn cascade(&mut self) {
        let mut waiting: Vec<ObjectId> = self.fates.keys().cloned().collect();
        while let Some(id) = waiting.pop() {
            let Some(fate) = self.fates.get(&id).cloned() else {
                continue;
            };
            let consequences = match fate {
                Fate::Replace(_) => self.follow_replaced(&id),
                Fate::Drop => self.follow_dropped(&id),
                Fate::Dislodge | Fate::Repoint(_) => self.follow_dislodged(&id),
                Fate::Alter => self.follow_detached(&id),
                Fate::Create | Fate::Outlive => Vec::new(),
            };
            let above = self
                .whole_that_holds(&id)
                .into_iter()
                .chain(self.parent_in_the_way(&id));
            for (follower, fate) in consequences.into_iter().chain(above) {
                if self.fates.get(&follower) != Some(&fate) {
                    self.fates.insert(follower.clone(), fate);
                    waiting.push(follower);
                }
            }
        }
    }

    fn follow_replaced(&self, id: &ObjectId) -> Vec<(ObjectId, Fate)> {
        let mut consequences = Vec::new();
        let aside = self.stands_aside(id);
        for &follower in self.live_dependents.get(id).into_iter().flatten() {
            let Some(live) = self.catalogs.live.get(follower) else {
                continue;
            };
            let Some(desired) = self.catalogs.desired.get(follower) else {
                continue;
            };
            let is_part = self.catalogs.live.parent(follower) == Some(id);
            // What the new self has is of the new type from the start.
            let moves_along = is_part && matches!(self.fates.get(follower), Some(Fate::Repoint(_)));
            if (self.is_settled(follower) && !moves_along) || live.facts().goes_with == Some(id) {
                continue;
            }
            let moves = aside
                && !is_part
                && live
                    .repoint(desired, follower, id, &self.context())
                    .is_some();
            let fate = if moves {
                let mut needs = self.catalogs.desired.dependencies(follower);
                if !needs.any(|needed| needed == id) {
                    continue; // Its own change leads away from it.
                }
                Fate::Repoint(id.clone())
            } else {
                Fate::Replace(format!("`{id}` is replaced"))
            };
            consequences.push((follower.clone(), fate));
        }
        consequences.extend(self.survivors(id, "replaced"));
        consequences.extend(self.follow_held(id));
        consequences
    }

    /// What becomes of those that go with an object and stay although it goes.
    fn survivors(&self, id: &ObjectId, goes: &str) -> Vec<(ObjectId, Fate)> {
        let cx = self.context();
        let fate = |&follower: &&ObjectId| {
            let live = self.catalogs.live.get(follower)?;
            let desired = self.catalogs.desired.get(follower)?;
            if self.is_settled(follower) || self.is_freed(follower, id) {
                return None;
            }
            let fate = match live.outlive(desired, follower, &cx) {
                Some(steps) if steps.is_empty() => return None,
                Some(_) => Fate::Outlive,
                None => Fate::Replace(format!("`{id}` is {goes}")),
            };
            Some((follower.clone(), fate))
        };
        let companions = self.companions.get(id).into_iter().flatten();
        companions.filter_map(fate).collect()
    }

    /// The parent that stands in the way of what the object needs, and is replaced.
    fn parent_in_the_way(&self, id: &ObjectId) -> Option<(ObjectId, Fate)> {
        let Catalogs { live, desired } = self.catalogs;
        let object = desired.get(id)?;
        let parent = desired.parent(id)?;
        let stays = live.contains(parent) && desired.contains(parent) && !self.is_settled(parent);
        let is_needed =
            stays && Object::needs_new_parent(live.get(id), object, id, &self.context());
        is_needed.then(|| {
            (
                parent.clone(),
                Fate::Replace(format!("`{id}` can't change in it")),
            )
        })
    }

    /// The whole from which a part that goes can't be taken off: it is replaced, and takes all parts along.
    fn whole_that_holds(&self, id: &ObjectId) -> Option<(ObjectId, Fate)> {
        let Catalogs { live, desired } = self.catalogs;
        let part = live.get(id).filter(|part| !part.profile().leaves)?;
        let whole = part.facts().goes_with?;
        let after = desired.get(id).and_then(|object| object.facts().goes_with);
        if !self.is_dropped(id) && after == Some(whole) {
            return None;
        }
        let is_held = desired.contains(whole)
            && !self.is_settled(whole)
            && self.context().stays_together(id, whole);
        is_held.then(|| {
            (
                whole.clone(),
                Fate::Replace(format!("its part `{id}` is taken off")),
            )
        })
    }

    /// Whether what the follower belongs to leaves what the other belongs to, so that they no longer go together.
    pub fn is_freed(&self, follower: &ObjectId, from: &ObjectId) -> bool {
        let live = self.catalogs.live;
        let (Some(own), Some(other)) = (live.parent(follower), live.parent(from)) else {
            return false;
        };
        let goes = |catalog: &Catalog| {
            catalog
                .get(own)
                .map(|object| object.facts().wholes().contains(&other))
        };
        goes(live) == Some(true) && goes(self.catalogs.desired) == Some(false)
    }

    /// Whether the object comes, goes or moves anyway.
    fn is_settled(&self, id: &ObjectId) -> bool {
        match self.fates.get(id) {
            Some(Fate::Replace(_) | Fate::Create | Fate::Drop | Fate::Repoint(_)) => true,
            None | Some(Fate::Alter | Fate::Dislodge | Fate::Outlive) => false,
        }
    }

    fn follow_dropped(&self, id: &ObjectId) -> Vec<(ObjectId, Fate)> {
        let followers = self.live_dependents.get(id).into_iter().flatten();
        let goes_with = |follower: &ObjectId| {
            let object = self.catalogs.live.get(follower);
            object.and_then(|object| object.facts().goes_with) == Some(id)
        };
        followers
            // One that changes anyway changes to something that doesn't need the dropped object.
            .filter(|follower| {
                self.catalogs.desired.contains(follower)
                    && !self.fates.contains_key(**follower)
                    && !goes_with(follower)
            })
            .map(|&follower| {
                (
                    follower.clone(),
                    Fate::Replace(format!("`{id}` is dropped")),
                )
            })
            .chain(self.survivors(id, "dropped"))
            .chain(self.follow_held(id))
            .collect()
    }

    fn follow_dislodged(&self, id: &ObjectId) -> Vec<(ObjectId, Fate)> {
        let mut consequences = Vec::new();
        for &follower in self.live_dependents.get(id).into_iter().flatten() {
            let Some(live) = self.catalogs.live.get(follower) else {
                continue;
            };
            // PostgreSQL can't build a whole again that a part holds.
            let stays = live.when_dislodged(self.catalogs.desired.get(follower)) == Follow::Stays
                && !self.is_held(follower);
            // What is handed down changes along.
            let changes_along = live.kind() == id.kind && live.facts().goes_with == Some(id);
            let settled = self.is_settled(follower);
            if !stays && !settled && !changes_along && self.catalogs.desired.contains(follower) {
                consequences.push((
                    follower.clone(),
                    Fate::Replace(format!("`{id}` changes under it")),
                ));
            }
        }
        consequences
    }

    /// The sequences that give a column its numbers from now on, each with those that gave them before.
    pub fn successions(&self) -> impl Iterator<Item = (&ObjectId, &Predecessor)> {
        let all = self.predecessors.iter();
        all.flat_map(|(heir, olds)| olds.iter().map(move |old| (heir, old)))
    }

    /// What depends on the object in the desired catalog.
    pub fn dependents(&self, id: &ObjectId) -> Vec<&ObjectId> {
        let objects = self.fates.keys();
        let needs =
            |other: &&ObjectId| self.catalogs.desired.dependencies(other).any(|on| on == id);
        objects.filter(needs).collect()
    }

    /// The whole that goes and that PostgreSQL doesn't drop before the object's table is detached, of which it is a part.
    pub fn held_whole(&self, id: &ObjectId) -> Option<&'a ObjectId> {
        let part = self.catalogs.live.get(id)?;
        let whole = part
            .facts()
            .goes_with
            .filter(|_| part.facts().holds_whole)?;
        let table = self.catalogs.live.parent(id)?;
        let is_held = self.is_dropped(whole)
            && !self.is_dropped(table)
            && self.context().stays_together(id, whole);
        is_held.then_some(whole)
    }

    /// Whether a part holds the object.
    fn is_held(&self, whole: &ObjectId) -> bool {
        let mut parts = self.companions.get(whole).into_iter().flatten();
        parts.any(|part| {
            let object = self.catalogs.live.get(part);
            object.is_some_and(|object| object.facts().holds_whole)
        })
    }

    /// The parts that hold a whole which goes.
    pub fn holders(&self, whole: &ObjectId) -> impl Iterator<Item = &'a ObjectId> {
        let parts = self.companions.get(whole).into_iter().flatten().copied();
        parts.filter(|part| self.held_whole(part).is_some())
    }

    /// What is detached and attached again so that a whole can go.
    fn follow_held(&self, whole: &ObjectId) -> Vec<(ObjectId, Fate)> {
        let tables = self.holders(whole);
        let tables = tables.filter_map(|part| self.catalogs.live.parent(part));
        tables
            .flat_map(|table| {
                let changes = self.fates.contains_key(table);
                let altered = (!changes).then(|| (table.clone(), Fate::Alter));
                altered.into_iter().chain(self.follow_detached(table))
            })
            .collect()
    }

    /// Whether the object stays and is detached and attached: it has a share of a whole that isn't the one which it has now,
    /// or a part of it holds a whole that goes.
    pub fn is_reattached(&self, id: &ObjectId) -> bool {
        let share = |catalog: &Catalog| -> Option<Claim> {
            let claims = catalog.get(id)?.claims(id);
            let mut shares = claims.into_iter();
            shares.find(|claim| matches!(claim, Claim::Share { .. }))
        };
        match (share(self.catalogs.live), share(self.catalogs.desired)) {
            (Some(live), Some(desired)) => {
                let mut parts = self.live_children.get(id).into_iter().flatten();
                let is_other = live != desired || parts.any(|part| self.held_whole(part).is_some());
                is_other && !self.is_dropped(id)
            }
            (Some(_) | None, _) => false,
        }
    }

    /// What stands in the way of detaching an object meanwhile.
    pub fn in_the_way_of_detaching(&self, id: &ObjectId) -> BTreeSet<&'a ObjectId> {
        if !self.is_reattached(id) {
            return BTreeSet::new();
        }
        let parts = self.live_children.get(id).into_iter().flatten().copied();
        let dependents = parts.filter_map(|part| self.live_dependents.get(part));
        let refuses = |other: &&ObjectId| {
            let object = self.catalogs.live.get(other);
            object.is_some_and(|object| object.facts().when_detached == Follow::Rebuilt)
        };
        dependents.flatten().copied().filter(refuses).collect()
    }

    fn follow_detached(&self, id: &ObjectId) -> Vec<(ObjectId, Fate)> {
        let all = self.in_the_way_of_detaching(id).into_iter();
        all.filter(|other| self.catalogs.desired.contains(other) && !self.is_settled(other))
            .map(|other| {
                let reason = format!("`{id}` is detached meanwhile");
                (other.clone(), Fate::Replace(reason))
            })
            .collect()
    }

    /// What goes with the object in the desired catalog.
    pub fn desired_companions(&self, id: &ObjectId) -> &[&'a ObjectId] {
        self.desired_companions.get(id).map_or(&[], Vec::as_slice)
    }

    /// Whether the object's old self stays under another name until the new one has what it held.
    pub fn stands_aside(&self, id: &ObjectId) -> bool {
        match (self.catalogs.live.get(id), self.catalogs.desired.get(id)) {
            (Some(live), Some(desired)) => live.aside(desired, id, &self.context()).is_some(),
            _ => false,
        }
    }

    /// Whether the plan drops the object, be it to create it again.
    pub fn is_dropped(&self, id: &ObjectId) -> bool {
        matches!(self.fates.get(id), Some(Fate::Drop | Fate::Replace(_)))
    }
}

/// What goes with each object.
fn companions(catalog: &Catalog) -> BTreeMap<&ObjectId, Vec<&ObjectId>> {
    let mut companions: BTreeMap<&ObjectId, Vec<&ObjectId>> = BTreeMap::new();
    for (id, object) in catalog.objects() {
        if let Some(with) = object.facts().goes_with {
            companions.entry(with).or_default().push(id);
        }
    }
    companions
}

impl Diff<'_> {
    /// What the server will have added to an object that the plan creates.
    pub fn added_to(&self, created: &ObjectId) -> Vec<(ObjectId, Object)> {
        // Rules are changed at the end of a plan, so those that are live hold while it runs.
        let Some(model) = self.catalogs.desired.get(created) else {
            return Vec::new();
        };
        self.rules
            .iter()
            .filter_map(|(id, rule)| rule.adds_to(id, created, model, self.role()))
            .collect()
    }
}

impl World for Diff<'_> {
    fn live(&self, id: &ObjectId) -> Option<&dyn Model> {
        self.catalogs.live.get(id).map(Object::model)
    }

    fn desired(&self, id: &ObjectId) -> Option<&dyn Model> {
        self.catalogs.desired.get(id).map(Object::model)
    }

    fn is_created(&self, id: &ObjectId) -> bool {
        matches!(self.fates.get(id), Some(Fate::Create | Fate::Replace(_)))
    }

    fn is_repointed(&self, id: &ObjectId) -> bool {
        matches!(self.fates.get(id), Some(Fate::Repoint(_)))
    }

    fn changes_whole(&self, id: &ObjectId) -> bool {
        self.is_reattached(id) && {
            let whole = |catalog: &'_ Catalog| {
                catalog
                    .get(id)
                    .and_then(|object| object.facts().goes_with)
                    .cloned()
            };
            whole(self.catalogs.live) != whole(self.catalogs.desired)
        }
    }

    fn parent(&self, id: &ObjectId) -> Option<&ObjectId> {
        self.catalogs
            .desired
            .parent(id)
            .or_else(|| self.catalogs.live.parent(id))
    }

    fn children(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.desired_children.get(id).cloned().unwrap_or_default()
    }

    fn live_children(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.live_children.get(id).cloned().unwrap_or_default()
    }

    fn dependencies(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.catalogs.desired.dependencies(id).collect()
    }

    fn live_dependencies(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.catalogs.live.dependencies(id).collect()
    }

    fn desired_companions(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.desired_companions.get(id).cloned().unwrap_or_default()
    }

    fn companions(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.companions.get(id).cloned().unwrap_or_default()
    }

    fn unmanaged_partitions(&self, table: &ObjectId) -> BTreeSet<&ObjectId> {
        let Catalogs { live, desired } = self.catalogs;
        let live = live.unmanaged_partitions(table);
        live.chain(desired.unmanaged_partitions(table)).collect()
    }

    fn live_dependents(&self, id: &ObjectId) -> Vec<&ObjectId> {
        self.live_dependents
            .get(id)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    fn has_predecessor(&self, id: &ObjectId) -> bool {
        self.predecessors.contains_key(id)
    }

    fn has_successor(&self, id: &ObjectId) -> bool {
        let mut all = self.predecessors.values().flatten();
        all.any(|old| old.goes && old.object == *id)
    }

    fn values(&self, id: &ObjectId) -> Option<&Values> {
        self.values.get(id)
    }
}
