//! `forge current`: the newest applied revision.

use std::fmt::Write as _;

use super::Context;
use crate::{
    commands,
    diagnostic::{Exit, Result},
    report::Verbosity,
};

/// Print the revision that the database is at
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End with exit code 2 if approved plans wait to be applied
    #[arg(long)]
    check_heads: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::current(&context.project()?).await?;
    let verbose = context.reporter.verbosity() >= Verbosity::Verbose;
    let mut text = String::new();
    for current in &report.current {
        let mark = if current.head { " (head)" } else { "" };
        let (revision, message) = (&current.revision, &current.message);
        writeln!(text, "{revision}{mark}, {message}").expect("writing to a String can't fail");
        if let Some(settled) = current.settled.as_ref().filter(|_| verbose) {
            writeln!(
                text,
                "  {} by {}, run {}",
                settled.how, settled.by, settled.run
            )
            .expect("writing to a String can't fail");
            writeln!(text, "  version {} of the schema", current.version)
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    match report.missing {
        Some(missing) if args.check_heads => Err(missing),
        Some(_) | None => Ok(Exit::Done),
    }
}
