//! `forge heads`: the revisions that no other follows.

use std::fmt::Write as _;

use super::{Context, revisions};
use crate::diagnostic::{Exit, Result};

/// List the revisions that no other follows
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    let graph = folder.graph()?;
    let mut text = String::new();
    for head in graph.heads() {
        let message = &folder.plans[head].plan.header.message;
        writeln!(text, "{head} (head), {message}").expect("writing to a String can't fail");
    }
    context.reporter.data(text);
    Ok(Exit::Done)
}
