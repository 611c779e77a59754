//! `forge downgrade`: takes revisions back.

use super::{
    Context,
    offline::{self, Goal},
    rows::Rows,
};
use crate::{
    commands::{self, approve::Allow, downgrade::Options, revisions::counted},
    diagnostic::{Exit, Result},
    history::Direction,
};

/// Take applied plans back
///
/// Runs the way back that was recorded with each plan, the newest first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go back to this revision: its first digits, `-N` steps, `BRANCH@-N`, or `base`
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    to: Goal,

    /// Change nothing, and print a script that psql runs; `FROM:TO` needs no database
    #[arg(long)]
    sql: bool,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,

    /// Allow a hazard that needs a person's word: `deletes-data`, `deletes-data:app.users`, `all`
    #[arg(long, value_name = "HAZARD[:OBJECT]")]
    allow: Vec<Allow>,

    #[command(flatten)]
    rows: Rows,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    if args.sql {
        return offline::run(&args.to, Direction::Down, context).await;
    }
    let options = Options {
        to: args.to.revision()?.clone(),
        allow: args.allow.clone(),
        dropped: args.rows.dropped(),
        looks_for_rows: !args.rows.skip_row_checks,
    };
    let report = commands::downgrade(&context.project()?, &options).await?;
    if report.revisions.is_empty() {
        context.reporter.note("nothing to do");
    } else {
        context.reporter.note(format_args!(
            "reverted {}",
            counted(report.revisions.len(), "plan")
        ));
    }
    Ok(Exit::Done)
}
