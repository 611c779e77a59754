//! `forge branches`: where the history forks.

use std::fmt::Write as _;

use super::{Context, heads::labels};
use crate::{
    commands::revisions,
    diagnostic::{Exit, Result},
};

/// List the revisions that several follow, with those
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    let graph = folder.graph()?;
    let roots = graph.children(None);
    let mut forks: Vec<(&str, Vec<&str>)> = graph
        .branch_points()
        .into_iter()
        .map(|fork| (fork, graph.children(Some(fork))))
        .collect();
    if roots.len() > 1 {
        forks.insert(0, ("<base>", roots));
    }
    let mut text = String::new();
    for (fork, children) in forks {
        let message = folder.plans.get(fork).map_or(String::new(), |filed| {
            format!(", {}", filed.plan.header.message)
        });
        writeln!(text, "{fork} (branchpoint){message}").expect("writing to a String can't fail");
        for child in children {
            let Some(filed) = folder.plans.get(child) else {
                writeln!(text, "  -> {child}, can't be read")
                    .expect("writing to a String can't fail");
                continue;
            };
            let (labels, message) = (
                labels(&filed.plan.header.branch_labels),
                &filed.plan.header.message,
            );
            writeln!(text, "  -> {child}{labels}, {message}")
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    Ok(Exit::Done)
}
