//! Puts nodes in an order in which each comes after those that it waits for. Ties are broken by rank and id, so the same
//! two catalogs give the same plan byte for byte.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use super::{
    graph::edges,
    spans::{Open, Span},
    steps::{Cuts, Edges, Node, Nodes},
};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    diff::{Catalogs, Diff},
    kinds::{Kind, Mode, ObjectId, Step, World as _},
};

/// Nodes in order, with what comes after each.
pub(super) struct Arranged {
    pub(super) nodes: Vec<(Node, Vec<Step>)>,
    pub(super) edges: Edges,
}

/// Orders the steps of a difference; cycles are broken at the parts that can stand alone.
pub(super) fn arrange(diff: &Diff<'_>) -> Result<Arranged> {
    let mut cuts = Cuts::new();
    loop {
        let nodes = Nodes::new(diff, &cuts);
        let (edges, spans) = edges(diff, &nodes);
        match sort(diff, &nodes, &edges, &spans) {
            Ok(order) => {
                let mut steps = nodes.steps;
                let nodes = order
                    .into_iter()
                    .map(|node| (node.clone(), steps.remove(&node).unwrap_or_default()))
                    .collect();
                return Ok(Arranged { nodes, edges });
            }
            Err(circles) => {
                let parts = parts_to_cut(diff, &nodes, &circles, &cuts);
                if parts.is_empty() {
                    return Err(cycle(&circles[0]));
                }
                cuts.extend(parts);
            }
        }
    }
}

/// Where a node stands among those that are ready: drops first, then family by family. Within a family come the root with
/// what is said of it and of what its statement declares, then each other member with what is said of it.
type Rank = (
    u8,
    Kind,
    ObjectId,
    bool,
    Option<(Kind, ObjectId)>,
    u8,
    ObjectId,
    i32,
    ObjectId,
);

fn rank(diff: &Diff<'_>, nodes: &Nodes, node: &Node) -> Rank {
    let id = node.id();
    let mut root = id;
    while let Some(parent) = diff.parent(root) {
        root = parent;
    }
    let (phase, within) = match node {
        Node::Drop(_) | Node::Rest(_) => (0, 0),
        Node::Create(_) => (1, 1),
        Node::Alter(_) => (1, 2),
        Node::Carry(_) => (1, 3),
        Node::Finish(_) => (1, 4),
        Node::Remove(_) => (1, 5),
        Node::Check(_) => (3, 0),
    };
    // Rules about objects to come are changed when this plan's objects are there.
    let phase = phase.max(late(diff, id));
    let last = matches!(node, Node::Finish(_) | Node::Remove(_));
    let subject = id.target().unwrap_or_else(|| id.clone());
    let home = nodes.created_in.get(&subject).map_or(&subject, Node::id);
    let object = diff
        .catalogs
        .desired
        .get(id)
        .or_else(|| diff.catalogs.live.get(id));
    let member = (home != root).then(|| (home.kind, home.clone()));
    (
        phase,
        root.kind,
        root.clone(),
        last,
        member,
        within,
        ObjectId {
            grantee: None,
            ..id.clone()
        },
        object.map_or(0, |object| object.facts().position),
        id.clone(),
    )
}

/// Whether the object is a rule about objects to come.
fn late(diff: &Diff<'_>, id: &ObjectId) -> u8 {
    let object = diff
        .catalogs
        .desired
        .get(id)
        .or_else(|| diff.catalogs.live.get(id));
    if object.is_some_and(|object| object.profile().is_default_for_new_objects) {
        2
    } else {
        0
    }
}

/// When a node is taken among those that are ready, for the sake of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// It takes several transactions, with time between them, in which nothing may be gone that comes again.
    First,
    /// It takes part in a transaction.
    Usual,
    /// It runs outside of a transaction, when nothing else is ready, so that there are few transactions.
    Last,
}

impl Turn {
    fn of(node: &Node, nodes: &Nodes) -> Self {
        if nodes.takes_time(node) {
            Self::First
        } else if nodes.steps[node]
            .iter()
            .any(|step| step.mode == Mode::Alone)
        {
            Self::Last
        } else {
            Self::Usual
        }
    }
}

fn sort(
    diff: &Diff<'_>,
    nodes: &Nodes,
    edges: &Edges,
    spans: &[Span],
) -> Result<Vec<Node>, Vec<Vec<Node>>> {
    let mut waits: BTreeMap<&Node, usize> = nodes.steps.keys().map(|node| (node, 0)).collect();
    for after in edges.values().flatten() {
        *waits.entry(after).or_default() += 1;
    }
    let entry = |node: &Node| {
        let turn = Turn::of(node, nodes);
        Reverse((turn, rank(diff, nodes, node), node.clone()))
    };
    let mut ready: BinaryHeap<_> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(node, _)| entry(node))
        .collect();
    let mut order = Vec::with_capacity(waits.len());
    let mut open = Open::new(spans);
    loop {
        let is_ready = |node: &&Node| waits.get(node) == Some(&0);
        // Once a span has begun, it comes to its end.
        let inner = open.inner().filter(is_ready).map(&entry).max();
        let Some(Reverse((_, _, node))) = inner.or_else(|| ready.pop()) else {
            break;
        };
        if !waits.contains_key(&node) {
            continue; // It was taken in a span.
        }
        open.take(&node);
        for after in edges.get(&node).into_iter().flatten() {
            let count = waits.get_mut(after).expect("every node is counted");
            *count -= 1;
            if *count == 0 {
                ready.push(entry(after));
            }
        }
        waits.remove(&node);
        order.push(node);
    }
    if waits.is_empty() {
        Ok(order)
    } else {
        Err(circles(waits.into_keys().collect(), edges))
    }
}

/// Circles among the nodes that are left, no two of which share a node: walking back from any of them ends in one.
fn circles<'a>(mut left: BTreeSet<&'a Node>, edges: &'a Edges) -> Vec<Vec<Node>> {
    let mut before: BTreeMap<&Node, Vec<&Node>> = BTreeMap::new();
    for (first, then) in edges.iter().filter(|(first, _)| left.contains(first)) {
        for node in then {
            before.entry(node).or_default().push(first);
        }
    }
    let mut circles = Vec::new();
    let mut path: Vec<&Node> = Vec::new();
    while let Some(&at) = path.last().or(left.first()) {
        if path.is_empty() {
            path.push(at);
        }
        let waits_for = before.get(at).into_iter().flatten();
        match waits_for.copied().find(|node| left.contains(node)) {
            // It waits for nothing but circles that have been found.
            None => {
                left.remove(at);
                path.pop();
            }
            Some(next) => match path.iter().position(|node| *node == next) {
                None => path.push(next),
                Some(start) => {
                    let circle: Vec<&Node> = path.drain(start..).collect();
                    for node in &circle {
                        left.remove(node);
                    }
                    circles.push(circle.into_iter().cloned().collect());
                }
            },
        }
    }
    circles
}

/// The parts of the circles' objects that can be declared or dropped by statements of their own.
fn parts_to_cut(
    diff: &Diff<'_>,
    nodes: &Nodes,
    circles: &[Vec<Node>],
    cuts: &Cuts,
) -> Vec<ObjectId> {
    let numbers: BTreeMap<&Node, usize> = circles
        .iter()
        .enumerate()
        .flat_map(|(number, circle)| circle.iter().map(move |node| (node, number)))
        .collect();
    // What the server takes along with another object can't be dropped by itself.
    let goes_along = |id: &ObjectId| {
        let holder = diff
            .catalogs
            .live
            .get(id)
            .and_then(|object| object.facts().goes_with);
        holder.is_some_and(|holder| diff.is_dropped(holder))
    };
    let candidate = |id: &ObjectId| {
        let object = diff
            .catalogs
            .desired
            .get(id)
            .or_else(|| diff.catalogs.live.get(id));
        object.is_some_and(|object| object.profile().splits)
            && !cuts.contains(id)
            && !goes_along(id)
    };
    // Only a part that itself needs another member of its circle closes it.
    let closes = |places: &BTreeMap<ObjectId, Node>, catalog: &Catalog, id: &ObjectId| {
        let Some(own) = places.get(id).filter(|node| node.id() != id) else {
            return false;
        };
        let Some(number) = numbers.get(own) else {
            return false;
        };
        catalog.dependencies(id).any(|needed| {
            places
                .get(needed)
                .is_some_and(|node| node != own && numbers.get(node) == Some(number))
        })
    };
    let Catalogs { live, desired } = diff.catalogs;
    diff.fates
        .keys()
        .filter(|id| {
            (closes(&nodes.created_in, desired, id) || closes(&nodes.dropped_in, live, id))
                && candidate(id)
        })
        .cloned()
        .collect()
}

fn cycle(circle: &[Node]) -> Diagnostic {
    let mut members: Vec<String> = circle
        .iter()
        .map(|node| format!("`{}`", node.id()))
        .collect();
    members.dedup();
    Diagnostic::error(
        Code::Cycle,
        format!("{} need each other", members.join(", ")),
    )
    .note("nothing of them can be created or dropped without the others")
    .help("take the reference of one of them out, plan and apply, and put it back in a second plan")
}
