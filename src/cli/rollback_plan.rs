//! `forge rollback-plan`: what going back would do.

use std::fmt::Write as _;

use super::Context;
use crate::{
    catalog::Judge,
    commands::{revisions, target::OpenTarget, ways_back},
    diagnostic::{Exit, Result},
    history::{self, Filed, Folder, Reference, Revisions},
    kinds::HazardKind,
    report::Role,
};

/// Print what `forge downgrade` would do, step by step, with what it can't bring back
///
/// Exits with 3 if something stands in its way.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to go back to: a revision's first digits, `-N`, `BRANCH@-N`, `base`
    #[arg(
        value_name = "REVISION",
        default_value = "-1",
        allow_negative_numbers = true
    )]
    to: Reference,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    let target = OpenTarget::open_to_read(&project, "rollback-plan").await?;
    revisions::tell_target(&project, &target.url);
    let told = tell(args, context, folder, &target).await;
    target.close().await;
    told
}

async fn tell(
    args: &Args,
    context: &Context<'_>,
    folder: Folder,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let session = &target.session;
    let journal = history::load(session).await?;
    let revisions = Revisions::new(folder, journal)?;
    let ways_back = ways_back::ways_back(&revisions, &args.to, session).await?;
    if ways_back.is_empty() {
        context
            .reporter
            .note("nothing is applied that could be taken back");
        return Ok(Exit::Done);
    }
    let live = target.catalog().await?;
    let (mut lost, mut not_restored) = (0, Vec::new());
    for way_back in &ways_back {
        lost += print(context, &way_back.down, &way_back.judge(&live));
        not_restored.extend(way_back.not_restored());
    }
    for what in &not_restored {
        context.reporter.note(format_args!("not restored: {what}"));
    }
    let checked = ways_back::check(session, &live, &revisions.journal, &ways_back, true).await;
    for skipped in checked? {
        context.reporter.note(skipped);
    }
    context.reporter.note(if lost > 0 {
        format!(
            "rows or values go with {}: take a backup first, then `forge downgrade {} --allow …`",
            revisions::counted(lost, "step"),
            args.to
        )
    } else if not_restored.is_empty() {
        format!("`forge downgrade {}` runs this; no row is lost", args.to)
    } else {
        format!(
            "`forge downgrade {}` runs this; it deletes no row, and does not restore what is named above",
            args.to
        )
    });
    Ok(Exit::Done)
}

/// Prints one way back, and returns how many of its steps lose something.
fn print(context: &Context<'_>, down: &Filed, judge: &Judge<'_>) -> usize {
    let paint = context.reporter.data_paint();
    let header = &down.plan.header;
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String can't fail");
    let head = format!("{}: {}", header.revision, header.message);
    line(paint.text(Role::Strong, head).to_string());
    let mut lost = 0;
    for (number, step) in (1..).zip(down.plan.plan.steps()) {
        line(format!("  {number}. {} {}", step.action, step.object));
        for (lock, relation) in &step.locks {
            line(format!(
                "       lock: {lock} on {relation}, {}",
                lock.effect()
            ));
        }
        let hazards = judge.risks(step);
        for hazard in &hazards {
            line(format!("       {}: {}", hazard.kind, hazard.why));
        }
        let loses = |kind| {
            matches!(
                kind,
                HazardKind::DeletesData | HazardKind::ChangesRows | HazardKind::Irreversible
            )
        };
        lost += usize::from(hazards.iter().any(|hazard| loses(hazard.kind)));
    }
    if down.plan.plan.is_empty() {
        line("  no step".to_owned());
    }
    context.reporter.data(text.trim_end());
    lost
}
