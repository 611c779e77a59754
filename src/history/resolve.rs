//! Which revisions a reference means, in a graph of which some are applied.

use std::collections::BTreeSet;

use super::{
    graph::Graph,
    reference::{Place, Range, Reference},
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// A graph, and which of its revisions are applied.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'g, 'a> {
    /// The revisions.
    pub graph: &'g Graph,
    /// Those that are applied.
    pub applied: &'a BTreeSet<String>,
}

impl<'g> Walk<'g, '_> {
    /// The revisions that a reference means: none for `base`, several for `heads`.
    ///
    /// # Errors
    /// [`Code::UnknownRevision`] for what isn't there, [`Code::History`] for what is several where one is meant or lies
    /// beyond the ends of the graph.
    pub fn resolve(&self, reference: &Reference) -> Result<Vec<&'g str>> {
        let branch = self.branch(reference)?;
        let belongs = |revision: &str| {
            branch
                .as_ref()
                .is_none_or(|branch| branch.contains(revision))
        };
        let start = match &reference.place {
            Place::Base => Vec::new(),
            Place::Heads => self.graph.heads_among(belongs),
            Place::Head => self.one(self.graph.heads_among(belongs))?,
            Place::Current => {
                let newest = self
                    .graph
                    .heads_among(|revision| belongs(revision) && self.applied.contains(revision));
                if reference.offset == 0 {
                    newest
                } else {
                    self.one(newest)?
                }
            }
            Place::Named(name) => vec![self.graph.find(name)?],
        };
        match reference.offset {
            0 => Ok(start),
            offset => self.walk(&start, offset, reference, belongs),
        }
    }

    fn one(&self, heads: Vec<&'g str>) -> Result<Vec<&'g str>> {
        if heads.len() > 1 {
            return Err(self.graph.several_heads(&heads));
        }
        Ok(heads)
    }

    /// The one revision that a reference means; `None` is `base`.
    ///
    /// # Errors
    /// As [`Self::resolve`], and if it means several.
    pub fn resolve_one(&self, reference: &Reference) -> Result<Option<&'g str>> {
        Ok(self.one(self.resolve(reference)?)?.first().copied())
    }

    /// The revisions of a range in order, both ends among them.
    pub fn range(&self, range: &Range) -> Result<Vec<&'g str>> {
        let from = self.resolve(&range.from)?;
        let to = self.resolve(&range.to)?;
        let mut inside: BTreeSet<&str> =
            to.iter().flat_map(|to| self.graph.ancestors(to)).collect();
        for from in &from {
            if !inside.contains(from) {
                return Err(Diagnostic::error(
                    Code::History,
                    format!("`{from}` isn't among those that `{}` builds on", range.to),
                )
                .help("`forge history` shows what builds on what"));
            }
            let before = self.graph.ancestors(from);
            inside.retain(|revision| revision == from || !before.contains(revision));
        }
        Ok(self
            .graph
            .order()
            .filter(|revision| inside.contains(revision))
            .collect())
    }

    /// The revisions of the branch that a reference names: its first, and what builds on it.
    pub(super) fn branch(&self, reference: &Reference) -> Result<Option<BTreeSet<&'g str>>> {
        let Some(name) = &reference.branch else {
            return Ok(None);
        };
        let first = self.graph.find(name)?;
        let mut branch = self.graph.descendants(first);
        branch.insert(first);
        Ok(Some(branch))
    }

    /// Goes on from, or back before, a revision, where there is but one way.
    fn walk(
        &self,
        start: &[&'g str],
        offset: i32,
        reference: &Reference,
        belongs: impl Fn(&str) -> bool,
    ) -> Result<Vec<&'g str>> {
        let mut at = start.first().copied();
        for gone in 0..offset.unsigned_abs() {
            let next = if offset > 0 {
                self.graph
                    .children(at)
                    .into_iter()
                    .filter(|child| belongs(child))
                    .collect()
            } else {
                at.map_or_else(Vec::new, |at| self.graph.parents(at))
            };
            at = match next[..] {
                [next] => Some(next),
                // Before the first is base, once.
                [] if offset < 0 && at.is_some() => None,
                [] => return Err(overshoot(reference, gone)),
                ref several => {
                    return Err(Diagnostic::error(
                        Code::History,
                        format!("`{reference}` leads several ways"),
                    )
                    .note(format!("`{}`", several.join("`, `")))
                    .help("name the revision that you mean"));
                }
            };
        }
        Ok(at.into_iter().collect())
    }
}

pub(super) fn overshoot(reference: &Reference, there: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        format!("`{reference}` goes too far: there are only {there}"),
    )
    .help("`forge status` says what is applied and what is pending")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::graph::tests::graph;

    fn shown<T: std::fmt::Display>(result: Result<Vec<T>>) -> Result<String, String> {
        result
            .map(|found| {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                found.join(" ")
            })
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn references_are_found() {
        fn check(applied: &str, reference: &str, expected: Result<&str, &str>) {
            let graph = graph(&["a1", "b1 a1 =side", "b2 b1", "c1 a1", "d1 b2,c1", "e1 a1"]);
            let applied = applied.split_whitespace().map(ToOwned::to_owned).collect();
            let walk = Walk {
                graph: &graph,
                applied: &applied,
            };
            let found = shown(walk.resolve(&reference.parse().unwrap()));
            assert_eq!(
                found.as_deref().map_err(String::as_str),
                expected,
                "{reference}"
            );
        }
        let several = Err("there are 2 heads where one is needed");
        check("", "base", Ok(""));
        check("", "heads", Ok("d1 e1"));
        check("", "head", several);
        check("", "side@head", Ok("d1"));
        check("", "e1@head", Ok("e1"));
        check("", "side", Ok("b1"));
        check("", "side@heads", Ok("d1"));
        check("", "current", Ok(""));
        check("a1 b1", "current", Ok("b1"));
        check("a1 b1 c1", "current", Ok("b1 c1"));
        check("a1 b1 c1", "current+1", several);
        check("a1 b1 c1", "side@current", Ok("b1"));
        check("a1 b1 c1", "side@+1", Ok("b2"));
        check("a1 b1", "+2", Ok("d1"));
        check("a1", "+1", Err("`+1` leads several ways"));
        check("", "c1+1", Ok("d1"));
        check("", "e1+1", Err("`e1+1` goes too far: there are only 0"));
        check("", "b2-2", Ok("a1"));
        check("", "b2-3", Ok(""));
        check("", "b2-4", Err("`b2-4` goes too far: there are only 3"));
        check("", "d1-1", Err("`d1-1` leads several ways"));
        check("", "f", Err("there is no revision `f`"));
        check("", "f@head", Err("there is no revision `f`"));
    }

    #[test]
    fn ranges_hold_both_ends() {
        fn check(range: &str, expected: Result<&str, &str>) {
            let graph = graph(&["a1", "b1 a1", "c1 a1", "d1 b1,c1"]);
            let applied = BTreeSet::from(["a1".to_owned()]);
            let walk = Walk {
                graph: &graph,
                applied: &applied,
            };
            let found = shown(walk.range(&range.parse().unwrap()));
            assert_eq!(
                found.as_deref().map_err(String::as_str),
                expected,
                "{range}"
            );
        }
        check(":", Ok("a1 b1 c1 d1"));
        check("b1:d1", Ok("b1 c1 d1"));
        check(":c1", Ok("a1 c1"));
        check("current:b1", Ok("a1 b1"));
        check("d1:", Ok("d1"));
        check("b1:c1", Err("`b1` isn't among those that `c1` builds on"));
    }
}
