//! `forge wait`: waits for the database.

use std::time::{Duration, Instant};

use super::Context;
use crate::{
    commands::target::OpenTarget,
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
    let project = context.project()?;
    let started = Instant::now();
    let target = OpenTarget::open_within(&project, "wait", args.timeout).await?;
    let (url, major) = (target.url.clone(), target.session.major());
    target.close().await;
    context.reporter.note(format_args!(
        "{url} accepts connections: PostgreSQL {major}, after {:.1} s",
        started.elapsed().as_secs_f32()
    ));
    Ok(Exit::Done)
}
