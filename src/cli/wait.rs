//! `forge wait`: waits for the database.

use std::time::Duration;

use super::Context;
use crate::{
    commands,
    diagnostic::{Exit, Result},
    settings::parse_duration,
};

/// Wait until the database accepts connections
///
/// Exits with 7 if it doesn't in time. What waiting can't mend, such as a wrong password, ends it at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Wait no longer than this
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    timeout: Duration,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::wait(&context.project()?, args.timeout).await?;
    context.reporter.note(format_args!(
        "{} accepts connections: PostgreSQL {}, after {:.1} s",
        report.target, report.postgres, report.seconds
    ));
    Ok(Exit::Done)
}
