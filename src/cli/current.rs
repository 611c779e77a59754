//! `forge current`: the newest applied revision.

use std::fmt::Write as _;

use super::{Context, locked, revisions};
use crate::{
    diagnostic::{Exit, Result},
    history::Revisions,
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
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    let journal = locked::journal(context, &settings, "current").await?;
    let revisions = Revisions::new(folder, journal)?;
    let heads = revisions.graph.heads();
    let mut text = String::new();
    for revision in revisions.current() {
        let mark = if heads.contains(&revision) {
            " (head)"
        } else {
            ""
        };
        let message = revisions.message(revision);
        writeln!(text, "{revision}{mark}, {message}").expect("writing to a String can't fail");
        let settled = revisions.journal.settled(revision);
        if let Some(event) = settled.filter(|_| context.reporter.verbosity() >= Verbosity::Verbose)
        {
            let how = event.kind.participle();
            writeln!(text, "  {how} by {}, run {}", event.by(), event.run)
                .expect("writing to a String can't fail");
            let version = revisions.version([revision]);
            writeln!(text, "  version {version} of the schema")
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    if args.check_heads {
        revisions.at_head()?;
    }
    Ok(Exit::Done)
}
