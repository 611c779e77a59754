//! Whether a database is what a plan's steps expect.

use std::{cell::LazyCell, collections::BTreeSet, fmt};

use super::Plan;
use crate::{
    catalog::{Catalog, Families},
    kinds::{Action, ObjectId, Step},
    source::writes_rows,
};

/// An object that is not what a step expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The object.
    pub object: ObjectId,
    /// What is wrong with it.
    pub why: Why,
}

/// How an object is not what a step expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A step changes or drops it, and it is gone.
    Gone,
    /// A step changes or drops it, and it was changed since.
    Changed,
    /// A step creates it, and it is there already.
    Exists,
    /// A step changes what is spread over its partitions, and partitions came or went since.
    Partitions,
    /// A step drops it, and this object, which no step knows, depends on it.
    Needed(ObjectId),
}

impl Misfit {
    /// Whether it is about one of these objects, or about what belongs to one or what one belongs to.
    pub fn is_about(&self, changed: &BTreeSet<&ObjectId>) -> bool {
        let is_changed = |id: &ObjectId| {
            let touches = |other: &&ObjectId| {
                other.path.starts_with(&id.path) || id.path.starts_with(&other.path)
            };
            changed.iter().any(touches)
        };
        match &self.why {
            Why::Needed(by) => is_changed(&self.object) || is_changed(by),
            Why::Gone | Why::Changed | Why::Exists | Why::Partitions => is_changed(&self.object),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, why } = self;
        match why {
            Why::Gone => write!(f, "`{object}` is gone"),
            Why::Changed => write!(f, "`{object}` is not as it was"),
            Why::Exists => write!(f, "`{object}` is there already"),
            Why::Partitions => write!(f, "`{object}` has other partitions than it had"),
            Why::Needed(by) => write!(f, "`{object}` goes, and `{by}` needs it"),
        }
    }
}

/// The objects of a database that are not what the plan's steps expect. `apply` refuses a plan that has any; whatever
/// predicts what `apply` does asks here, too.
pub fn misfits(plan: &Plan, live: &Catalog) -> Vec<Misfit> {
    let families = live.families();
    // What event triggers have added to what an earlier plan made, that plan doesn't know.
    let before = LazyCell::new(|| live.before_event_triggers());
    let families_before = LazyCell::new(|| before.families());
    let is_as = |action, id: &ObjectId, state: &str| {
        let is_as = families.is_as(action, id, state)?;
        let was = || families_before.is_as(action, id, state) == Some(true);
        Some(is_as || (!live.event_triggers.is_empty() && was()))
    };
    let mut misfits = Vec::new();
    let mut known: BTreeSet<&ObjectId> = BTreeSet::new();
    let mut add = |object: &ObjectId, why| {
        misfits.push(Misfit {
            object: object.clone(),
            why,
        });
    };
    for step in plan.steps() {
        for (id, state) in &step.expects {
            let of_partitions = Families::is_of_partitions(state);
            if !of_partitions && !known.insert(id) {
                continue;
            }
            match is_as(step.action, id, state) {
                None => add(id, Why::Gone),
                Some(false) if of_partitions => add(id, Why::Partitions),
                Some(false) => add(id, Why::Changed),
                Some(true) => {}
            }
        }
        if step.action == Action::Create
            && known.insert(&step.object)
            && live.contains(&step.object)
        {
            add(&step.object, Why::Exists);
        }
    }
    misfits.extend(needed(plan, live));
    misfits
}

/// What a plan drops that objects need of which it knows nothing: the server would refuse the step.
fn needed(plan: &Plan, live: &Catalog) -> Vec<Misfit> {
    let goes = |step: &&Step| step.action == Action::Drop;
    let moves = |step: &&Step| step.action == Action::Rename;
    // What a statement by hand takes out of the way can't be told.
    let is_by_hand =
        |step: &Step| step.action == Action::Data && !step.sql.iter().all(|sql| writes_rows(sql));
    if !plan.steps().any(|step| goes(&step)) || plan.steps().any(is_by_hand) {
        return Vec::new();
    }
    let renamed: BTreeSet<&ObjectId> = plan
        .steps()
        .filter(moves)
        .map(|step| &step.object)
        .collect();
    let dropped: BTreeSet<&ObjectId> = plan.steps().filter(goes).map(|step| &step.object).collect();
    let expected = plan
        .steps()
        .flat_map(|step| step.expects.iter().map(|(id, _)| id));
    let known: BTreeSet<&ObjectId> = plan
        .steps()
        .map(|step| &step.object)
        .chain(expected)
        .collect();
    // Under the name of one that is renamed, another may go.
    let going = dropped.iter().copied().filter(|id| {
        let mut wholes = live.ancestors(id);
        live.contains(id) && !renamed.contains(id) && !wholes.any(|whole| renamed.contains(whole))
    });
    let holding = live.holding(going).into_iter();
    let is_seen_to = |id: &ObjectId| {
        let mut wholes = live.ancestors(id);
        known.contains(id) || wholes.any(|whole| dropped.contains(whole) || renamed.contains(whole))
    };
    holding
        .filter(|(by, _)| !is_seen_to(by))
        .map(|(by, object)| Misfit {
            object: object.clone(),
            why: Why::Needed(by.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Fingerprint,
        kinds::{Kind, Object, schema::Schema},
        plan::Batch,
        sql::Ident,
    };

    fn id(name: &str) -> ObjectId {
        ObjectId::new(Kind::Schema, [name])
    }

    fn live() -> Catalog {
        let mut live = Catalog::empty(150_000, Ident::new("owner"));
        live.insert(id("there"), Object::Schema(Schema {}), None);
        live
    }

    fn expecting(mut step: Step, state: &str) -> Step {
        step.expects.push((step.object.clone(), state.to_owned()));
        step
    }

    fn as_it_is() -> String {
        Fingerprint::of(&id("there"), &Object::Schema(Schema {})).short()
    }

    #[test]
    fn what_a_plan_expects() {
        fn check(steps: Vec<Step>, expected: &[&str]) {
            let plan = Plan {
                batches: vec![Batch {
                    transactional: true,
                    steps,
                }],
                ..Plan::default()
            };
            let found = misfits(&plan, &live());
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        }
        let (there, gone) = (id("there"), id("gone"));
        check(vec![Step::create(&gone, "")], &[]);
        check(
            vec![Step::create(&there, "")],
            &["`schema there` is there already"],
        );
        check(vec![expecting(Step::drop(&there, ""), &as_it_is())], &[]);
        check(
            vec![expecting(Step::alter(&there, ""), "0123456789ab")],
            &["`schema there` is not as it was"],
        );
        check(
            vec![expecting(Step::drop(&gone, ""), "0123456789ab")],
            &["`schema gone` is gone"],
        );
        // Replaced: it is expected, then it goes, then it comes.
        check(
            vec![
                expecting(Step::drop(&there, ""), &as_it_is()),
                Step::create(&there, ""),
            ],
            &[],
        );
        // Two steps on one new object.
        check(vec![Step::create(&gone, ""), Step::create(&gone, "")], &[]);
    }
}
