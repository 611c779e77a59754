//! `forge branches`: where the history forks.

use std::fmt::Write as _;

use super::{Context, heads::labels};
use crate::{
    commands,
    diagnostic::{Exit, Result},
};

/// List the revisions that several follow, with those
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::branches(&context.project()?)?;
    let mut text = String::new();
    for fork in &report.forks {
        let revision = fork.revision.as_deref().unwrap_or("<base>");
        let message = fork.message.as_ref();
        let message = message.map_or(String::new(), |message| format!(", {message}"));
        writeln!(text, "{revision} (branchpoint){message}")
            .expect("writing to a String can't fail");
        for child in &fork.children {
            let revision = &child.revision;
            let Some(plan) = &child.plan else {
                writeln!(text, "  -> {revision}, can't be read")
                    .expect("writing to a String can't fail");
                continue;
            };
            let (labels, message) = (labels(&plan.labels), &plan.message);
            writeln!(text, "  -> {revision}{labels}, {message}")
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    Ok(Exit::Done)
}
