//! What event triggers add to what a plan makes. The shadow server doesn't run them, so no plan promises it.

use crate::{
    catalog::{Catalog, Fingerprint},
    kinds::ObjectId,
};

/// As many states are tried. Where a plan declares some of what event triggers add elsewhere, each object doubles them.
const TRIED: usize = 1 << 18;

/// What event triggers may have added while a plan ran.
pub(super) struct Added {
    /// The objects, each with its part of what is found and what that may have been without the triggers.
    objects: Vec<(ObjectId, Fingerprint, Vec<Fingerprint>)>,
}

impl Added {
    /// Compares a database before and after the run of a plan.
    pub(super) fn between(before: &Catalog, after: &Catalog) -> Self {
        let mut objects = Vec::new();
        for (id, object) in after.objects() {
            let was = before.get(id);
            if was.is_some_and(|was| was.differences(object).is_empty()) {
                continue;
            }
            let mut others = Vec::new();
            for trigger in &after.event_triggers {
                let without = object.before_event_triggers(&trigger.bodies);
                others.extend(without.iter().map(|other| Fingerprint::of(id, other)));
                if was.is_none() && trigger.may_add(object) {
                    others.push(Fingerprint::default());
                }
            }
            if !others.is_empty() {
                objects.push((id.clone(), Fingerprint::of(id, object), others));
            }
        }
        // What has gone with all that triggers had added to it, while the plan knows it without that.
        let none = Fingerprint::default();
        for (id, object) in before.objects().filter(|(id, _)| !after.contains(id)) {
            let own = Fingerprint::of(id, object);
            let mut others = Vec::new();
            for trigger in &before.event_triggers {
                let without = object.before_event_triggers(&trigger.bodies);
                let more = |other| none.after(Fingerprint::of(id, other), own);
                others.extend(without.iter().map(more));
                if trigger.may_add(object) {
                    others.push(own);
                }
            }
            if !others.is_empty() {
                objects.push((id.clone(), none, others));
            }
        }
        Self { objects }
    }

    /// The objects without whose additions the database is what the plan promised; none if it isn't then either.
    pub(super) fn explains(
        &self,
        found: Fingerprint,
        promised: Fingerprint,
    ) -> Option<Vec<&ObjectId>> {
        // Mostly the tree declares none of what the triggers add.
        let without_all = self.objects.iter().fold(found, |state, (_, own, others)| {
            state.after(*own, others[0])
        });
        if without_all == promised {
            return Some(self.objects.iter().map(|(id, _, _)| id).collect());
        }
        let mut states: Vec<(Fingerprint, Vec<usize>)> = vec![(found, Vec::new())];
        for (number, (_, own, others)) in self.objects.iter().enumerate() {
            let mut more = Vec::new();
            for (state, without) in &states {
                for other in others {
                    let state = state.after(*own, *other);
                    let without = [&without[..], &[number]].concat();
                    if state == promised {
                        return Some(without.iter().map(|it| &self.objects[*it].0).collect());
                    }
                    more.push((state, without));
                }
            }
            states.extend(more);
            if states.len() > TRIED {
                return None;
            }
        }
        None
    }
}
