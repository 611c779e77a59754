//! `forge heads`: the revisions that no other follows.

use std::fmt::Write as _;

use super::Context;
use crate::{
    commands::{self, heads::Head},
    diagnostic::{Exit, Result},
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
    let report = commands::heads(&context.project()?)?;
    let verbose = context.reporter.verbosity() >= Verbosity::Verbose;
    context.reporter.data(listed(&report.heads, verbose));
    match report.several {
        Some(several) if args.single => Err(several),
        Some(_) | None => Ok(Exit::Done),
    }
}

fn listed(heads: &[Head], verbose: bool) -> String {
    let mut text = String::new();
    for Head { revision, plan } in heads {
        let Some(plan) = plan else {
            writeln!(text, "{revision} (head), can't be read")
                .expect("writing to a String can't fail");
            continue;
        };
        let labels = labels(&plan.labels);
        writeln!(text, "{revision}{labels} (head), {}", plan.message)
            .expect("writing to a String can't fail");
        if verbose {
            writeln!(text, "  `{}` by {}", plan.path, plan.author)
                .expect("writing to a String can't fail");
        }
    }
    text
}

/// The branch labels behind a revision, as Alembic writes them.
pub(super) fn labels(labels: &[String]) -> String {
    match labels {
        [] => String::new(),
        labels => format!(" ({})", labels.join(", ")),
    }
}
