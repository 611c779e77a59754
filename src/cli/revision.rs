//! `forge revision`: `forge plan` and `forge merge` as Alembic spells them.

use super::{Context, merge, plan};
use crate::diagnostic::{Exit, Result};

/// Write a plan, as Alembic spells it
///
/// With `--autogenerate`, or with a text and no `-m`, this is `forge plan`; with `-m` alone `forge plan --empty`; with
/// `--merge` it is `forge merge`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Say what the change is for
    #[arg(value_name = "TEXT", conflicts_with = "message")]
    text: Option<String>,

    /// Make the plan from the difference
    #[arg(long, conflicts_with = "empty")]
    autogenerate: bool,

    /// Join all heads
    #[arg(long, conflicts_with_all = ["check", "empty", "head", "autogenerate"])]
    merge: bool,

    #[command(flatten)]
    plan: plan::Args,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let mut plan = args.plan.clone();
    plan.empty |= plan.message.is_some() && !args.autogenerate && !plan.check;
    plan.message = plan.message.or_else(|| args.text.clone());
    if args.merge {
        Box::pin(merge::all(plan.message, plan.rev_id, context)).await
    } else {
        Box::pin(plan::run(&plan, context)).await
    }
}
