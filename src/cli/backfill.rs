//! `forge backfill`: looks after the steps that go in batches, also while another forge applies.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::{Context, Format};
use crate::{
    apply::{Pace, spoken},
    commands::{
        revisions::{self, counted},
        target::OpenTarget,
    },
    diagnostic::{Exit, Result},
    history::{self, Backfill, Wish},
    report::Role,
};

/// A run that was silent for longer has ended, or hangs.
const SILENCE: f64 = 60.0;

/// Look after the steps that go in batches
///
/// Takes no lock: it works while `forge apply` carries a step out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say how far the steps are
    Status {
        /// Choose the output's format
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Let the running step wait behind its current batch
    Pause(Of),
    /// Let a paused or aborted step go on
    Resume(Of),
    /// Stop the running step behind its current batch
    ///
    /// What is done stands. `forge apply` refuses to go on until `forge backfill resume`.
    Abort(Of),
}

#[derive(Debug, clap::Args)]
struct Of {
    /// The revision, by its first digits; without it, every step that isn't done
    #[arg(value_name = "REVISION")]
    revision: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let target = match args.action {
        Action::Status { .. } => OpenTarget::open_to_read(&project, "backfill").await?,
        Action::Pause(_) | Action::Resume(_) | Action::Abort(_) => {
            OpenTarget::open(&project, "backfill").await?
        }
    };
    revisions::tell_target(&project, &target.url);
    let result = with_target(args, context, &target).await;
    target.close().await;
    result
}

async fn with_target(args: &Args, context: &Context<'_>, target: &OpenTarget<'_>) -> Result<Exit> {
    let (of, wish, done) = match &args.action {
        Action::Status { format } => {
            let backfills = history::backfills(&target.session).await?;
            tell(context, *format, &backfills);
            return Ok(Exit::Done);
        }
        Action::Pause(of) => (of, Wish::Pause, "waits behind its current batch"),
        Action::Resume(of) => (of, Wish::Go, "may go on"),
        Action::Abort(of) => (of, Wish::Abort, "ends behind its current batch"),
    };
    let steps = history::wish_backfills(&target.session, of.revision.as_deref(), wish).await?;
    if steps.is_empty() {
        context
            .reporter
            .note("nothing to do: no step in batches is under way");
    }
    for step in &steps {
        context.reporter.note(format_args!("{step}: {done}"));
    }
    if wish == Wish::Go && !steps.is_empty() {
        context.reporter.note(
            "if no `forge apply` is running, run it: it goes on behind the last row that is done",
        );
    }
    Ok(Exit::Done)
}

/// The version of the JSON document.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    backfills: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    revision: &'a str,
    step: usize,
    relation: &'a str,
    state: &'static str,
    rows_done: u64,
    rows_written: u64,
    rows_estimated: Option<u64>,
    rows_per_second: Option<u64>,
    seconds_left: Option<u64>,
    last_key: Option<&'a [String]>,
    heartbeat_age_seconds: f64,
}

fn tell(context: &Context<'_>, format: Format, backfills: &[Backfill]) {
    match format {
        Format::Json => context.reporter.json(&Document {
            version: VERSION,
            backfills: backfills.iter().map(item).collect(),
        }),
        Format::Text if backfills.is_empty() => context
            .reporter
            .note("no step has gone in batches on this database"),
        Format::Text => context.reporter.data(table(context, backfills)),
    }
}

fn item(backfill: &Backfill) -> Item<'_> {
    let pace = pace(backfill);
    let runs = is_running(backfill);
    Item {
        revision: &backfill.revision,
        step: backfill.step,
        relation: &backfill.relation,
        state: state(backfill),
        rows_done: backfill.rows_done,
        rows_written: backfill.rows_written,
        rows_estimated: backfill.rows_est,
        rows_per_second: pace.rate(),
        seconds_left: pace.left().filter(|_| runs).map(|left| left.as_secs()),
        last_key: backfill.last.as_deref(),
        heartbeat_age_seconds: backfill.silent,
    }
}

fn table(context: &Context<'_>, backfills: &[Backfill]) -> String {
    let paint = context.reporter.data_paint();
    let mut text = String::new();
    for backfill in backfills {
        let Backfill {
            revision,
            step,
            relation,
            ..
        } = backfill;
        let state = state(backfill);
        let head = paint.text(
            Role::Strong,
            format!("{revision} step {step} on {relation}: {state}"),
        );
        writeln!(text, "{head}").expect("writing to a String can't fail");
        for (name, value) in lines(backfill) {
            writeln!(text, "  {name:9}  {value}").expect("writing to a String can't fail");
        }
    }
    text
}

fn lines(backfill: &Backfill) -> Vec<(&'static str, String)> {
    let pace = pace(backfill);
    let mut lines = Vec::new();
    if backfill.finished {
        lines.push(("rows", backfill.rows_done.to_string()));
    } else {
        lines.push(("rows", pace.distance()));
    }
    lines.push(("written", counted_rows(backfill.rows_written)));
    if is_running(backfill) {
        lines.push(("speed", pace.speed()));
    }
    if let Some(last) = &backfill.last {
        lines.push(("last key", last.join(", ")));
    }
    if !backfill.finished {
        let silent = Duration::try_from_secs_f64(backfill.silent).unwrap_or_default();
        lines.push(("heartbeat", format!("{} ago", spoken(silent))));
    }
    lines
}

fn counted_rows(rows: u64) -> String {
    usize::try_from(rows).map_or_else(|_| rows.to_string(), |rows| counted(rows, "row"))
}

fn pace(backfill: &Backfill) -> Pace {
    Pace {
        run_rows: backfill.run_rows,
        elapsed: Duration::try_from_secs_f64(backfill.run_seconds).unwrap_or_default(),
        done: backfill.rows_done,
        estimate: backfill.rows_est,
    }
}

fn is_running(backfill: &Backfill) -> bool {
    !backfill.finished && backfill.wish == Wish::Go && backfill.silent < SILENCE
}

fn state(backfill: &Backfill) -> &'static str {
    match (backfill.finished, backfill.wish) {
        (true, _) => "done",
        (false, Wish::Pause) => "paused",
        (false, Wish::Abort) => "aborted",
        (false, Wish::Go) if is_running(backfill) => "running",
        (false, Wish::Go) => "nobody works on it, `forge apply` goes on",
    }
}
