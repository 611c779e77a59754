//! `forge verify`: whether the database is what its history says.

use super::{Context, Format, checks};
use crate::{
    commands,
    diagnostic::{Exit, Result},
};

/// Verify that the database is what its history says
///
/// Looks at the connection, the hashes of the history, interrupted runs, the whole catalog, and what unfinished work has
/// left. Exits with 2 if something isn't as it should be.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::verify(&context.project()?).await?;
    checks::print(context, &report, args.format);
    Ok(if report.good {
        Exit::Done
    } else {
        Exit::Difference
    })
}
