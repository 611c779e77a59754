//! The steps of each object's fate, gathered into nodes that keep together.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diff::{Diff, Fate},
    kinds::{
        Action, Claim, Difference, Fragment, HazardKind, Mode, Object, ObjectId, Phase,
        Predecessor, Reaction, Step, World as _,
    },
    sql::{dotted, join},
};

/// A group of steps that run one after the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    /// The object goes, or its old self stands aside.
    Drop(ObjectId),
    /// The object comes, with those of its parts that its own statement declares.
    Create(ObjectId),
    /// The object is changed.
    Alter(ObjectId),
    /// The new self takes over what the old one holds.
    Carry(ObjectId),
    /// The old self that stood aside goes.
    Remove(ObjectId),
    /// The object's sequence stands aside, where another one goes on.
    Rest(ObjectId),
    /// What nothing waits for.
    Finish(ObjectId),
    /// What comes after everything else.
    Check(ObjectId),
}

impl Node {
    pub(super) fn id(&self) -> &ObjectId {
        match self {
            Self::Drop(id)
            | Self::Create(id)
            | Self::Alter(id)
            | Self::Carry(id)
            | Self::Remove(id)
            | Self::Rest(id)
            | Self::Finish(id)
            | Self::Check(id) => id,
        }
    }
}

/// For each node, those that come after it.
pub(super) type Edges = BTreeMap<Node, BTreeSet<Node>>;

/// A part of an object that has been taken out of the object's own statement, to break a cycle.
pub(super) type Cuts = BTreeSet<ObjectId>;

/// Every node with its steps, and where each object's creation and drop happen.
pub(super) struct Nodes {
    pub(super) steps: BTreeMap<Node, Vec<Step>>,
    /// The node in which an object comes into being.
    pub(super) created_in: BTreeMap<ObjectId, Node>,
    /// The node in which an object goes.
    pub(super) dropped_in: BTreeMap<ObjectId, Node>,
    /// Names that objects take, and names that they free.
    pub(super) taken: BTreeMap<Claim, Node>,
    pub(super) freed: BTreeMap<Claim, Node>,
}

impl Nodes {
    pub(super) fn new(diff: &Diff<'_>, cuts: &Cuts) -> Self {
        let mut nodes = Self {
            steps: BTreeMap::new(),
            created_in: BTreeMap::new(),
            dropped_in: BTreeMap::new(),
            taken: BTreeMap::new(),
            freed: BTreeMap::new(),
        };
        for id in diff.fates.keys() {
            nodes.drop_object(diff, cuts, id);
            nodes.create_object(diff, cuts, id);
            nodes.alter_object(diff, id);
        }
        for (heir, old) in diff.successions() {
            nodes.succeed(diff, heir, old);
        }
        for id in diff.fates.keys() {
            nodes.tell_breakage(diff, id);
        }
        nodes
    }

    /// Lets the step that makes the difference say what it breaks. Nobody uses what belongs to a new object, and the drop of
    /// the whole tells of its parts.
    fn tell_breakage(&mut self, diff: &Diff<'_>, id: &ObjectId) {
        let (live, desired) = (diff.catalogs.live.get(id), diff.catalogs.desired.get(id));
        let is_whole_new = diff
            .catalogs
            .desired
            .parent(id)
            .is_some_and(|whole| diff.catalogs.live.get(whole).is_none());
        let goes_whole = diff
            .catalogs
            .live
            .parent(id)
            .is_some_and(|whole| diff.catalogs.desired.get(whole).is_none());
        if is_whole_new || goes_whole {
            return;
        }
        let Some(why) = Object::breaks(live, desired, id, &diff.context()) else {
            return;
        };
        let node = if live.is_some() {
            &self.dropped_in
        } else {
            &self.created_in
        }
        .get(id);
        let node = node.cloned().unwrap_or_else(|| Node::Alter(id.clone()));
        let belongs = |whole: &ObjectId| diff.catalogs.root(whole) == diff.catalogs.root(id);
        if !belongs(node.id()) {
            return; // It goes with what another step drops, and says so.
        }
        for node in [node, Node::Finish(id.clone()), Node::Check(id.clone())] {
            let Some(steps) = self.steps.get_mut(&node) else {
                continue;
            };
            if let Some(at) = breaking(steps) {
                let step = steps[at].clone();
                steps[at] = step.hazard(HazardKind::BreaksApplication, why);
                return;
            }
        }
    }

    /// Lets a new sequence go on where an old one is, which rests from before on.
    fn succeed(&mut self, diff: &Diff<'_>, heir: &ObjectId, old: &Predecessor) {
        let going_on = going_on(diff, heir);
        let counter = diff
            .catalogs
            .desired
            .get(heir)
            .and_then(|object| object.counter(heir));
        let is_first = diff.successions().find(|(other, _)| *other == heir) == Some((heir, old));
        let step = counter.and_then(|counter| {
            if is_first && !diff.has_counter(heir) {
                counter.go_on_from(old, heir)
            } else {
                counter.move_behind(old, heir)
            }
        });
        self.put(&going_on, step);
        // What stands aside with its table is renamed on the way.
        if old.goes && !is_aside(diff, &old.object) {
            let rest = Node::Rest(old.object.clone());
            self.put(&rest, [old.counter.step_aside(&old.object)]);
            let name = Claim::Relation(dotted(&old.counter.sequence));
            self.freed.insert(name, rest);
        }
    }

    /// Whether an object is changed in several transactions, with time between them.
    pub(super) fn takes_time(&self, node: &Node) -> bool {
        let mut steps = self.steps.get(node).into_iter().flatten();
        matches!(node, Node::Alter(_)) && steps.any(|step| step.mode == Mode::CommitAfter)
    }

    fn put(&mut self, node: &Node, steps: impl IntoIterator<Item = Step>) {
        let id = node.id().clone();
        self.steps.entry(node.clone()).or_default();
        for step in steps {
            let node = match step.phase {
                Phase::Main => node.clone(),
                Phase::Finish => Node::Finish(id.clone()),
                Phase::Check => Node::Check(id.clone()),
            };
            let list = self.steps.entry(node).or_default();
            // Attributes that are changed together answer with the same steps, and what is told once is read once.
            if list.contains(&step) {
                continue;
            }
            match list.last_mut().filter(|before| before.reads_like(&step)) {
                Some(before) => {
                    let known = |sql: &String| before.sql.contains(sql);
                    let more: Vec<String> =
                        step.sql.into_iter().filter(|sql| !known(sql)).collect();
                    before.sql.extend(more);
                }
                None => list.push(step),
            }
        }
    }

    fn drop_object(&mut self, diff: &Diff<'_>, cuts: &Cuts, id: &ObjectId) {
        if !diff.is_dropped(id) {
            return;
        }
        let object = diff
            .catalogs
            .live
            .get(id)
            .expect("only what is there is dropped");
        let node = drop_node(diff, cuts, id, object);
        if node == Node::Drop(id.clone()) {
            let cx = diff.context();
            let aside = diff
                .catalogs
                .desired
                .get(id)
                .filter(|_| diff.is_created(id))
                .and_then(|desired| object.aside(desired, id, &cx));
            if let Some(aside) = aside {
                self.put(&node, aside.away);
                self.put(&Node::Carry(id.clone()), aside.carry);
                self.put(&Node::Remove(id.clone()), aside.remove);
            } else if is_aside(diff, id) {
                self.put(&node, object.make_way(id, &cx));
            } else {
                self.put(&node, reasoned(object.drop(id, &cx), diff.fates.get(id)));
            }
        }
        for claim in object.claims(id) {
            self.freed.insert(claim, node.clone());
        }
        self.dropped_in.insert(id.clone(), node);
    }

    fn create_object(&mut self, diff: &Diff<'_>, cuts: &Cuts, id: &ObjectId) {
        if !diff.is_created(id) {
            return;
        }
        let object = diff
            .catalogs
            .desired
            .get(id)
            .expect("only what is desired is created");
        let cx = diff.context();
        let node = create_node(diff, cuts, id);
        let comes_along = diff.parent(id).into_iter().chain(object.facts().goes_with);
        let belongs_to_new = comes_along.into_iter().any(|whole| diff.is_created(whole));
        let given = added(diff, id).or_else(|| {
            if belongs_to_new {
                object.implied(id, &cx)
            } else {
                None
            }
        });
        if node != Node::Create(id.clone()) {
            self.put(&Node::Create(id.clone()), object.complete(id, &cx));
        } else if let Some(given) = given {
            self.put(&node, changes(&given, object, id, diff));
        } else {
            let parts = fragments(diff, cuts, id);
            self.put(&node, reasoned(object.create(id, &parts, &cx), None));
            self.put(&node, object.complete(id, &cx));
        }
        for claim in object.claims(id) {
            self.taken.insert(claim, node.clone());
        }
        // What a rule adds to a new object and nobody wants is taken away again.
        for (extra, model) in diff.added_to(id) {
            if diff.catalogs.desired.get(&extra).is_none() {
                let steps = model.drop(&extra, &cx);
                self.put(&Node::Alter(extra.clone()), steps);
                self.created_in.insert(extra.clone(), Node::Alter(extra));
            }
        }
        self.created_in.insert(id.clone(), node);
    }

    fn alter_object(&mut self, diff: &Diff<'_>, id: &ObjectId) {
        let node = Node::Alter(id.clone());
        let cx = diff.context();
        match &diff.fates[id] {
            Fate::Alter | Fate::Dislodge => {
                let (live, desired) = (diff.catalogs.live.get(id), diff.catalogs.desired.get(id));
                let (live, desired) = (
                    live.expect("what is altered is there"),
                    desired.expect("and stays"),
                );
                let changed = changes(live, desired, id, diff);
                let reattached = if diff.is_reattached(id) {
                    live.reattach(desired, id, &cx)
                } else {
                    Vec::new()
                };
                let is_new = |step: &Step| !changed.iter().any(|other| other.sql == step.sql);
                let reattached: Vec<Step> = reattached.into_iter().filter(is_new).collect();
                self.put(&node, changed.into_iter().chain(reattached));
                for claim in desired
                    .claims(id)
                    .into_iter()
                    .filter(|claim| !live.claims(id).contains(claim))
                {
                    let node = match claim {
                        Claim::Share { .. } => Node::Finish(id.clone()), // It is attached at last.
                        Claim::Relation(_) | Claim::Type(_) | Claim::Constraint(_) => node.clone(),
                    };
                    self.taken.insert(claim, node);
                }
                for claim in live
                    .claims(id)
                    .into_iter()
                    .filter(|claim| !desired.claims(id).contains(claim))
                {
                    self.freed.insert(claim, node.clone());
                }
            }
            Fate::Repoint(replaced) => {
                let (live, desired) = (diff.catalogs.live.get(id), diff.catalogs.desired.get(id));
                let (live, desired) = (
                    live.expect("what is moved is there"),
                    desired.expect("and stays"),
                );
                self.put(
                    &node,
                    live.repoint(desired, id, replaced, &cx).unwrap_or_default(),
                );
                // The move is to what is desired; what differs besides is changed then.
                let reactions = diff.reactions(id);
                let mut reactions = reactions.iter().map(|(_, reaction)| reaction);
                if !reactions.any(|reaction| matches!(reaction, Reaction::Dislodge(_))) {
                    self.put(&node, changes(live, desired, id, diff));
                }
            }
            Fate::Outlive => {
                let (live, desired) = (diff.catalogs.live.get(id), diff.catalogs.desired.get(id));
                let (live, desired) = (
                    live.expect("what stays is there"),
                    desired.expect("and stays"),
                );
                let steps = live.outlive(desired, id, &cx).unwrap_or_default();
                let rest = changes(live, desired, id, diff)
                    .into_iter()
                    .filter(|step| !steps.iter().any(|other| other.sql == step.sql))
                    .collect::<Vec<_>>();
                self.put(&node, steps.into_iter().chain(rest));
            }
            Fate::Create | Fate::Drop | Fate::Replace(_) => {}
        }
    }
}

/// The step after which statements break: the drop, or the first change behind a fill, which breaks nothing.
fn breaking(steps: &[Step]) -> Option<usize> {
    let is_data = |step: &Step| step.action == Action::Data;
    let drop = steps.iter().position(|step| step.action == Action::Drop);
    drop.or_else(|| {
        let fill = steps.iter().position(is_data).unwrap_or(0);
        let behind = steps.iter().skip(fill).position(|step| !is_data(step));
        let first = || steps.iter().position(|step| !is_data(step));
        behind.map(|at| fill + at).or_else(first)
    })
}

/// The steps of an object's differences. A step that doesn't say itself what it changes tells of the attributes.
fn changes(live: &Object, desired: &Object, id: &ObjectId, diff: &Diff<'_>) -> Vec<Step> {
    let mut once: Vec<(Step, Vec<Difference>)> = Vec::new();
    for (difference, reaction) in live.compare(desired, id, &diff.context()) {
        let steps = match reaction {
            Reaction::Alter(steps) | Reaction::Dislodge(steps) => steps,
            Reaction::Replace => Vec::new(), // Its fate is another.
        };
        // Attributes that are changed together answer with the same statements, of which each may be there more than once.
        let mut before: Vec<usize> = (0..once.len()).collect();
        for step in steps {
            let same = before.iter().position(|&at| once[at].0.sql == step.sql);
            match same.map(|at| before.remove(at)) {
                Some(at) => once[at].1.push(difference.clone()),
                None => once.push((step, vec![difference.clone()])),
            }
        }
    }
    let told = |(step, differences): (Step, Vec<Difference>)| {
        if step.summary.is_empty() {
            step.because(format!("change its {}", join(differences, " and its ")))
        } else {
            step
        }
    };
    once.into_iter().map(told).collect()
}

/// Lets a drop say why the object comes back.
fn reasoned(steps: Vec<Step>, fate: Option<&Fate>) -> Vec<Step> {
    let Some(Fate::Replace(reason)) = fate else {
        return steps;
    };
    steps
        .into_iter()
        .map(|step| {
            if step.summary.is_empty() {
                step.because(format!("it is made anew: {reason}"))
            } else {
                step
            }
        })
        .collect()
}

/// The object as a rule of the database makes it when what it is about is created.
fn added(diff: &Diff<'_>, id: &ObjectId) -> Option<Object> {
    let parent = diff.parent(id).filter(|parent| diff.is_created(parent))?;
    diff.added_to(parent)
        .into_iter()
        .find(|(added, _)| added == id)
        .map(|(_, object)| object)
}

/// Where the object's drop happens: with what it belongs to, unless that stands aside and the name is needed, or with
/// what it goes with.
fn drop_node(diff: &Diff<'_>, cuts: &Cuts, id: &ObjectId, object: &Object) -> Node {
    if cuts.contains(id) {
        return Node::Drop(id.clone());
    }
    let with = |holder: &ObjectId| {
        let object = diff
            .catalogs
            .live
            .get(holder)
            .expect("only what is there is dropped");
        drop_node(diff, cuts, holder, object)
    };
    let stands_aside = |holder: &ObjectId| diff.is_created(holder) && diff.stands_aside(holder);
    let is_dropped = |holder: &&ObjectId| diff.is_dropped(holder);
    if let Some(parent) = diff.catalogs.live.parent(id).filter(is_dropped) {
        let needs_its_name = object.claims(id).iter().any(|claim| match claim {
            Claim::Relation(_) | Claim::Type(_) => true,
            Claim::Constraint(_) | Claim::Share { .. } => false,
        });
        if !stands_aside(parent) || !needs_its_name {
            return with(parent);
        }
    }
    let leaves = |whole: &ObjectId| diff.is_freed(id, whole) && whole.kind == id.kind;
    let is_held = diff.held_whole(id).is_some() || object.facts().goes_with.is_some_and(leaves);
    if let Some(whole) = object
        .facts()
        .goes_with
        .filter(is_dropped)
        .filter(|_| !is_held)
    {
        let node = with(whole);
        if is_aside(diff, whole) && diff.has_successor(id) {
            // It stays with the old table until that goes.
            let table = diff.parent(whole).expect("it stands aside with its parent");
            return Node::Remove(table.clone());
        }
        if stands_aside(whole) {
            // What it holds is carried over before the whole takes it along.
            if !diff.is_created(id) {
                return Node::Remove(whole.clone());
            }
        } else if !object.profile().drop_is_shown || matches!(node, Node::Remove(_)) {
            return node;
        }
    }
    Node::Drop(id.clone())
}

/// Where a new sequence goes on where another is: with its object, or when the rows of the table that it belongs to have
/// been carried over.
pub(super) fn going_on(diff: &Diff<'_>, heir: &ObjectId) -> Node {
    if is_aside(diff, heir) {
        let table = diff.parent(heir).expect("it stands aside with its parent");
        return Node::Carry(table.clone());
    }
    if diff.is_created(heir) {
        Node::Create(heir.clone())
    } else {
        Node::Alter(heir.clone())
    }
}

/// Whether the object belongs to something whose old self stands aside until the new one is filled.
pub(super) fn is_aside(diff: &Diff<'_>, id: &ObjectId) -> bool {
    let parent = diff.catalogs.live.parent(id);
    parent.is_some_and(|parent| diff.is_created(parent) && diff.stands_aside(parent))
}

/// Where the object comes into being: inside its parent's statement, or on its own.
fn create_node(diff: &Diff<'_>, cuts: &Cuts, id: &ObjectId) -> Node {
    match folded_into(diff, cuts, id) {
        Some(parent) => create_node(diff, cuts, parent),
        None => Node::Create(id.clone()),
    }
}

/// The parent whose own statement declares the object.
fn folded_into<'a>(diff: &'a Diff<'_>, cuts: &Cuts, id: &ObjectId) -> Option<&'a ObjectId> {
    let parent = diff
        .catalogs
        .desired
        .parent(id)
        .filter(|parent| diff.is_created(parent))?;
    let object = diff.catalogs.desired.get(id)?;
    let cx = diff.context();
    // What the server makes by itself isn't declared, nor is what belongs to it.
    let parent_is_implied = diff
        .parent(parent)
        .is_some_and(|grand| diff.is_created(grand))
        && diff
            .catalogs
            .desired
            .get(parent)
            .is_some_and(|object| object.implied(parent, &cx).is_some());
    let folds = !cuts.contains(id)
        && !parent_is_implied
        && object.implied(id, &cx).is_none()
        && object.fold(id, &[], &cx).is_some();
    folds.then_some(parent)
}

fn fragments(diff: &Diff<'_>, cuts: &Cuts, id: &ObjectId) -> Vec<Fragment> {
    let cx = diff.context();
    let mut parts: Vec<Fragment> = diff
        .children(id)
        .into_iter()
        .filter(|child| diff.is_created(child) && folded_into(diff, cuts, child).is_some())
        .filter_map(|child| {
            diff.catalogs
                .desired
                .get(child)?
                .fold(child, &fragments(diff, cuts, child), &cx)
        })
        .collect();
    parts.sort_by_key(|part| part.position);
    parts
}
