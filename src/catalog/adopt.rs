//! What the schema tree can't say, or leaves open, and the database decides: then the desired state is as it is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, EventTrigger};
use crate::{
    diagnostic::{Code, Diagnostic},
    kinds::{Grantee, Kind, Object, ObjectId},
};

/// As many of the objects that event triggers may have made are named.
const NAMED: usize = 10;

impl Catalog {
    /// Takes over what the tree leaves open. Returns what the user should know of it.
    ///
    /// That is the owner where the tree names none, and with it the privileges of the role that plans; what event triggers may
    /// have added; and what failed operations have left.
    pub fn adopt(&mut self, live: &Self) -> Vec<Diagnostic> {
        let open = self.adopt_owners(live);
        self.adopt_own_privileges(live, &open);
        let mut said: Vec<Diagnostic> = self.adopt_what_triggers_added(live).into_iter().collect();
        said.extend(self.adopt_leftovers(live));
        said
    }

    /// Where the desired state leaves an owner open, it is the one that the object has: the schema tree names an owner
    /// only where that matters to it. An object that is new belongs to the role that runs the plan.
    ///
    /// Returns the owners that are adopted.
    fn adopt_owners(&mut self, live: &Self) -> BTreeSet<ObjectId> {
        let named = std::mem::take(&mut self.named_owners);
        let mut adopted = BTreeSet::new();
        for (id, entry) in &mut self.entries {
            if id.kind == Kind::Owner
                && !named.contains(id)
                && let (Object::Owner(owner), Some(Object::Owner(held))) =
                    (&mut entry.object, live.get(id))
                && owner.role == live.role
                && held.role != live.role
            {
                owner.role = held.role.clone();
                adopted.insert(id.clone());
            }
        }
        adopted
    }

    /// The role that plans needs no privilege on what it owns, as it owns all that the tree makes on the shadow server: where
    /// the owner is open, what the tree grants to that role can't be told from what it has anyway. So its privileges stay as
    /// they are on what belongs to another role and isn't given to it by the tree.
    fn adopt_own_privileges(&mut self, live: &Self, adopted: &BTreeSet<ObjectId>) {
        let own = Grantee::Role(live.role.clone());
        let is_own = |id: &ObjectId| id.kind == Kind::Grant && id.grantee.as_ref() == Some(&own);
        let of_adopted: Vec<ObjectId> = self
            .objects()
            .filter(|(id, _)| is_own(id) && !live.contains(id))
            .filter(|(id, _)| {
                self.owner_behind(id)
                    .is_some_and(|it| adopted.contains(&it))
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in of_adopted {
            self.entries.remove(&id);
        }
        for (id, _) in live.objects().filter(|(id, _)| is_own(id)) {
            let Some(owner) = live.owner_behind(id) else {
                continue;
            };
            let belongs_to_other = match (live.get(&owner), self.get(&owner)) {
                (Some(Object::Owner(held)), Some(Object::Owner(wanted))) => {
                    held.role != live.role && held == wanted
                }
                _ => false,
            };
            if belongs_to_other && (adopted.contains(&owner) || !self.contains(id)) {
                self.take_over(live, id);
            }
        }
    }

    /// What event triggers may have added to what the tree declares: the shadow server doesn't run them.
    fn adopt_what_triggers_added(&mut self, live: &Self) -> Option<Diagnostic> {
        let mut added: BTreeMap<&ObjectId, &EventTrigger> = BTreeMap::new();
        for trigger in &live.event_triggers {
            for (id, object) in live.objects() {
                let is_added = match self.get(id) {
                    None => live.parent(id).is_some_and(|parent| {
                        self.contains(parent)
                            && (trigger.may_add(object) || added.contains_key(parent))
                    }),
                    Some(wanted) => {
                        let before = object.before_event_triggers(&trigger.bodies);
                        before.iter().any(|it| it.differences(wanted).is_empty())
                            && !object.differences(wanted).is_empty()
                    }
                };
                if is_added {
                    added.entry(id).or_insert(trigger);
                    self.take_over(live, id);
                }
            }
        }
        let (_, first) = added.first_key_value()?;
        let warning = Diagnostic::warning(
            Code::Note,
            format!(
                "the event trigger `{}` may have made what the schema tree does not declare: it stays as it is",
                first.name
            ),
        );
        let named = added.keys().take(NAMED);
        let warning = named.fold(warning, |warning, id| {
            warning.note(match self.get(id).map(Object::kind) {
                Some(Kind::Table) => format!("row security of `{id}`"),
                _ => format!("`{id}`"),
            })
        });
        let more = added.len().saturating_sub(NAMED);
        let warning = if more > 0 {
            warning.note(format!("and {more} more"))
        } else {
            warning
        };
        Some(warning.help("declare it in the schema tree if it is meant, or remove it by hand"))
    }

    /// This catalog without what event triggers may have added to it.
    #[must_use]
    pub fn before_event_triggers(&self) -> Self {
        let mut before = self.clone();
        for trigger in &self.event_triggers {
            before
                .entries
                .retain(|_, entry| entry.parent.is_none() || !trigger.may_add(&entry.object));
            for entry in before.entries.values_mut() {
                let without = entry.object.before_event_triggers(&trigger.bodies);
                if let Some(without) = without.into_iter().next() {
                    entry.object = without;
                }
            }
        }
        before
    }

    /// What failed operations have left, and no tree declares, is no reason for a plan.
    fn adopt_leftovers(&mut self, live: &Self) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        for (id, object) in live.objects() {
            let Some(unfinished) = object.unfinished(id) else {
                continue;
            };
            let warning = Diagnostic::warning(Code::Note, format!("`{id}` {}", unfinished.problem));
            let is_declared = self.contains(id);
            let help = unfinished.removal.filter(|_| !is_declared);
            if !is_declared && help.is_some() && self.has_what_it_needs(live, id) {
                self.take_over(live, id);
                let parts = live.objects().map(|(part, _)| part);
                let parts: Vec<ObjectId> = parts
                    .filter(|part| live.ancestors(part).any(|whole| whole == id))
                    .cloned()
                    .collect();
                for part in &parts {
                    self.take_over(live, part);
                }
            }
            said.push(match help {
                Some(removal) => warning
                    .note("the schema tree does not declare it, and no plan touches it")
                    .help(format!("remove it once no build of it runs: {removal}")),
                None => warning.help(unfinished.finish),
            });
        }
        said
    }

    fn has_what_it_needs(&self, live: &Self, id: &ObjectId) -> bool {
        live.dependencies(id).all(|needed| self.contains(needed))
    }

    /// Takes an object over as another catalog has it.
    fn take_over(&mut self, other: &Self, id: &ObjectId) {
        let Some(entry) = other.entries.get(id) else {
            return;
        };
        self.entries.insert(id.clone(), entry.clone());
        if let Some(dependencies) = other.dependencies.get(id) {
            self.dependencies.insert(id.clone(), dependencies.clone());
        }
    }
}
