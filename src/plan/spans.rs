//! Nodes that keep together: what a plan takes away for a moment is back before its transaction ends.

use std::collections::{BTreeMap, BTreeSet};

use super::steps::{Edges, Node};

/// From one node to others, nothing comes but what has to.
#[derive(Debug, Clone)]
pub(super) struct Span {
    start: Node,
    ends: BTreeSet<Node>,
    /// What has to come between, with the ends.
    inner: BTreeSet<Node>,
}

impl Span {
    pub(super) fn new(start: Node, ends: impl IntoIterator<Item = Node>) -> Self {
        let mut ends: BTreeSet<Node> = ends.into_iter().collect();
        ends.remove(&start);
        let inner = ends.clone();
        Self { start, ends, inner }
    }
}

/// Lets whatever a span waits for, and that needn't wait for its start, come before the start.
pub(super) fn tighten(spans: &mut [Span], edges: &mut Edges) {
    // What one span pushes forward can come to lie in another.
    loop {
        let mut moved = false;
        for span in &mut *spans {
            let before = reversed(edges);
            let behind = reached(edges, [&span.start]);
            let ahead = reached(&before, &span.ends);
            span.inner = behind.intersection(&ahead).cloned().collect();
            span.inner.extend(span.ends.iter().cloned());
            span.inner.remove(&span.start);
            for node in &span.inner {
                for first in before.get(node).into_iter().flatten() {
                    if *first != span.start && !behind.contains(first) {
                        let after = edges.entry(first.clone()).or_default();
                        moved |= after.insert(span.start.clone());
                    }
                }
            }
        }
        if !moved {
            break;
        }
    }
}

fn reversed(edges: &Edges) -> Edges {
    let mut reversed = Edges::new();
    for (first, then) in edges {
        for node in then {
            let before: &mut BTreeSet<Node> = reversed.entry(node.clone()).or_default();
            before.insert(first.clone());
        }
    }
    reversed
}

/// The nodes to which a way leads, with those where it begins.
fn reached<'a>(edges: &'a Edges, from: impl IntoIterator<Item = &'a Node>) -> BTreeSet<Node> {
    let mut waiting: Vec<&Node> = from.into_iter().collect();
    let mut seen: BTreeSet<&Node> = waiting.iter().copied().collect();
    while let Some(node) = waiting.pop() {
        let next = edges.get(node).into_iter().flatten();
        waiting.extend(next.filter(|next| seen.insert(next)));
    }
    seen.into_iter().cloned().collect()
}

/// The spans that have begun while nodes are put in order.
pub(super) struct Open<'a> {
    by_start: BTreeMap<&'a Node, Vec<&'a Span>>,
    begun: Vec<(&'a Span, BTreeSet<&'a Node>)>,
}

impl<'a> Open<'a> {
    pub(super) fn new(spans: &'a [Span]) -> Self {
        let mut by_start: BTreeMap<&Node, Vec<&Span>> = BTreeMap::new();
        for span in spans {
            by_start.entry(&span.start).or_default().push(span);
        }
        let begun = Vec::new();
        Self { by_start, begun }
    }

    /// Notes that a node has been taken.
    pub(super) fn take(&mut self, node: &Node) {
        for (_, ends) in &mut self.begun {
            ends.remove(node);
        }
        self.begun.retain(|(_, ends)| !ends.is_empty());
        let begins = self.by_start.get(node).into_iter().flatten();
        let begins = begins.map(|span| (*span, span.ends.iter().collect::<BTreeSet<_>>()));
        self.begun
            .extend(begins.filter(|(_, ends)| !ends.is_empty()));
    }

    /// The nodes that may come now, while a span has begun.
    pub(super) fn inner(&self) -> impl Iterator<Item = &'a Node> {
        self.begun.iter().flat_map(|(span, _)| &span.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node::Alter(format!("table app.{name}").parse().unwrap())
    }

    /// What comes before the start, and what comes between it and the end.
    fn check(edges: &[(&str, &str)], before: &[&str], inner: &[&str]) {
        let mut all = Edges::new();
        for (first, then) in edges {
            all.entry(node(first)).or_default().insert(node(then));
        }
        let mut spans = [Span::new(node("start"), [node("end")])];
        tighten(&mut spans, &mut all);
        let nodes = |names: &[&str]| names.iter().map(|name| node(name)).collect::<BTreeSet<_>>();
        let first = all.iter().filter(|(_, then)| then.contains(&node("start")));
        assert_eq!(
            first.map(|(node, _)| node.clone()).collect::<BTreeSet<_>>(),
            nodes(before)
        );
        assert_eq!(spans[0].inner, nodes(inner));
    }

    #[test]
    fn what_comes_between() {
        check(&[("start", "end")], &[], &["end"]);
        check(&[("start", "end"), ("a", "end")], &["a"], &["end"]);
        check(
            &[("start", "a"), ("a", "end"), ("b", "a")],
            &["b"],
            &["a", "end"],
        );
        check(
            &[("start", "end"), ("start", "a"), ("end", "b")],
            &[],
            &["end"],
        );
    }
}
