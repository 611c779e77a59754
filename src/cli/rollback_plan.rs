//! `forge rollback-plan`: what going back would do.

use std::fmt::Write as _;

use super::{Context, revisions, target::OpenTarget};
use crate::{
    diagnostic::{Exit, Result},
    history::{self, Filed, Reference, Revisions},
    kinds::HazardKind,
    report::Role,
};

/// Print what `forge downgrade` would do, step by step, with what it can't bring back
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
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    let target = OpenTarget::open(context, &settings, "rollback-plan").await?;
    revisions::tell_target(context, &settings, &target.url);
    let ways_back: Result<Vec<Filed>> = async {
        let journal = history::load(&target.session).await?;
        let revisions = Revisions::new(folder, journal)?;
        let mut ways_back = Vec::new();
        for revision in revisions.walk().reverting(&args.to)? {
            ways_back.push(history::remembered_down(revision, &target.session).await?);
        }
        Ok(ways_back)
    }
    .await;
    target.close().await;
    let ways_back = ways_back?;
    let mut lost = 0;
    for down in &ways_back {
        lost += print(context, down);
    }
    context.reporter.note(if ways_back.is_empty() {
        "nothing is applied that could be taken back".to_owned()
    } else if lost > 0 {
        format!(
            "rows or values go with {}: take a backup first, then `forge downgrade {} --allow …`",
            revisions::counted(lost, "step"),
            args.to
        )
    } else {
        format!("`forge downgrade {}` runs this; no row is lost", args.to)
    });
    Ok(Exit::Done)
}

/// Prints one way back, and returns how many of its steps lose something.
fn print(context: &Context<'_>, down: &Filed) -> usize {
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
        for hazard in &step.hazards {
            line(format!("       {}: {}", hazard.kind, hazard.why));
        }
        let loses = |kind| matches!(kind, HazardKind::DeletesData | HazardKind::Irreversible);
        lost += usize::from(step.hazards.iter().any(|hazard| loses(hazard.kind)));
    }
    if down.plan.plan.is_empty() {
        line("  no step".to_owned());
    }
    context.reporter.data(text.trim_end());
    lost
}
