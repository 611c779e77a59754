//! `forge validate`: whether the plans are sound.

use super::Context;
use crate::{
    commands::{self, revisions::counted, validate::Options},
    diagnostic::{Exit, Result},
};

/// Check the plans: that none was edited or lost, and that they lead on from each other
///
/// With a database, that they are the plans that were applied there, too. Changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at the files alone
    #[arg(long)]
    files: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let options = Options {
        files_alone: args.files,
    };
    let report = commands::validate(&context.project()?, options).await?;
    if !report.sound {
        return Ok(Exit::Refused);
    }
    let plans = counted(report.plans, "plan");
    context.reporter.note(format_args!("{plans}, all sound"));
    Ok(Exit::Done)
}
