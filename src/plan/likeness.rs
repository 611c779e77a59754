//! What is dropped and looks like something that is created: maybe it only has another name.
//!
//! forge never takes one for the other by itself; it says what to write if they are the same.

use std::collections::BTreeMap;

use super::Plan;
use crate::{
    diff::{Diff, Fate},
    kinds::{Action, HazardKind, Object, ObjectId, World as _},
    sql::Ident,
};

/// Lets the hazards of drops say which rename they look like.
pub fn suggest_renames(plan: &mut Plan, diff: &Diff<'_>) {
    let created = created(diff);
    let drops = plan.batches.iter_mut().flat_map(|batch| &mut batch.steps);
    for step in drops.filter(|step| step.action == Action::Drop) {
        if diff.fates.get(&step.object) != Some(&Fate::Drop) {
            continue;
        }
        let Some(dropped) = dropped(diff, &step.object) else {
            continue;
        };
        for other in created.iter().filter(|other| dropped.is_alike(other)) {
            let (old, new) = (dropped.id, other.id);
            let name = if old.schema() == new.schema() {
                old.name().to_string()
            } else {
                old.sql()
            };
            let suggestion = format!(
                "; if {} is the same under a new name, write `-- forge: renamed from {name}` there",
                new.sql()
            );
            let losses = step.hazards.iter_mut();
            for hazard in losses.filter(|hazard| hazard.kind == HazardKind::DeletesData) {
                hazard.why.push_str(&suggestion);
            }
        }
    }
}

/// Something that holds values, and what of it is compared.
struct Likeness<'a> {
    id: &'a ObjectId,
    object: &'a Object,
    parent: Option<&'a ObjectId>,
    /// What belongs to it and holds values.
    parts: BTreeMap<&'a Ident, &'a Object>,
}

impl<'a> Likeness<'a> {
    fn new(
        id: &'a ObjectId,
        parent: Option<&'a ObjectId>,
        parts: Vec<&'a ObjectId>,
        find: impl Fn(&ObjectId) -> Option<&'a Object>,
    ) -> Option<Self> {
        let object = find(id)?;
        let holding = |part: &'a ObjectId| {
            let object = find(part).filter(|object| object.facts().holds_values)?;
            Some((part.name(), object))
        };
        let parts: BTreeMap<_, _> = parts.into_iter().filter_map(holding).collect();
        // What holds nothing looks like everything else that does.
        let holds = object.facts().holds_values || !parts.is_empty();
        (holds && object.resembles(object)).then_some(Self {
            id,
            object,
            parent,
            parts,
        })
    }

    /// Whether the two have the same place and the same content.
    fn is_alike(&self, created: &Self) -> bool {
        self.id.kind == created.id.kind
            && self.parent == created.parent
            && self.parts.keys().eq(created.parts.keys())
            && self.object.resembles(created.object)
            && (self.parts.values().zip(created.parts.values()))
                .all(|(part, other)| part.resembles(other))
    }
}

fn dropped<'a>(diff: &'a Diff<'_>, id: &'a ObjectId) -> Option<Likeness<'a>> {
    let parent = diff.catalogs.live.parent(id);
    Likeness::new(id, parent, diff.live_children(id), |id| {
        diff.catalogs.live.get(id)
    })
}

/// Everything that comes, but for what an expression fills: that is something else.
fn created<'a>(diff: &'a Diff<'_>) -> Vec<Likeness<'a>> {
    let fates = diff.fates.iter();
    let comes = fates.filter(|(id, fate)| **fate == Fate::Create && diff.values(id).is_none());
    comes
        .filter_map(|(id, _)| {
            let parent = diff.catalogs.desired.parent(id);
            Likeness::new(id, parent, diff.children(id), |id| {
                diff.catalogs.desired.get(id)
            })
        })
        .collect()
}
