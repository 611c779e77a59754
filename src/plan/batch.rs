//! Groups ordered steps into transactions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{order::Arranged, steps::Node, undo_part::UndoPart};
use crate::{
    diff::Catalogs,
    kinds::{Action, Hazard, Mode, ObjectId, Phase, Rollout, Step},
};

/// Steps that share a transaction, or one that runs outside of any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Whether the steps run in a transaction.
    pub transactional: bool,
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl Batch {
    /// The part of the plan that it belongs to: that of all its steps.
    pub fn rollout(&self) -> Rollout {
        self.steps
            .first()
            .map(|step| step.rollout)
            .unwrap_or_default()
    }
}

/// An ordered list of steps, in transactions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The batches in order.
    pub batches: Vec<Batch>,
    /// What the batches undo of another plan, for a plan that undoes one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<UndoPart>,
}

/// Steps that share a transaction.
impl From<Vec<Step>> for Plan {
    fn from(steps: Vec<Step>) -> Self {
        let transaction = |steps| Batch {
            transactional: true,
            steps,
        };
        Self {
            batches: Some(steps)
                .filter(|steps| !steps.is_empty())
                .map(transaction)
                .into_iter()
                .collect(),
            parts: Vec::new(),
        }
    }
}

impl Plan {
    /// The steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.batches.iter().flat_map(|batch| &batch.steps)
    }

    /// The statements in order.
    pub fn statements(&self) -> impl Iterator<Item = &String> {
        self.steps().flat_map(|step| &step.sql)
    }

    /// Whether there is a step of which the objects of the database have to be asked ([`Step::meets_objects`]).
    pub fn meets_objects(&self) -> bool {
        self.steps().any(Step::meets_objects)
    }

    /// The numbers of the steps that somebody has written.
    pub fn by_hand(&self) -> BTreeSet<usize> {
        let numbered = (1..).zip(self.steps());
        let by_hand = numbered.filter(|(_, step)| step.by_hand);
        by_hand.map(|(number, _)| number).collect()
    }

    /// Marks the steps of these numbers, counted from one, as written by somebody.
    pub fn mark_by_hand(&mut self, numbers: &BTreeSet<usize>) {
        let steps = self.batches.iter_mut().flat_map(|batch| &mut batch.steps);
        for (number, step) in (1..).zip(steps) {
            step.by_hand = numbers.contains(&number);
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The part in which the first step stands that isn't done; the numbers are counted from one.
    pub fn next_rollout(&self, done: &BTreeSet<usize>) -> Option<Rollout> {
        let mut undone = (1..)
            .zip(self.steps())
            .filter(|(number, _)| !done.contains(number));
        undone.next().map(|(_, step)| step.rollout)
    }

    /// The steps' hazards, with the step each belongs to: also those that only its statements show.
    pub fn hazards(&self) -> impl Iterator<Item = (&Step, Hazard)> {
        self.steps()
            .flat_map(|step| step.risks().into_iter().map(move |hazard| (step, hazard)))
    }
}

/// Splits an order of nodes into batches: as few as the modes of the steps allow.
///
/// What a step said of its order has been heard then and is left out.
pub(super) fn split(arranged: Arranged, catalogs: Catalogs<'_>) -> Plan {
    let families = catalogs.live.families();
    let (mut expected, mut spread) = (BTreeSet::new(), BTreeSet::new());
    let completed = completed_by_parts(catalogs);
    let mut plan = Plan::default();
    // Nodes that mustn't share a transaction with what the current one has committed only at its end.
    let mut tainted: BTreeSet<Node> = BTreeSet::new();
    let mut rollout = Rollout::default();
    for (node, steps) in arranged.nodes {
        let mut waits = tainted.contains(&node);
        let mut commits = false;
        for mut step in steps {
            // What comes behind a step of a later part has to wait for that part, too.
            let begins = step.rollout > rollout;
            rollout = rollout.max(step.rollout);
            step.rollout = rollout;
            let fresh = step.mode == Mode::Alone
                || waits
                || begins
                || !plan.batches.last().is_some_and(|batch| batch.transactional);
            if fresh {
                plan.batches.push(Batch {
                    transactional: step.mode != Mode::Alone,
                    steps: Vec::new(),
                });
                tainted.clear();
                commits = false;
            }
            waits = step.mode == Mode::CommitAfter;
            commits |= waits;
            if let Some(state) = families.state(step.action, &step.object)
                && expected.insert(step.object.clone())
            {
                step.expects.push((step.object.clone(), state));
            }
            let is_completed = step.action == Action::Create && completed.contains(&step.object);
            for table in spread_over(catalogs, &step) {
                if let Some(state) = families.partitions(&table)
                    && (spread.insert(table.clone()) || is_completed)
                {
                    step.expects.push((table, state));
                }
            }
            (step.mode, step.phase, step.requires) = (Mode::Transaction, Phase::Main, Vec::new());
            let batch = plan.batches.last_mut().expect("a batch was begun");
            match batch.steps.last_mut().filter(|last| says_more(last, &step)) {
                Some(last) => last.sql.append(&mut step.sql),
                None => batch.steps.push(step),
            }
        }
        if commits || tainted.contains(&node) {
            tainted.extend(arranged.edges.get(&node).into_iter().flatten().cloned());
        }
    }
    plan
}

/// What is made for a partitioned table alone, and then for each of its partitions: a partition that comes before it is made
/// stays without. One that comes later gets it from PostgreSQL.
fn completed_by_parts(catalogs: Catalogs<'_>) -> BTreeSet<&ObjectId> {
    let objects = catalogs.desired.objects();
    objects
        .filter_map(|(_, object)| object.facts().goes_with)
        .collect()
}

/// The tables whose partitions a step has to know: that of its object, over whose partitions the change spreads, and that
/// of which its object is or becomes a partition.
fn spread_over(catalogs: Catalogs<'_>, step: &Step) -> Vec<ObjectId> {
    if step.object.of.is_some() {
        return Vec::new(); // It is about the object alone.
    }
    let root = catalogs.root(&step.object);
    let is_partition = root == step.object && step.action != Action::Drop;
    let wholes = [catalogs.live.get(&root), catalogs.desired.get(&root)];
    let wholes = wholes
        .into_iter()
        .flatten()
        .filter_map(|object| object.facts().goes_with);
    let wholes: Vec<ObjectId> = wholes.filter(|_| is_partition).cloned().collect();
    std::iter::once(root).chain(wholes).collect()
}

/// Whether a step only completes the creation before it: a comment, an owner or a grant on the new object or its parts.
fn says_more(last: &Step, step: &Step) -> bool {
    let quiet = step.hazards.is_empty()
        && step.locks.is_empty()
        && step.expects.is_empty()
        && step.summary.is_empty();
    let about = step.object.target().is_some_and(|target| {
        target.args == last.object.args
            && last.object.of.is_none()
            && target.path.starts_with(&last.object.path)
            && (target.kind == last.object.kind || target.path.len() > last.object.path.len())
    });
    last.action == Action::Create && step.action != Action::Drop && quiet && about
}
