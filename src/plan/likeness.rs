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
    let with_fate = |fate: &Fate| -> Vec<&ObjectId> {
        let fates = diff.fates.iter();
        fates
            .filter(|(_, own)| *own == fate)
            .map(|(id, _)| id)
            .collect()
    };
    // What is filled by an expression is something else.
    let mut created = with_fate(&Fate::Create);
    created.retain(|id| diff.values(id).is_none());
    let mut suggestions: BTreeMap<&ObjectId, Vec<String>> = BTreeMap::new();
    for dropped in with_fate(&Fate::Drop) {
        for &other in created
            .iter()
            .filter(|other| is_alike(diff, dropped, other))
        {
            let old = if dropped.schema() == other.schema() {
                dropped.name().to_string()
            } else {
                dropped.sql()
            };
            suggestions.entry(dropped).or_default().push(format!(
                "if {} is the same under a new name, write `-- forge: renamed from {old}` there",
                other.sql()
            ));
        }
    }
    let drops = plan.batches.iter_mut().flat_map(|batch| &mut batch.steps);
    for step in drops.filter(|step| step.action == Action::Drop) {
        let Some(suggestion) = suggestions.get(&step.object) else {
            continue;
        };
        let losses = step.hazards.iter_mut();
        for hazard in losses.filter(|hazard| hazard.kind == HazardKind::DeletesData) {
            hazard.why = format!("{}; {}", hazard.why, suggestion.join("; "));
        }
    }
}

/// Whether the two have the same place and the same content.
fn is_alike(diff: &Diff<'_>, dropped: &ObjectId, created: &ObjectId) -> bool {
    let (Some(old), Some(new)) = (diff.live(dropped), diff.desired(created)) else {
        return false;
    };
    let same_place = diff.catalogs.live.parent(dropped) == diff.catalogs.desired.parent(created);
    let contents = |parts: Vec<&ObjectId>, find: &dyn Fn(&ObjectId) -> Option<Object>| {
        let values = parts.into_iter().filter_map(|part| {
            let object = find(part).filter(Object::holds_values)?;
            Some((part.name().clone(), object))
        });
        values.collect::<BTreeMap<Ident, Object>>()
    };
    let before = contents(diff.live_children(dropped), &|id| diff.live(id).cloned());
    let after = contents(diff.children(created), &|id| diff.desired(id).cloned());
    let same_content = before.len() == after.len()
        && before
            .iter()
            .all(|(name, part)| after.get(name).is_some_and(|other| part.resembles(other)));
    // What holds nothing looks like everything else that does.
    let holds = old.holds_values() || !before.is_empty();
    same_place && holds && old.resembles(new) && same_content
}
