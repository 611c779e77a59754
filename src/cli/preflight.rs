//! `forge preflight`: whether an apply would go through now.

use super::{Context, Format, checks};
use crate::{
    commands,
    diagnostic::{Exit, Result},
    history::Reference,
};

/// Look whether the pending plans would go through now
///
/// Changes nothing. Exits with 3 if something stands in the way.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at the plans up to this revision
    #[arg(value_name = "REVISION", default_value = "head")]
    to: Reference,

    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::preflight(&context.project()?, &args.to).await?;
    checks::print(context, &report, args.format);
    Ok(if report.good {
        Exit::Done
    } else {
        Exit::Refused
    })
}
