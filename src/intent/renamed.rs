//! The plan of the renames and of what is left after them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Catalog, Families},
    kinds::{Action, ObjectId, Step},
    plan::Plan,
};

/// What the renames make of the live state.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The live catalog after them.
    pub catalog: Catalog,
    /// What an object of it was called before, where that is another name.
    pub(super) origins: BTreeMap<ObjectId, ObjectId>,
    pub(super) forth: Vec<Step>,
    pub(super) back: Vec<Step>,
}

impl Renamed {
    /// Takes what no statement of a copy can tell from the live catalog.
    pub fn adopt_contents(&mut self, live: &Catalog) {
        let origins = &self.origins;
        self.catalog.adopt_contents(live, |id| origin(origins, id));
    }

    /// The renames and then the rest, which expects of each object what the live catalog has under its old name.
    pub(super) fn and_then(&self, mut rest: Plan, live: &Catalog) -> Plan {
        let families = live.families();
        let mut expected = expected_by(&self.forth);
        for step in rest.batches.iter_mut().flat_map(|batch| &mut batch.steps) {
            let (spread, own): (Vec<_>, Vec<_>) = std::mem::take(&mut step.expects)
                .into_iter()
                .partition(|(_, state)| Families::is_of_partitions(state));
            let mut objects: Vec<ObjectId> = own
                .iter()
                .map(|(id, _)| origin(&self.origins, id))
                .collect();
            if step.action == Action::Create && live.contains(&step.object) {
                // What has the name until then.
                objects.push(step.object.clone());
            }
            let expects = objects.into_iter().filter_map(|id| {
                let state = families.state(step.action, &id)?;
                expected.insert(id.clone()).then_some((id, state))
            });
            step.expects = expects.collect();
            let tables = spread.iter().map(|(id, _)| origin(&self.origins, id));
            let spread = tables.filter_map(|id| Some((id.clone(), families.partitions(&id)?)));
            step.expects.extend(spread);
        }
        joined([Plan::from(self.forth.clone()), rest])
    }

    /// The rest backwards and then the old names.
    pub(super) fn undone_after(&self, rest: Plan, desired: &Catalog) -> Plan {
        let families = desired.families();
        let mut expected = expected_by(rest.steps());
        let mut back = self.back.clone();
        for step in &mut back {
            let state = families.state(step.action, &step.object);
            let state = state.filter(|_| expected.insert(step.object.clone()));
            step.expects = state
                .map(|state| (step.object.clone(), state))
                .into_iter()
                .collect();
        }
        joined([rest, Plan::from(back)])
    }
}

/// What the live catalog calls an object of the renamed one.
fn origin(origins: &BTreeMap<ObjectId, ObjectId>, id: &ObjectId) -> ObjectId {
    if let Some(origin) = origins.get(id) {
        return origin.clone();
    }
    let target = id.target().and_then(|target| origins.get(&target));
    match target {
        Some(target) => ObjectId {
            path: target.path.clone(),
            args: target.args.clone(),
            ..id.clone()
        },
        None => id.clone(),
    }
}

/// What steps expect to be as it was.
fn expected_by<'a>(steps: impl IntoIterator<Item = &'a Step>) -> BTreeSet<ObjectId> {
    let expects = steps.into_iter().flat_map(|step| &step.expects);
    expects.map(|(id, _)| id.clone()).collect()
}

/// One plan after the other; a transaction that ends the first goes on with the second's.
fn joined([first, second]: [Plan; 2]) -> Plan {
    let mut joined = first;
    let mut rest = second.batches;
    if let (Some(last), Some(next)) = (joined.batches.last_mut(), rest.first_mut())
        && last.transactional
        && next.transactional
    {
        last.steps.append(&mut next.steps);
        rest.remove(0);
    }
    joined.batches.append(&mut rest);
    joined
}
