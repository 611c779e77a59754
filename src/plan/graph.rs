//! Which node has to wait for which.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bodies,
    spans::{Span, tighten},
    steps::{Edges, Node, Nodes, going_on, is_aside},
};
use crate::{
    diff::{Diff, Fate},
    kinds::{Claim, Object, ObjectId, World as _},
};

/// The edges between the nodes, and the nodes that keep together.
pub(super) fn edges(diff: &Diff<'_>, nodes: &Nodes) -> (Edges, Vec<Span>) {
    let mut graph = Graph {
        nodes,
        edges: BTreeMap::new(),
        spans: Vec::new(),
    };
    for (id, fate) in &diff.fates {
        graph.around_drop(diff, id);
        graph.around_create(diff, id);
        match fate {
            Fate::Alter | Fate::Dislodge | Fate::Repoint(_) | Fate::Outlive => {
                graph.around_alter(diff, id, fate);
            }
            Fate::Create | Fate::Drop | Fate::Replace(_) => {}
        }
    }
    graph.successions(diff);
    graph.names();
    graph.steps();
    graph.bodies(diff);
    graph.shares();
    let Graph {
        mut edges,
        mut spans,
        ..
    } = graph;
    tighten(&mut spans, &mut edges);
    (edges, spans)
}

/// Nodes by the partitioned table of whose rows they take, or give up, a share.
type Shares<'a> = BTreeMap<&'a str, BTreeSet<&'a Node>>;

struct Graph<'a> {
    nodes: &'a Nodes,
    edges: Edges,
    spans: Vec<Span>,
}

impl Graph<'_> {
    fn edge(&mut self, first: &Node, then: &Node) {
        if first != then
            && self.nodes.steps.contains_key(first)
            && self.nodes.steps.contains_key(then)
        {
            self.edges
                .entry(first.clone())
                .or_default()
                .insert(then.clone());
        }
    }

    /// The node after which the object is as it shall be for those that need it.
    fn ready(&self, id: &ObjectId) -> Option<Node> {
        let altered = Node::Alter(id.clone());
        self.nodes
            .created_in
            .get(id)
            .cloned()
            .or_else(|| self.nodes.steps.contains_key(&altered).then_some(altered))
    }

    /// Whether the object stays and is freed from something that goes.
    fn leaves(&self, diff: &Diff<'_>, id: &ObjectId) -> bool {
        let before = diff
            .catalogs
            .live
            .get(id)
            .and_then(|object| object.facts().goes_with);
        let after = diff
            .catalogs
            .desired
            .get(id)
            .and_then(|object| object.facts().goes_with);
        let stays = !self.nodes.dropped_in.contains_key(id);
        stays
            && before.is_some_and(|with| self.nodes.dropped_in.contains_key(with))
            && (before != after || diff.fates.get(id) == Some(&Fate::Outlive))
    }

    fn around_drop(&mut self, diff: &Diff<'_>, id: &ObjectId) {
        let Some(node) = self.nodes.dropped_in.get(id).cloned() else {
            return;
        };
        let live = diff.catalogs.live.get(id);
        let inherited_from = live.and_then(|object| object.facts().inherited_from);
        let with = inherited_from.or_else(|| live.and_then(|object| object.facts().goes_with));
        let leaves = with.filter(|with| diff.is_freed(id, with));
        let is_freed = leaves.is_some() || diff.held_whole(id).is_some();
        let is_freed = is_freed && node.id() == id;
        if let Some(whole) =
            inherited_from.and_then(|with| self.nodes.dropped_in.get(with).cloned())
            && node.id() == id
        {
            match diff.parent(id).filter(|_| leaves.is_some()) {
                // What its table keeps when it leaves is there then.
                Some(table) => self.edge(&Node::Alter(table.clone()), &whole),
                // PostgreSQL drops nothing that is inherited.
                None => self.edge(&whole, &node),
            }
        }
        for holder in diff.holders(id) {
            if let Some(table) = diff.parent(holder) {
                self.edge(&Node::Alter(table.clone()), &node);
                self.edge(&node, &Node::Finish(table.clone()));
            }
        }
        for needed in diff.catalogs.live.dependencies(id) {
            match self.nodes.dropped_in.get(needed).cloned() {
                // What is removed with something that stands aside is there until then.
                Some(Node::Drop(other)) if matches!(node, Node::Remove(_)) => {
                    self.edge(&node, &Node::Remove(other));
                }
                Some(other) => self.edge(&node, &other),
                // What leaves something that goes has to leave before.
                None if self.leaves(diff, needed) => {}
                // What a whole has handed down goes once it no longer belongs to that.
                None if is_freed && diff.parent(id) == Some(needed) => {
                    self.edge(&Node::Alter(needed.clone()), &node);
                    self.edge(&node, &Node::Finish(needed.clone()));
                }
                // What goes to come again stays for as long as rows are looked at.
                None if self.nodes.takes_time(&Node::Alter(needed.clone()))
                    && diff.is_created(id)
                    && diff.fates.get(needed) != Some(&Fate::Dislodge) => {}
                None => self.edge(&node, &Node::Alter(needed.clone())),
            }
        }
        if let Some(created) = self.nodes.created_in.get(id).cloned() {
            self.edge(&node, &created);
        }
    }

    fn around_create(&mut self, diff: &Diff<'_>, id: &ObjectId) {
        let Some(node) = self.nodes.created_in.get(id).cloned() else {
            return;
        };
        for needed in diff.catalogs.desired.dependencies(id) {
            if let Some(ready) = self.ready(needed) {
                self.edge(&ready, &node);
            }
            self.edge(&Node::Finish(needed.clone()), &Node::Finish(id.clone()));
            self.after_carry(diff, id, needed, &node);
        }
        // What can't be said inside the statement comes after it.
        self.edge(&node, &Node::Create(id.clone()));
        self.edge(&Node::Create(id.clone()), &Node::Finish(id.clone()));
        self.edge(&Node::Create(id.clone()), &Node::Check(id.clone()));
        self.edge(&node, &Node::Finish(id.clone()));
        // The rows find the parts that they go to.
        for &part in diff.desired_companions(id) {
            if let Some(created) = self.nodes.created_in.get(part).cloned() {
                self.edge(&created, &Node::Carry(id.clone()));
            }
        }
        for part in diff.live_children(id).into_iter().chain([id]) {
            for needed in diff
                .catalogs
                .live
                .dependencies(part)
                .filter(|needed| *needed != id)
            {
                self.edge(&Node::Carry(needed.clone()), &Node::Carry(id.clone()));
                self.edge(&Node::Remove(id.clone()), &Node::Remove(needed.clone()));
            }
        }
        let (carry, remove) = (Node::Carry(id.clone()), Node::Remove(id.clone()));
        self.edge(&node, &carry);
        self.edge(&carry, &remove);
        self.edge(&node, &remove);
        // No plan leads back from where the old self stands aside: it is gone before the transaction ends.
        self.span(Node::Drop(id.clone()), [remove]);
        // Rows are carried over before triggers, policies and indexes are there to mind them.
        for child in diff.children(id) {
            if let Some(created) = self.nodes.created_in.get(child).cloned()
                && created != node
            {
                self.edge(&carry, &created);
            }
        }
        for (extra, _) in diff.added_to(id) {
            self.edge(&node, &Node::Alter(extra));
        }
    }

    /// What looks at rows waits until they have been carried over: an index, a foreign key, a materialized view. The parts
    /// that the rows go to don't.
    fn after_carry(&mut self, diff: &Diff<'_>, id: &ObjectId, needed: &ObjectId, node: &Node) {
        let holder = [Some(needed), diff.parent(needed)]
            .into_iter()
            .flatten()
            .find(|holder| {
                self.nodes
                    .steps
                    .contains_key(&Node::Carry((*holder).clone()))
            });
        let Some(holder) = holder else {
            return;
        };
        let mut root = id;
        while let Some(parent) = diff.parent(root) {
            root = parent;
        }
        loop {
            if root == holder {
                return;
            }
            match diff
                .catalogs
                .desired
                .get(root)
                .and_then(|object| object.facts().goes_with)
            {
                Some(whole) => root = whole,
                None => break,
            }
        }
        self.edge(&Node::Carry(holder.clone()), node);
    }

    fn around_alter(&mut self, diff: &Diff<'_>, id: &ObjectId, fate: &Fate) {
        let node = Node::Alter(id.clone());
        // One that held a whole that goes is free of it then, and joins the new one when all is as it shall be.
        let then = match diff.held_whole(id) {
            Some(_) => Node::Finish(id.clone()),
            None => node.clone(),
        };
        for needed in diff.catalogs.desired.dependencies(id) {
            if let Some(ready) = self.ready(needed) {
                self.edge(&ready, &then);
            }
            self.edge(&Node::Finish(needed.clone()), &Node::Finish(id.clone()));
        }
        let after: BTreeSet<&ObjectId> = diff.catalogs.desired.dependencies(id).collect();
        for needed in diff.catalogs.live.dependencies(id) {
            if let Some(dropped) = self.nodes.dropped_in.get(needed).cloned()
                && !(after.contains(needed) && diff.is_created(needed))
            {
                self.edge(&node, &dropped);
            }
        }
        match fate {
            Fate::Repoint(replaced) => {
                self.edge(&Node::Create(replaced.clone()), &node);
                self.edge(&Node::Carry(replaced.clone()), &node);
                self.edge(&node, &Node::Remove(replaced.clone()));
            }
            Fate::Alter
            | Fate::Dislodge
            | Fate::Outlive
            | Fate::Create
            | Fate::Drop
            | Fate::Replace(_) => {}
        }
        let before = diff
            .catalogs
            .live
            .get(id)
            .and_then(|object| object.facts().goes_with);
        // It is free before what it went with goes.
        if let Some(with) = before
            && let Some(dropped) = self.nodes.dropped_in.get(with).cloned()
            && self.leaves(diff, id)
        {
            self.edge(&node, &dropped);
            self.edge(&node, &Node::Remove(dropped.id().clone()));
        }
        // What the whole gets is not for one that leaves, and one that joins finds it there.
        let wholes = |object: Option<&'_ Object>| -> BTreeSet<ObjectId> {
            let wholes = object
                .map(|object| object.facts().wholes())
                .unwrap_or_default();
            wholes.into_iter().cloned().collect()
        };
        let (before, after) = (
            wholes(diff.catalogs.live.get(id)),
            wholes(diff.catalogs.desired.get(id)),
        );
        for part in before
            .difference(&after)
            .flat_map(|whole| diff.children(whole))
        {
            if let Some(ready) = self.ready(part) {
                self.edge(&node, &ready);
            }
        }
        for part in after
            .difference(&before)
            .flat_map(|whole| diff.children(whole))
        {
            if let Some(ready) = self.ready(part) {
                self.edge(&ready, &Node::Finish(id.clone()));
            }
        }
        // PostgreSQL takes nothing for a parent's whose rows were not checked.
        let inherited = |part: &ObjectId| {
            diff.catalogs
                .desired
                .get(part)
                .and_then(|object| object.facts().inherited_from)
                .is_some()
        };
        for part in diff.children(id).into_iter().filter(|part| inherited(part)) {
            self.edge(&Node::Check(part.clone()), &Node::Finish(id.clone()));
        }
        self.edge(&node, &Node::Finish(id.clone()));
        self.edge(&node, &Node::Check(id.clone()));
        self.around_detached(diff, id);
    }

    /// One that is detached and attached again is away for as short a time as can be.
    fn around_detached(&mut self, diff: &Diff<'_>, id: &ObjectId) {
        if !diff.is_reattached(id) {
            return;
        }
        let (detach, attach) = (Node::Alter(id.clone()), Node::Finish(id.clone()));
        for other in diff.in_the_way_of_detaching(id) {
            if let Some(dropped) = self.nodes.dropped_in.get(other).cloned() {
                self.edge(&dropped, &detach);
            }
            if let Some(created) = self.nodes.created_in.get(other).cloned() {
                self.edge(&attach, &created);
            }
        }
        // What the whole gets meanwhile would be made on it by PostgreSQL, under names of its own.
        let parts = diff.children(id).into_iter();
        for part in parts.filter(|_| !diff.changes_whole(id)) {
            let whole = diff
                .catalogs
                .desired
                .get(part)
                .and_then(|object| object.facts().goes_with);
            let Some(whole) = whole.filter(|whole| diff.is_created(whole)) else {
                continue;
            };
            for created in [part, whole] {
                if let Some(created) = self.nodes.created_in.get(created).cloned() {
                    self.edge(&attach, &created);
                }
            }
        }
        self.span(detach, [attach]);
    }

    /// Whatever gives up a share of a whole's rows comes before what takes one, since only PostgreSQL knows which overlap,
    /// unless something stands against that.
    fn shares(&mut self) {
        let nodes = self.nodes;
        let (mut freed, mut taken) = (Shares::new(), Shares::new());
        for (claims, by_whole) in [(&nodes.freed, &mut freed), (&nodes.taken, &mut taken)] {
            for (claim, node) in claims {
                if let Claim::Share { of, .. } = claim {
                    by_whole.entry(of).or_default().insert(node);
                }
            }
        }
        for (whole, givers) in freed {
            for taker in taken.get(whole).into_iter().flatten() {
                let behind = self.behind(taker);
                let free = givers.iter().filter(|giver| !behind.contains(*giver));
                for giver in free {
                    self.edge(giver, taker);
                }
            }
        }
    }

    /// The nodes that come behind this one by now, and this one.
    fn behind(&self, first: &Node) -> BTreeSet<Node> {
        let mut waiting = vec![first];
        let mut seen = BTreeSet::from([first]);
        while let Some(node) = waiting.pop() {
            let next = self.edges.get(node).into_iter().flatten();
            waiting.extend(next.filter(|next| seen.insert(next)));
        }
        seen.into_iter().cloned().collect()
    }

    /// A sequence goes on where another is, after that one rests and before it is gone.
    fn successions(&mut self, diff: &Diff<'_>) {
        for (heir, old) in diff.successions() {
            let going_on = going_on(diff, heir);
            // From then on, numbers are drawn from the new one.
            let drawing = diff.dependents(heir).into_iter();
            let drawing: Vec<Node> = drawing.filter_map(|part| self.ready(part)).collect();
            if !old.goes {
                self.span(going_on, drawing);
                continue;
            }
            let resting = if is_aside(diff, &old.object) {
                Node::Drop(old.object.clone())
            } else {
                Node::Rest(old.object.clone())
            };
            let gone = match (
                diff.parent(&old.object),
                self.nodes.dropped_in.get(&old.object),
            ) {
                (Some(table), _) if is_aside(diff, &old.object) => Node::Remove(table.clone()),
                (_, Some(dropped)) => dropped.clone(),
                (_, None) => Node::Alter(old.object.clone()),
            };
            self.edge(&resting, &going_on);
            self.edge(&resting, &gone);
            if going_on.id() != &old.object {
                self.edge(&going_on, &gone);
            }
            self.span(resting, drawing.into_iter().chain([going_on, gone]));
        }
    }

    /// Lets nothing come between nodes but what has to.
    fn span(&mut self, start: Node, ends: impl IntoIterator<Item = Node>) {
        let ends = ends.into_iter();
        let mut ends = ends
            .filter(|end| self.nodes.steps.contains_key(end))
            .peekable();
        if ends.peek().is_some() {
            self.spans.push(Span::new(start, ends));
        }
    }

    /// A name is free before another takes it.
    fn names(&mut self) {
        let pairs: Vec<(Node, Node)> = self
            .nodes
            .taken
            .iter()
            .filter_map(|(claim, taker)| {
                Some((self.nodes.freed.get(claim)?.clone(), taker.clone()))
            })
            .collect();
        for (freed, taken) in pairs {
            self.edge(&freed, &taken);
        }
    }

    /// What a function refers to is there before it is run, unless something stands against that.
    fn bodies(&mut self, diff: &Diff<'_>) {
        for (id, referred) in bodies::referred(diff) {
            let mut root = id;
            while let Some(parent) = diff.parent(root) {
                root = parent;
            }
            let Some(node) = self.ready(id) else {
                continue;
            };
            // What a new table declares meets no rows.
            if node.id() == root && root != id {
                continue;
            }
            for needed in referred {
                let columns = diff.children(needed).into_iter().filter(|part| {
                    let object = diff.catalogs.desired.get(part);
                    part.of.is_none() && object.is_some_and(|object| !object.profile().splits)
                });
                for part in std::iter::once(needed).chain(columns) {
                    if let Some(ready) = self.ready(part)
                        && !self.reaches(&node, &ready)
                    {
                        self.edge(&ready, &node);
                    }
                }
            }
        }
    }

    /// Whether one node comes before another by now, or is the same.
    fn reaches(&self, first: &Node, then: &Node) -> bool {
        let mut seen = BTreeSet::from([first]);
        let mut waiting = vec![first];
        while let Some(node) = waiting.pop() {
            if node == then {
                return true;
            }
            let next = self.edges.get(node).into_iter().flatten();
            waiting.extend(next.filter(|next| seen.insert(next)));
        }
        false
    }

    /// What single steps wait for.
    fn steps(&mut self) {
        let nodes = self.nodes;
        for (node, steps) in &nodes.steps {
            for needed in steps.iter().flat_map(|step| &step.requires) {
                match (self.ready(needed), nodes.dropped_in.get(needed)) {
                    (Some(ready), _) => self.edge(&ready, node),
                    // What goes is there until then.
                    (None, Some(dropped)) => self.edge(node, dropped),
                    (None, None) => {}
                }
            }
        }
    }
}
