//! Which revisions a command has to apply or to revert, in order.

use std::collections::BTreeSet;

use super::{
    reference::{Place, Reference},
    resolve::{Walk, overshoot},
};
use crate::diagnostic::{Code, Diagnostic, Result};

impl<'g> Walk<'g, '_> {
    /// The revisions that lead from what is applied to `to`, in the order in which they have to be applied.
    ///
    /// # Errors
    /// If `to` is no place that one gets to by applying.
    pub fn pending(&self, to: &Reference) -> Result<Vec<&'g str>> {
        let backwards = to.place == Place::Base || to.steps().is_some_and(|steps| steps < 0);
        if backwards {
            return Err(
                Diagnostic::error(Code::Usage, "`forge apply` only goes forward")
                    .help("`forge downgrade` goes back"),
            );
        }
        let Some(steps) = to.steps() else {
            return Ok(self.up_to(&self.resolve(to)?));
        };
        let head = Reference {
            place: Place::Head,
            offset: 0,
            ..to.clone()
        };
        let mut left = self.up_to(&self.resolve(&head)?);
        let wanted = usize::try_from(steps).expect("it is positive");
        if left.len() < wanted {
            return Err(overshoot(to, format_args!("{} pending", left.len())));
        }
        left.truncate(wanted);
        Ok(left)
    }

    fn up_to(&self, goals: &[&str]) -> Vec<&'g str> {
        let wanted: BTreeSet<&str> = goals
            .iter()
            .flat_map(|goal| self.graph.ancestors(goal))
            .collect();
        self.graph
            .order()
            .filter(|revision| wanted.contains(revision) && !self.applied.contains(*revision))
            .collect()
    }

    /// The applied revisions that have to go so that `to` is the newest, in the order in which they have to be reverted.
    ///
    /// # Errors
    /// If `to` is no place that one gets to by reverting.
    pub fn reverting(&self, to: &Reference) -> Result<Vec<&'g str>> {
        let stands = |revision: &str| self.applied.contains(revision);
        let branch = self.branch(to)?;
        let belongs = |revision: &str| {
            branch
                .as_ref()
                .is_none_or(|branch| branch.contains(revision))
        };
        if let Some(steps) = to.steps().filter(|steps| *steps < 0) {
            let mut going: Vec<&str> = Vec::new();
            for _ in 0..steps.unsigned_abs() {
                let newest = self.graph.heads_among(|revision| {
                    stands(revision) && belongs(revision) && !going.contains(&revision)
                });
                match newest[..] {
                    [] => return Err(overshoot(to, format_args!("{} applied", going.len()))),
                    [head] => going.push(head),
                    ref heads => return Err(self.ambiguous(to, heads)),
                }
            }
            return Ok(self.with_followers(&going.into_iter().collect()));
        }
        match to.place {
            Place::Base if to.offset == 0 => {
                let all = self.graph.order().filter(|revision| belongs(revision));
                Ok(self.with_followers(&all.collect()))
            }
            Place::Current if to.offset == 0 => Ok(Vec::new()),
            Place::Head | Place::Heads | Place::Current | Place::Base if to.offset >= 0 => Err(
                Diagnostic::error(Code::Usage, "`forge downgrade` only goes back")
                    .help("`forge apply` goes forward"),
            ),
            Place::Base | Place::Current | Place::Head | Place::Heads | Place::Named(_) => {
                let Some(goal) = self.resolve_one(to)? else {
                    return Ok(self.with_followers(&self.graph.order().collect()));
                };
                if !stands(goal) {
                    return Err(Diagnostic::error(
                        Code::History,
                        format!("revision `{goal}` is not applied, so nothing leads back to it"),
                    )
                    .help("`forge status` says what is applied"));
                }
                Ok(self.with_followers(&self.graph.descendants(goal)))
            }
        }
    }

    /// Several revisions are newest, and one of them is to go. Which one is for a person to say.
    fn ambiguous(&self, to: &Reference, heads: &[&str]) -> Diagnostic {
        let ways: Vec<String> = heads
            .iter()
            .map(|head| format!("`forge downgrade {head}@{to}`"))
            .collect();
        let help = format!("say which branch goes back: {}", ways.join(" or "));
        self.graph.several_heads(heads).help(help)
    }

    /// The applied ones of some revisions, with the applied ones that build on them, the newest first.
    fn with_followers(&self, going: &BTreeSet<&'g str>) -> Vec<&'g str> {
        let mut all = going.clone();
        for revision in going {
            all.extend(self.graph.descendants(revision));
        }
        self.graph
            .order()
            .rev()
            .filter(|revision| all.contains(revision) && self.applied.contains(*revision))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::graph::tests::graph;

    type Way = for<'g> fn(&Walk<'g, '_>, &Reference) -> Result<Vec<&'g str>>;

    fn check(way: Way, applied: &str, to: &str, expected: Result<&str, &str>) {
        let graph = graph(&["a1", "b1 a1", "c1 a1", "d1 b1,c1"]);
        let applied = applied.split_whitespace().map(ToOwned::to_owned).collect();
        let walk = Walk {
            graph: &graph,
            applied: &applied,
        };
        let found = way(&walk, &to.parse().unwrap());
        let found = found.map(|revisions| revisions.join(" "));
        assert_eq!(
            found.as_deref().map_err(|error| error.message().to_owned()),
            expected.map_err(ToOwned::to_owned),
            "{applied:?} {to}"
        );
    }

    #[test]
    fn forward() {
        let check =
            |applied, to, expected| check(|walk, to| walk.pending(to), applied, to, expected);
        check("", "head", Ok("a1 b1 c1 d1"));
        check("a1 c1", "head", Ok("b1 d1"));
        check("", "c1", Ok("a1 c1"));
        check("a1", "+1", Ok("b1"));
        check(
            "a1 b1 c1",
            "+2",
            Err("`+2` goes too far: there are only 1 pending"),
        );
        check("a1 b1 c1 d1", "head", Ok(""));
        check("", "base", Err("`forge apply` only goes forward"));
        check("", "-1", Err("`forge apply` only goes forward"));
        check("", "f", Err("there is no revision `f`"));
    }

    #[test]
    fn back() {
        let check =
            |applied, to, expected| check(|walk, to| walk.reverting(to), applied, to, expected);
        check("a1 b1 c1 d1", "-1", Ok("d1"));
        check("a1 b1", "-2", Ok("b1 a1"));
        check(
            "a1",
            "-2",
            Err("`-2` goes too far: there are only 1 applied"),
        );
        check(
            "a1 b1 c1",
            "-1",
            Err("there are 2 heads where one is needed"),
        );
        check("a1 b1 c1 d1", "base", Ok("d1 c1 b1 a1"));
        check("a1 b1 c1 d1", "b1", Ok("d1"));
        check("a1 b1", "a1", Ok("b1"));
        check(
            "a1",
            "b1",
            Err("revision `b1` is not applied, so nothing leads back to it"),
        );
        check("a1", "head", Err("`forge downgrade` only goes back"));
    }
}
