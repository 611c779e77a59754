//! Which revisions a command has to apply or to revert, in order.

use std::collections::BTreeSet;

use super::{
    graph::{Graph, several_heads},
    reference::Reference,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// The revisions that lead from what is applied to `to`, in the order in which they have to be applied.
///
/// # Errors
/// If `to` is no place that one gets to by applying.
pub fn pending<'a>(
    graph: &'a Graph,
    applied: &BTreeSet<String>,
    to: &Reference,
) -> Result<Vec<&'a str>> {
    let goal = match to {
        Reference::Head => {
            return Ok(graph
                .head()?
                .map_or(Vec::new(), |head| up_to(graph, applied, head)));
        }
        Reference::Current => return Ok(Vec::new()),
        Reference::Revision(prefix) => graph.find(prefix)?,
        Reference::Relative(steps) if *steps > 0 => {
            let mut left = graph
                .head()?
                .map_or(Vec::new(), |head| up_to(graph, applied, head));
            let wanted = usize::try_from(*steps).expect("it is positive");
            if left.len() < wanted {
                return Err(overshoot(&format!("+{steps}"), left.len(), "pending"));
            }
            left.truncate(wanted);
            return Ok(left);
        }
        Reference::Base | Reference::Relative(_) => {
            return Err(
                Diagnostic::error(Code::Usage, "`forge apply` only goes forward")
                    .help("`forge downgrade` goes back"),
            );
        }
    };
    Ok(up_to(graph, applied, goal))
}

fn up_to<'a>(graph: &'a Graph, applied: &BTreeSet<String>, goal: &str) -> Vec<&'a str> {
    let wanted = graph.ancestors(goal);
    graph
        .order()
        .filter(|revision| wanted.contains(revision) && !applied.contains(*revision))
        .collect()
}

/// The applied revisions that have to go so that `to` is the newest, in the order in which they have to be reverted.
///
/// # Errors
/// If `to` is no place that one gets to by reverting.
pub fn reverting<'a>(
    graph: &'a Graph,
    applied: &BTreeSet<String>,
    to: &Reference,
) -> Result<Vec<&'a str>> {
    let stands = |revision: &str| applied.contains(revision);
    match to {
        Reference::Base => Ok(graph
            .order()
            .rev()
            .filter(|revision| stands(revision))
            .collect()),
        Reference::Current => Ok(Vec::new()),
        Reference::Revision(prefix) => {
            let goal = graph.find(prefix)?;
            if !stands(goal) {
                return Err(Diagnostic::error(
                    Code::History,
                    format!("revision `{goal}` is not applied, so nothing leads back to it"),
                )
                .help("`forge status` says what is applied"));
            }
            let later = graph.descendants(goal);
            Ok(graph
                .order()
                .rev()
                .filter(|revision| stands(revision) && later.contains(revision))
                .collect())
        }
        Reference::Relative(steps) if *steps < 0 => {
            let mut going: Vec<&str> = Vec::new();
            for _ in 0..steps.unsigned_abs() {
                match graph.heads_among(|revision| stands(revision) && !going.contains(&revision))[..]
                {
                    [] => return Err(overshoot(&steps.to_string(), going.len(), "applied")),
                    [head] => going.push(head),
                    ref heads => return Err(several_heads(heads)),
                }
            }
            Ok(going)
        }
        Reference::Head | Reference::Relative(_) => Err(Diagnostic::error(
            Code::Usage,
            "`forge downgrade` only goes back",
        )
        .help("`forge apply` goes forward")),
    }
}

fn overshoot(reference: &str, there: usize, what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        format!("`{reference}` goes too far: {there} {what}"),
    )
    .help("`forge status` says what is applied and what is pending")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::graph::tests::graph;

    type Walk = for<'a> fn(&'a Graph, &BTreeSet<String>, &Reference) -> Result<Vec<&'a str>>;

    fn check(walk: Walk, applied: &str, to: &str, expected: Result<&str, &str>) {
        let graph = graph(&["a1", "b1 a1", "c1 a1", "d1 b1,c1"]);
        let applied = applied.split_whitespace().map(ToOwned::to_owned).collect();
        let found = walk(&graph, &applied, &to.parse().unwrap());
        let found = found.map(|revisions| revisions.join(" "));
        assert_eq!(
            found.as_deref().map_err(|error| error.message().to_owned()),
            expected.map_err(ToOwned::to_owned),
            "{applied:?} {to}"
        );
    }

    #[test]
    fn forward() {
        let check = |applied, to, expected| check(pending, applied, to, expected);
        check("", "head", Ok("a1 b1 c1 d1"));
        check("a1 c1", "head", Ok("b1 d1"));
        check("", "c1", Ok("a1 c1"));
        check("a1", "+1", Ok("b1"));
        check("a1 b1 c1", "+2", Err("`+2` goes too far: 1 pending"));
        check("a1 b1 c1 d1", "head", Ok(""));
        check("", "base", Err("`forge apply` only goes forward"));
        check("", "-1", Err("`forge apply` only goes forward"));
        check("", "f", Err("there is no revision `f`"));
    }

    #[test]
    fn back() {
        let check = |applied, to, expected| check(reverting, applied, to, expected);
        check("a1 b1 c1 d1", "-1", Ok("d1"));
        check("a1 b1", "-2", Ok("b1 a1"));
        check("a1", "-2", Err("`-2` goes too far: 1 applied"));
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
