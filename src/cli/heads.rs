//! `forge heads`: the revisions that no other follows.

use std::fmt::Write as _;

use super::{Context, revisions};
use crate::{
    diagnostic::{Exit, Result},
    history::{Filed, Folder},
    report::Verbosity,
};

/// List the revisions that no other follows
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End with exit code 1 if there are several: the check for a pull request
    #[arg(long)]
    single: bool,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    let graph = folder.graph()?;
    context
        .reporter
        .data(listed(context, &folder, &graph.heads()));
    if args.single {
        graph.head()?;
    }
    Ok(Exit::Done)
}

fn listed(context: &Context<'_>, folder: &Folder, heads: &[&str]) -> String {
    let verbose = context.reporter.verbosity() >= Verbosity::Verbose;
    let mut text = String::new();
    for head in heads {
        let Some(filed) = folder.plans.get(*head) else {
            writeln!(text, "{head} (head), can't be read").expect("writing to a String can't fail");
            continue;
        };
        writeln!(
            text,
            "{head}{} (head), {}",
            labels(filed),
            filed.plan.header.message
        )
        .expect("writing to a String can't fail");
        if verbose {
            writeln!(text, "  `{}` by {}", filed.path, filed.plan.header.author)
                .expect("writing to a String can't fail");
        }
    }
    text
}

/// The branch labels behind a revision, as Alembic writes them.
pub(super) fn labels(filed: &Filed) -> String {
    match &filed.plan.header.branch_labels[..] {
        [] => String::new(),
        labels => format!(" ({})", labels.join(", ")),
    }
}
