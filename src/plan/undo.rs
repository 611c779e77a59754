//! The undo steps of a plan: a way back from each place where it can stop.
//!
//! Each part undoes one transaction of the plan, or one step outside of any. The last one of the plan comes first. So the way
//! back from a place where the plan has stopped is the rest of the parts from there on. A part also tells what its transaction
//! changes: by that a later run sees what stands, whoever did it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    batch::{Batch, Plan},
    undo_part::{UndoChange, UndoPart},
};
use crate::{
    catalog::Catalog,
    kinds::{Action, ObjectId},
};

impl Plan {
    /// How many of the batches can be done while others aren't: all but a last transaction, with which the plan is done.
    pub fn stops(&self) -> usize {
        let ends_at_once = self.batches.last().is_none_or(|last| last.transactional);
        self.batches.len() - usize::from(ends_at_once && !self.batches.is_empty())
    }

    /// The numbers of the first and the last step of each batch.
    pub fn spans(&self) -> Vec<(usize, usize)> {
        let mut last = 0;
        let spans = self.batches.iter().map(|batch| {
            let first = last + 1;
            last += batch.steps.len();
            (first, last)
        });
        spans.collect()
    }

    /// The parts of an undo plan, each with its batches.
    pub fn parts(&self) -> impl Iterator<Item = (&UndoPart, &[Batch])> {
        let mut begin = 0;
        self.parts.iter().map(move |part| {
            let batches = &self.batches[begin..begin + part.batches];
            begin += part.batches;
            (part, batches)
        })
    }
}

/// What each of a plan's batches changes; `states` are the catalogs before the first, between them, and after the last.
pub fn changes(states: &[Catalog]) -> Vec<Vec<UndoChange>> {
    let families: Vec<_> = states.iter().map(Catalog::families).collect();
    let state = |number: usize, id: &ObjectId| families[number].state(Action::Drop, id);
    let pairs = || states.windows(2);
    let mut told: BTreeSet<ObjectId> = BTreeSet::new();
    for pair in pairs() {
        let ids: BTreeSet<&ObjectId> = pair
            .iter()
            .flat_map(Catalog::objects)
            .map(|(id, _)| id)
            .collect();
        let changed = ids
            .into_iter()
            .filter(|id| pair[0].get(id) != pair[1].get(id));
        told.extend(changed.map(|id| whole(pair, id)));
    }
    (0..states.len().saturating_sub(1))
        .map(|number| {
            let changes = told.iter().map(|id| UndoChange {
                id: id.clone(),
                before: state(number, id),
                after: state(number + 1, id),
            });
            changes
                .filter(|change| change.before != change.after)
                .collect()
        })
        .collect()
}

/// The object itself, or the biggest that comes or goes and takes it along.
fn whole(pair: &[Catalog], id: &ObjectId) -> ObjectId {
    let there = |id: &ObjectId| [pair[0].contains(id), pair[1].contains(id)];
    let catalog = if pair[1].contains(id) {
        &pair[1]
    } else {
        &pair[0]
    };
    let wholes = catalog
        .ancestors(id)
        .filter(|whole| there(whole) == there(id) && there(id) != [true, true]);
    wholes.last().unwrap_or(id).clone()
}

/// One of the two ends of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Before its first step.
    First,
    /// Behind its last step.
    Last,
}

/// What a plan changes and is not as it is at one of the plan's ends, in words.
pub fn unlike(undo: &Plan, end: End, live: &Catalog) -> Vec<String> {
    let mut parts: Vec<&UndoPart> = undo.parts.iter().collect();
    parts.sort_by_key(|part| part.steps);
    let mut promised: BTreeMap<&ObjectId, &Option<String>> = BTreeMap::new();
    for change in parts.iter().flat_map(|part| &part.changes) {
        match end {
            End::First => promised.entry(&change.id).or_insert(&change.before),
            End::Last => promised
                .entry(&change.id)
                .and_modify(|state| *state = &change.after)
                .or_insert(&change.after),
        };
    }
    let families = live.families();
    let unlike = promised.into_iter().filter_map(|(id, promised)| {
        let found = families.state(Action::Drop, id);
        match (promised, &found) {
            (promised, found) if promised == found => None,
            (Some(_), None) => Some(format!("`{id}` is missing")),
            (None, Some(_)) => Some(format!("`{id}` is there")),
            (_, _) => Some(format!("`{id}` is different")),
        }
    });
    unlike.collect()
}

/// Whether a plan changes an object, or something that it belongs to.
pub fn is_changed(undo: &Plan, id: &ObjectId, catalog: &Catalog) -> bool {
    let mut changes = undo.parts.iter().flat_map(|part| &part.changes);
    changes.any(|change| {
        change.id == *id
            || is_part_of(id, &change.id)
            || catalog.ancestors(id).any(|it| *it == change.id)
    })
}

/// What of a plan stands, as the database shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The steps that are done.
    pub done: BTreeSet<usize>,
    /// Those of them of which the journal doesn't know.
    pub found: BTreeSet<usize>,
    /// Steps that the journal calls done, and that somebody has undone.
    pub undone: BTreeSet<usize>,
    /// Objects that are neither as the plan has left them nor as they were at another place of it.
    pub otherwise: BTreeSet<ObjectId>,
}

/// Looks at what stands of a plan of which the journal calls these steps done.
///
/// Where the database is as at a place of the plan, it is that place: the one that the journal tells, or else the nearest.
/// Otherwise each object is looked for by itself.
pub fn standing(plan: &Plan, undo: &Plan, journal: &BTreeSet<usize>, live: &Catalog) -> Standing {
    let look = Look::new(plan, undo, journal, live);
    let mut standing = Standing {
        done: journal.clone(),
        ..Standing::default()
    };
    let place = look.place();
    for (number, part) in look.parts.iter().enumerate() {
        let stands = match place {
            Some(place) if !part.changes.is_empty() => Some(place > number),
            Some(_) => None,
            None => look.stands(number),
        };
        let steps = || part.steps.0..=part.steps.1;
        match (part.is_among(journal), stands) {
            (true, Some(false)) => standing.undone.extend(steps()),
            (false, Some(true)) if look.shows_all(part) => {
                standing
                    .found
                    .extend(steps().filter(|step| !journal.contains(step)));
            }
            _ => {}
        }
    }
    if place.is_none() {
        let each = look.states.iter();
        let others = each.filter(|(id, state)| look.place_of(id, state.as_ref()).is_none());
        standing.otherwise = others.map(|(id, _)| (*id).clone()).collect();
    }
    look.undo_rows(&mut standing);
    standing.done.extend(&standing.found);
    standing.done.retain(|step| !standing.undone.contains(step));
    standing
}

/// A plan's parts in order, and the objects that they change as they are.
struct Look<'a> {
    plan: &'a Plan,
    parts: Vec<&'a UndoPart>,
    journal: &'a BTreeSet<usize>,
    states: BTreeMap<&'a ObjectId, Option<String>>,
}

impl<'a> Look<'a> {
    fn new(plan: &'a Plan, undo: &'a Plan, journal: &'a BTreeSet<usize>, live: &Catalog) -> Self {
        let mut parts: Vec<&UndoPart> = undo.parts.iter().collect();
        parts.sort_by_key(|part| part.steps);
        let families = live.families();
        let changes = parts.iter().flat_map(|part| &part.changes);
        Self {
            states: changes
                .map(|change| (&change.id, families.state(Action::Drop, &change.id)))
                .collect(),
            plan,
            parts,
            journal,
        }
    }

    /// The states of an object, each with the number of parts behind which it begins.
    fn stages(&self, id: &ObjectId) -> Vec<(usize, &'a Option<String>)> {
        let mut stages = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            for change in part.changes.iter().filter(|change| change.id == *id) {
                if stages.is_empty() {
                    stages.push((0, &change.before));
                }
                stages.push((number + 1, &change.after));
            }
        }
        stages
    }

    /// How many parts the journal calls done, without a gap.
    fn promised(&self) -> usize {
        let done = self.parts.iter();
        done.take_while(|part| part.is_among(self.journal)).count()
    }

    /// Behind how many parts all objects are as they are, if they are so anywhere.
    fn place(&self) -> Option<usize> {
        let fits = |place: &usize| {
            self.states.iter().all(|(id, state)| {
                let stages = self.stages(id);
                let now = stages.iter().rfind(|stage| stage.0 <= *place);
                now.is_some_and(|stage| stage.1 == state)
            })
        };
        let promised = self.promised();
        let earlier = (0..=promised).rev();
        let later = promised + 1..=self.parts.len();
        // Rows that a step writes between can't be seen.
        let later = later.filter(|place| {
            let mut between = self.parts[promised..*place].iter();
            between.all(|part| self.shows_all(part))
        });
        earlier.chain(later).find(fits)
    }

    /// Behind how many parts an object is as it is: where the journal says, or else earlier, or later.
    fn place_of(&self, id: &ObjectId, state: Option<&String>) -> Option<usize> {
        let stages = self.stages(id);
        let is_done =
            |stage: &(usize, _)| stage.0 == 0 || self.parts[stage.0 - 1].is_among(self.journal);
        let promised = stages.iter().rposition(is_done).unwrap_or_default();
        let fits = |stage: &&(usize, &Option<String>)| stage.1.as_ref() == state;
        let (before, after) = stages.split_at(promised);
        let now = after.first().filter(fits);
        let now = now.or_else(|| before.iter().rev().find(fits));
        now.or_else(|| after.iter().find(fits)).map(|stage| stage.0)
    }

    /// Whether a part stands, if its objects tell.
    fn stands(&self, number: usize) -> Option<bool> {
        let changes = self.parts[number].changes.iter();
        let places =
            changes.map(|change| self.place_of(&change.id, self.states[&change.id].as_ref()));
        let places: Vec<usize> = places.collect::<Option<_>>()?;
        if places.is_empty() {
            None
        } else if places.iter().all(|place| *place > number) {
            Some(true)
        } else if places.iter().all(|place| *place <= number) {
            Some(false)
        } else {
            None
        }
    }

    /// Rows that were written to what somebody has undone have to be written again.
    fn undo_rows(&self, standing: &mut Standing) {
        let undone = self
            .parts
            .iter()
            .filter(|part| part.is_among(&standing.undone));
        let lost: Vec<&ObjectId> = undone
            .flat_map(|part| &part.changes)
            .filter(|change| change.before.is_none())
            .map(|change| &change.id)
            .collect();
        let written = (1..).zip(self.plan.steps()).filter(|(number, step)| {
            step.action == Action::Data
                && self.journal.contains(number)
                && lost
                    .iter()
                    .any(|id| **id == step.object || is_part_of(&step.object, id))
        });
        standing.undone.extend(written.map(|(number, _)| number));
    }

    /// Whether all that a part does can be seen by what it changes: rows that a step writes can't.
    fn shows_all(&self, part: &UndoPart) -> bool {
        let numbered = (1..).zip(self.plan.steps());
        let mut steps =
            numbered.filter(|(number, _)| (part.steps.0..=part.steps.1).contains(number));
        !part.changes.is_empty() && steps.all(|(_, step)| step.action != Action::Data)
    }
}

/// Whether one object's name says that it belongs to the other.
fn is_part_of(part: &ObjectId, whole: &ObjectId) -> bool {
    part.path.len() > whole.path.len() && part.path.starts_with(&whole.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinds::{Kind, Object, Step, schema::Schema},
        sql::Ident,
    };

    fn id(name: &str) -> ObjectId {
        ObjectId::new(Kind::Schema, [name])
    }

    fn catalog(names: &[&str]) -> Catalog {
        let mut catalog = Catalog::empty(150_000, Ident::new("owner"));
        for name in names {
            catalog.insert(id(name), Object::Schema(Schema {}), None);
        }
        catalog
    }

    /// A plan of one step in each of its transactions, and its undo steps.
    fn plans(states: &[&[&str]], data: Option<usize>) -> (Plan, Plan) {
        let states: Vec<Catalog> = states.iter().map(|names| catalog(names)).collect();
        let changes = changes(&states);
        let batches = (1..=changes.len()).map(|number| {
            let action = if data == Some(number) {
                Action::Data
            } else {
                Action::Alter
            };
            Batch {
                transactional: true,
                steps: vec![Step::new(action, &id("a"), "")],
            }
        });
        let plan = Plan {
            batches: batches.collect(),
            ..Plan::default()
        };
        let parts = changes
            .into_iter()
            .enumerate()
            .map(|(number, changes)| UndoPart {
                steps: (number + 1, number + 1),
                changes,
                stays: Vec::new(),
                batches: 0,
            });
        let undo = Plan {
            parts: parts.rev().collect::<Vec<_>>(),
            ..Plan::default()
        };
        (plan, undo)
    }

    #[test]
    fn what_stands_is_what_is_there() {
        fn check(journal: &[usize], live: &[&str], done: &[usize], otherwise: usize) {
            let states: [&[&str]; 5] = [&[], &["a"], &["a", "b"], &["b"], &["b", "c"]];
            let (plan, undo) = plans(&states, None);
            let journal = journal.iter().copied().collect();
            let found = standing(&plan, &undo, &journal, &catalog(live));
            let expected: BTreeSet<usize> = done.iter().copied().collect();
            assert_eq!(found.done, expected, "{journal:?} {live:?}");
            assert_eq!(found.otherwise.len(), otherwise);
        }
        check(&[1, 2], &["a", "b"], &[1, 2], 0);
        // Somebody has undone it, or gone on.
        check(&[1, 2], &["a"], &[1], 0);
        check(&[1, 2], &[], &[], 0);
        check(&[1], &["a", "b"], &[1, 2], 0);
        check(&[1, 2], &["b"], &[1, 2, 3], 0);
        check(&[1], &["b", "c"], &[1, 2, 3, 4], 0);
        // The database is at no place of the plan; each object is looked at by itself.
        check(&[1, 2], &["a", "b", "c"], &[1, 2, 4], 0);
        check(&[1, 2, 3], &["c"], &[1, 3, 4], 0);
    }

    #[test]
    fn rows_that_a_step_wrote_cannot_be_seen() {
        let states: [&[&str]; 4] = [&[], &["a"], &["a"], &["a", "b"]];
        let (plan, undo) = plans(&states, Some(2));
        let check = |journal: &[usize], live: &[&str], done: &[usize]| {
            let journal = journal.iter().copied().collect();
            let found = standing(&plan, &undo, &journal, &catalog(live));
            let expected: BTreeSet<usize> = done.iter().copied().collect();
            assert_eq!(found.done, expected, "{journal:?} {live:?}");
        };
        check(&[1, 2], &["a"], &[1, 2]);
        check(&[1], &["a"], &[1]);
        check(&[1], &["a", "b"], &[1, 3]);
        // What was written to is gone, and what was written with it.
        check(&[1, 2], &[], &[]);
    }

    #[test]
    fn where_a_plan_can_stop() {
        fn check(batches: &[bool], expected: usize) {
            let batches = batches.iter().map(|transactional| Batch {
                transactional: *transactional,
                steps: vec![Step::create(&id("a"), "")],
            });
            let plan = Plan {
                batches: batches.collect(),
                ..Plan::default()
            };
            assert_eq!(plan.stops(), expected);
        }
        check(&[], 0);
        check(&[true], 0);
        check(&[false], 1);
        check(&[true, true], 1);
        check(&[true, false], 2);
        check(&[false, true], 1);
    }
}
