//! How revisions build on each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::{Code, Diagnostic, Result},
    kinds::ObjectId,
    sql::join,
};

/// What a revision builds on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// The revisions that it follows.
    pub parents: Vec<String>,
    /// Further revisions that come before it.
    pub depends_on: Vec<String>,
    /// The names of the branch that it begins.
    pub labels: Vec<String>,
    /// When it was made, RFC 3339: decides between revisions that don't depend on each other.
    pub created: String,
    /// What it is for.
    pub message: String,
    /// Whoever made it.
    pub author: String,
    /// The objects that it changes, as far as they are known: a revision without its file has none.
    pub changes: BTreeSet<ObjectId>,
}

/// The revisions of a project: every one that a revision names is there, and none comes before itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    nodes: BTreeMap<String, Node>,
    order: Vec<String>,
}

impl Graph {
    /// Checks the revisions and puts them into order.
    ///
    /// # Errors
    /// [`Code::History`] if a revision builds on one that isn't there, or on itself, or a label is another's too.
    pub fn new(nodes: BTreeMap<String, Node>) -> Result<Self> {
        let mut labelled: BTreeMap<&str, &str> = BTreeMap::new();
        for (revision, node) in &nodes {
            for label in &node.labels {
                if let Some(other) = labelled.insert(label, revision) {
                    return Err(same_label(label, other, revision));
                }
            }
        }
        let missing = nodes.iter().flat_map(|(revision, node)| {
            needed(node)
                .filter(|needed| !nodes.contains_key(*needed))
                .map(move |needed| missing(revision, needed))
        });
        if let Some(error) = Diagnostic::all(missing.collect()) {
            return Err(error);
        }
        let order = order(&nodes)?;
        Ok(Self { nodes, order })
    }

    /// Every revision, each after those that it builds on.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// What a revision builds on.
    pub fn node(&self, revision: &str) -> Option<&Node> {
        self.nodes.get(revision)
    }

    /// The revisions that one follows.
    pub fn parents(&self, revision: &str) -> Vec<&str> {
        let node = self.nodes.get(revision);
        let parents = node.into_iter().flat_map(|node| &node.parents);
        parents.map(String::as_str).collect()
    }

    /// The revisions that follow one, or that follow none, in order.
    pub fn children(&self, revision: Option<&str>) -> Vec<&str> {
        let follows = |child: &&str| match revision {
            Some(revision) => self.parents(child).contains(&revision),
            None => self.parents(child).is_empty(),
        };
        self.order().filter(follows).collect()
    }

    /// The revisions that several follow, in order.
    pub fn branch_points(&self) -> Vec<&str> {
        self.order()
            .filter(|revision| self.children(Some(revision)).len() > 1)
            .collect()
    }

    /// The revisions that no other follows, in order.
    pub fn heads(&self) -> Vec<&str> {
        self.heads_among(|_| true)
    }

    /// The revisions of a part of the graph that no other of that part follows.
    pub fn heads_among(&self, belongs: impl Fn(&str) -> bool) -> Vec<&str> {
        let followed: BTreeSet<&str> = self
            .order()
            .filter(|revision| belongs(revision))
            .flat_map(|revision| &self.nodes[revision].parents)
            .map(String::as_str)
            .collect();
        self.order()
            .filter(|revision| belongs(revision) && !followed.contains(revision))
            .collect()
    }

    /// The one revision that no other follows; none in an empty graph.
    ///
    /// # Errors
    /// [`Code::History`] if there are several.
    pub fn head(&self) -> Result<Option<&str>> {
        match self.heads()[..] {
            [] => Ok(None),
            [head] => Ok(Some(head)),
            ref heads => Err(self.several_heads(heads)),
        }
    }

    /// The error for several heads where one is meant: whose they are, and whether they can get in each other's way.
    pub(super) fn several_heads(&self, heads: &[&str]) -> Diagnostic {
        let error = Diagnostic::error(
            Code::History,
            format!("there are {} heads where one is needed", heads.len()),
        );
        let error = heads.iter().fold(error, |error, head| {
            let node = &self.nodes[*head];
            error.note(format!("`{head}`: {}, by {}", node.message, node.author))
        });
        error.note(self.in_common(heads)).help(format!(
            "join them with `forge merge {}`, which tries them in every order, or name the one that you mean \
             (`heads` are all)",
            heads.join(" ")
        ))
    }

    /// Which objects several branches change, for a person to read.
    fn in_common(&self, heads: &[&str]) -> String {
        self.told_in_common(heads)
            .unwrap_or_else(|| "they change no object in common".to_owned())
    }

    /// Which objects several branches change, for a person to read; none if they change none in common.
    pub fn told_in_common(&self, heads: &[&str]) -> Option<String> {
        let branches: Vec<BTreeSet<&str>> = heads.iter().map(|head| self.ancestors(head)).collect();
        let mut changed: BTreeMap<&ObjectId, usize> = BTreeMap::new();
        for branch in &branches {
            let own = branch
                .iter()
                .filter(|revision| !branches.iter().all(|other| other.contains(*revision)));
            let objects: BTreeSet<&ObjectId> = own
                .flat_map(|revision| &self.nodes[*revision].changes)
                .collect();
            for object in objects {
                *changed.entry(object).or_default() += 1;
            }
        }
        changed.retain(|_, branches| *branches > 1);
        let objects = changed.keys().map(|object| format!("`{object}`"));
        (!changed.is_empty())
            .then(|| format!("more than one of them changes {}", join(objects, ", ")))
    }

    /// A revision and all that come before it.
    pub fn ancestors(&self, revision: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<&str> = self
            .nodes
            .get_key_value(revision)
            .map(key)
            .into_iter()
            .collect();
        while let Some(revision) = waiting.pop() {
            if found.insert(revision) {
                waiting.extend(needed(&self.nodes[revision]));
            }
        }
        found
    }

    /// All revisions that need this one, without it.
    pub fn descendants(&self, revision: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::from([revision]);
        for later in self.order() {
            if needed(&self.nodes[later]).any(|needed| found.contains(needed)) {
                found.insert(later);
            }
        }
        self.order()
            .filter(|later| *later != revision && found.contains(later))
            .collect()
    }

    /// The revision that has this label, or begins so.
    ///
    /// # Errors
    /// [`Code::UnknownRevision`] if there is none or more than one.
    pub fn find(&self, prefix: &str) -> Result<&str> {
        let has_label = |node: &Node| node.labels.iter().any(|label| label == prefix);
        let mut nodes = self.nodes.iter();
        if let Some((revision, _)) = nodes.find(|(key, node)| *key == prefix || has_label(node)) {
            return Ok(revision);
        }
        let prefix = prefix.to_ascii_lowercase();
        let found: Vec<&str> = self
            .order()
            .filter(|revision| !prefix.is_empty() && revision.starts_with(&prefix))
            .collect();
        match found[..] {
            [revision] => Ok(revision),
            [] => Err(Diagnostic::error(
                Code::UnknownRevision,
                format!("there is no revision `{prefix}`"),
            )
            .help("`forge history` lists the revisions")),
            ref several => Err(Diagnostic::error(
                Code::UnknownRevision,
                format!("`{prefix}` begins several revisions"),
            )
            .note(several.join(", "))
            .help("give more of its digits")),
        }
    }
}

fn key<'a>((key, _): (&'a String, &Node)) -> &'a str {
    key
}

/// What comes before a node.
fn needed(node: &Node) -> impl Iterator<Item = &str> {
    node.parents
        .iter()
        .chain(&node.depends_on)
        .map(String::as_str)
}

/// Each node after those that it needs, the older one first where nothing else decides.
fn order(nodes: &BTreeMap<String, Node>) -> Result<Vec<String>> {
    let mut order = Vec::new();
    let mut placed = BTreeSet::new();
    let mut waiting: BTreeSet<(&str, &str)> = nodes
        .iter()
        .map(|(revision, node)| (node.created.as_str(), revision.as_str()))
        .collect();
    while !waiting.is_empty() {
        let next = waiting
            .iter()
            .find(|(_, revision)| needed(&nodes[*revision]).all(|needed| placed.contains(needed)))
            .copied();
        let Some(next) = next else {
            return Err(cycle(&waiting, nodes));
        };
        waiting.remove(&next);
        placed.insert(next.1);
        order.push(next.1.to_owned());
    }
    Ok(order)
}

fn missing(revision: &str, needed: &str) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        format!("revision `{revision}` builds on `{needed}`, which isn't there"),
    )
    .help("restore the plan's file from version control")
}

fn same_label(label: &str, one: &str, other: &str) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        format!("two branches have the label `{label}`"),
    )
    .note(format!("`{one}` and `{other}` begin them"))
    .help("change the line `-- forge:branch_labels` of the one that isn't approved yet")
}

fn cycle(waiting: &BTreeSet<(&str, &str)>, nodes: &BTreeMap<String, Node>) -> Diagnostic {
    let left: BTreeSet<&str> = waiting.iter().map(|(_, revision)| *revision).collect();
    // Whoever is left needs somebody who is left: going from need to need ends in the circle.
    let mut path: Vec<&str> = Vec::new();
    let mut at = *left.first().expect("somebody is left");
    while !path.contains(&at) {
        path.push(at);
        at = needed(&nodes[at])
            .find(|needed| left.contains(needed))
            .expect("a node is left because it needs one that is");
    }
    let start = path.iter().position(|revision| *revision == at);
    let mut circle = path.split_off(start.expect("the walk ended at a node of the path"));
    circle.push(at);
    Diagnostic::error(Code::History, "revisions build on each other in a circle")
        .note(format!("`{}`", circle.join("` builds on `")))
        .help("restore the plans' files from version control")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{kinds::Kind, plan::file::SETTINGS};

    /// A plan file without steps.
    pub(in crate::history) fn plan_text(revision: &str, parent: &str) -> String {
        let parent = if parent.is_empty() {
            String::new()
        } else {
            format!("-- forge:down_revision {parent}\n")
        };
        let zero = "0".repeat(32);
        format!(
            "-- forge:format 1\n-- forge:revision {revision}\n{parent}-- forge:message m\n-- forge:author a\n\
             -- forge:created 2026-01-01T00:00:00Z\n-- forge:postgres 15\n-- forge:from {zero}\n-- forge:to {zero}\n\
             -- forge:semver 0.1.0\n\n{};\n",
            SETTINGS.join(";\n")
        )
    }

    /// `"a", "b a", "c a+b"`: each revision, the ones it follows, after `+` the ones it depends on.
    pub(in crate::history) fn nodes(lines: &[&str]) -> BTreeMap<String, Node> {
        let names = |text: &str| {
            text.split(',')
                .filter(|name| !name.is_empty())
                .map(ToOwned::to_owned)
                .collect()
        };
        lines
            .iter()
            .map(|line| {
                let (revision, rest) = line.split_once(' ').unwrap_or((line, ""));
                let (rest, labels) = rest.split_once('=').unwrap_or((rest, ""));
                let rest = rest.trim_end();
                let (parents, depends_on) = rest.split_once('+').unwrap_or((rest, ""));
                let node = Node {
                    parents: names(parents),
                    depends_on: names(depends_on),
                    labels: names(labels),
                    message: format!("about {revision}"),
                    author: "somebody".to_owned(),
                    ..Node::default()
                };
                (revision.to_owned(), node)
            })
            .collect()
    }

    pub(in crate::history) fn graph(lines: &[&str]) -> Graph {
        Graph::new(nodes(lines)).unwrap()
    }

    #[test]
    fn order_and_heads() {
        fn check(lines: &[&str], order: &str, heads: &str) {
            let graph = graph(lines);
            assert_eq!(graph.order().collect::<Vec<_>>().join(" "), order);
            assert_eq!(graph.heads().join(" "), heads);
        }
        check(&[], "", "");
        check(&["a", "b a", "c b"], "a b c", "c");
        check(&["c", "b c", "a b"], "c b a", "a");
        check(&["a", "b a", "c a"], "a b c", "b c");
        check(&["a", "b a", "c a", "d b,c"], "a b c d", "d");
        check(&["b", "a +b"], "b a", "b a");
    }

    #[test]
    fn relatives() {
        let graph = graph(&["a", "b a", "c a", "d b", "e +c"]);
        assert_eq!(graph.ancestors("d"), BTreeSet::from(["a", "b", "d"]));
        assert_eq!(graph.ancestors("e"), BTreeSet::from(["a", "c", "e"]));
        assert_eq!(graph.descendants("a"), BTreeSet::from(["b", "c", "d", "e"]));
        assert_eq!(graph.descendants("d"), BTreeSet::new());
    }

    #[test]
    fn revisions_by_their_beginning() {
        fn check(prefix: &str, found: Result<&str, &str>) {
            let graph = graph(&["abc", "abd abc", "b abd"]);
            let result = graph.find(prefix);
            assert_eq!(
                result
                    .as_deref()
                    .map_err(|error| error.message().to_owned()),
                found.map_err(ToOwned::to_owned),
                "{prefix}"
            );
        }
        check("abc", Ok("abc"));
        check("b", Ok("b"));
        check("ab", Err("`ab` begins several revisions"));
        check("x", Err("there is no revision `x`"));
        check("", Err("there is no revision ``"));
    }

    #[test]
    fn graphs_that_can_t_be() {
        fn check(lines: &[&str], message: &str, note: &str) {
            let error = Graph::new(nodes(lines)).unwrap_err();
            assert_eq!((error.code(), error.message()), (Code::History, message));
            assert_eq!(error.notes().join("\n"), note);
        }
        check(
            &["a", "b x"],
            "revision `b` builds on `x`, which isn't there",
            "",
        );
        check(
            &["a", "b a,d", "c b", "d c"],
            "revisions build on each other in a circle",
            "`b` builds on `d` builds on `c` builds on `b`",
        );
    }

    #[test]
    fn one_head() {
        assert_eq!(graph(&[]).head().unwrap(), None);
        let error = graph(&["a", "b"]).head().unwrap_err();
        assert_eq!(error.message(), "there are 2 heads where one is needed");
        assert_eq!(
            error.notes(),
            [
                "`a`: about a, by somebody",
                "`b`: about b, by somebody",
                "they change no object in common"
            ]
        );
    }

    #[test]
    fn what_branches_have_in_common() {
        let mut nodes = nodes(&["a", "b a", "c a", "d b"]);
        for revision in ["a", "c", "d"] {
            let node = nodes.get_mut(revision).unwrap();
            let users = ObjectId::new(Kind::Table, ["app", "users"]);
            node.changes.insert(users);
        }
        let graph = Graph::new(nodes).unwrap();
        assert_eq!(
            graph.in_common(&["c", "d"]),
            "more than one of them changes `table app.users`"
        );
        assert_eq!(
            graph.in_common(&["b", "c"]),
            "they change no object in common"
        );
    }
}
