//! `forge apply`: brings the target up to a revision.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    time::Duration,
};

use super::{
    Context, abort,
    conditions::Conditions,
    offline::{self, Goal},
    phase::Phase,
    rows::Rows,
};
use crate::{
    apply::MAX_LAG,
    commands::{
        self,
        apply::{Options, Report},
        approve::Allow,
        revisions::counted,
    },
    diagnostic::{Exit, Result},
    history::Direction,
    kinds::Rollout,
    settings::parse_duration,
};

/// Apply approved plans to the database
///
/// Goes on where an earlier apply was stopped.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go up to this revision: its first digits, a branch label, `head`, `heads`, `BRANCH@head`, or `+N`
    #[arg(value_name = "REVISION", default_value = "head")]
    to: Goal,

    /// Change nothing, and print a script that psql runs; `FROM:TO` needs no database
    #[arg(long)]
    sql: bool,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,

    /// Check and print what would be run
    #[arg(long)]
    dry_run: bool,

    /// Stop behind this part of the next plan
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,

    /// Let batches wait for a standby that is further behind: 10 s unless this says otherwise
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_lag: Option<Duration>,

    /// Wait this long for the database to accept connections
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait_db: Option<Duration>,

    #[command(flatten)]
    undoing: Undoing,

    #[command(flatten)]
    besides: Besides,

    #[command(flatten)]
    around: Conditions,
}

/// Back instead of on.
#[derive(Debug, Default, clap::Args)]
struct Undoing {
    /// Undo the steps of a partly applied plan that stand, instead of going on with it
    #[arg(long, conflicts_with_all = ["sql", "phase"])]
    abort: bool,

    /// With `--abort`: allow a hazard that needs approval: `deletes-data`, `deletes-data:app.users`, `all`
    #[arg(long, value_name = "HAZARD[:OBJECT]", requires = "abort")]
    allow: Vec<Allow>,
}

/// What an apply does besides, where somebody asks for it.
#[derive(Debug, Default, clap::Args)]
struct Besides {
    /// End the process that an earlier run has left on the server, if it holds the lock, and go on where that run stopped
    #[arg(long)]
    takeover: bool,

    #[command(flatten)]
    rows: Rows,
}

/// Applies every approved plan, and asks nothing.
pub(super) async fn to_head(context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let report = Box::pin(commands::apply(&project, &Options::default())).await?;
    tell(context, &report);
    Ok(Exit::Done)
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    if args.sql {
        return offline::run(&args.to, Direction::Up, context).await;
    }
    if args.undoing.abort {
        let wish = abort::Wish {
            allow: &args.undoing.allow,
            dry_run: args.dry_run,
            rows: &args.besides.rows,
        };
        return Box::pin(abort::run(&wish, context)).await;
    }
    let confirm = |deleting: &[String]| -> Result<bool> {
        if args.yes {
            Ok(true)
        } else {
            may_go_on(context, deleting)
        }
    };
    let options = Options {
        to: args.to.revision()?.clone(),
        dry_run: args.dry_run,
        phase: args.phase.map(Rollout::from),
        max_lag: args.max_lag.unwrap_or(MAX_LAG),
        wait_db: args.wait_db,
        takeover: args.besides.takeover,
        dropped: args.besides.rows.dropped(),
        looks_for_rows: !args.besides.rows.skip_row_checks,
        conditions: args.around.wanted(),
        confirm: &confirm,
    };
    let report = commands::apply(&context.project()?, &options).await?;
    tell(context, &report);
    Ok(Exit::Done)
}

fn tell(context: &Context<'_>, report: &Report) {
    let reporter = context.reporter;
    match report {
        Report::NothingToDo { current } if current.is_empty() => {
            reporter.note("nothing to do: there are no plans to apply");
        }
        Report::NothingToDo { current } => reporter.note(format_args!(
            "nothing to do: the database is at {}",
            current.join(", ")
        )),
        Report::DryRun { sql } => {
            for steps in sql {
                reporter.sql(steps);
            }
            reporter.note("a dry run: nothing was changed");
        }
        Report::Declined => reporter.note("nothing was changed"),
        // The step before which it waits was told.
        Report::Waits => {}
        Report::Applied { revisions, held } => {
            if let Some(last) = revisions.last() {
                reporter.note(format_args!(
                    "applied {}, the database is at {last}",
                    counted(revisions.len(), "plan")
                ));
            }
            if !held.is_empty() {
                reporter.warn(format_args!(
                    "not applied, because nobody has approved them: {}",
                    held.join(", ")
                ));
            }
        }
    }
}

/// Asks on a terminal before rows are deleted. Elsewhere the approval is the answer.
fn may_go_on(context: &Context<'_>, deleting: &[String]) -> Result<bool> {
    let stdin = io::stdin();
    if deleting.is_empty() || !stdin.is_terminal() {
        return Ok(true);
    }
    for step in deleting {
        context.reporter.note(format_args!("deletes data: {step}"));
    }
    context.reporter.note("go on? [y/N]");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
