//! `forge status`: where the database is.

use std::fmt::Write as _;

use super::Context;
use crate::{
    commands::{
        self,
        revisions::counted,
        status::{Half, Report},
    },
    diagnostic::{Exit, Result},
    report::{Paint, Role},
    sql::{join, visible},
};

/// Say where the database is: what is applied, pending, a draft, or half done
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::status(&context.project()?).await?;
    let paint = context.reporter.data_paint();
    context.reporter.data(table(&report, paint));
    Ok(Exit::Done)
}

fn table(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for (name, value) in lines(report) {
        let name = paint.text(Role::Strong, format!("{name:8}"));
        writeln!(text, "{name}  {}", visible(&value)).expect("writing to a String can't fail");
    }
    text
}

fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let mut lines = vec![("target", report.target.clone())];
    let mut line = |name, value| lines.push((name, value));
    for current in &report.current {
        let by = current.by.as_ref();
        let by = by.map_or(String::new(), |by| format!(", applied by {by}"));
        line(
            "current",
            format!("{} {}{by}", current.revision, current.message),
        );
    }
    if report.current.is_empty() {
        line("current", "base: nothing is applied".to_owned());
    }
    line("applied", counted(report.applied, "plan"));
    for half in &report.partly {
        half_done(half, report.busy, &mut line);
    }
    if let Some(differs) = &report.differs {
        line("differs", differs.what.clone());
        line("way out", differs.way_out.clone());
    }
    for unfollowed in &report.unfollowed {
        let error = unfollowed.error.as_deref();
        let what = error.unwrap_or("`after_apply` has not come to its end");
        // What isn't as it was promised is no apply that went well.
        let next = if report.differs.is_some() {
            "`forge apply` runs it once the difference is gone, or behind the next plan"
        } else {
            "`forge apply` runs it again"
        };
        line("after", format!("{}: {what}; {next}", unfollowed.revision));
    }
    let pending = report.pending.iter().map(|it| ("pending", it));
    for (name, it) in pending.chain(report.drafts.iter().map(|it| ("draft", it))) {
        line(name, format!("{} {}", it.revision, it.message));
    }
    if report.pending.is_empty() && report.drafts.is_empty() {
        line("pending", "none".to_owned());
    }
    if report.heads.len() > 1 {
        line("heads", report.heads.join(", "));
    }
    line("drift", "not looked for: `forge drift` does".to_owned());
    lines
}

fn half_done(half: &Half, busy: bool, line: &mut impl FnMut(&'static str, String)) {
    let next = if busy {
        "a forge works on the database now".to_owned()
    } else {
        format!("`{}` goes on", half.command)
    };
    line(
        "partly",
        format!(
            "{} {}: {} done, partly {}; {next}",
            half.revision,
            half.message,
            counted(half.done, "step"),
            half.participle
        ),
    );
    if let Some(failed) = &half.failed {
        line("failed", failed.clone());
    }
    if let Some(stopped) = &half.stopped {
        line("stopped", stopped.clone());
    }
    for way_out in &half.ways_out {
        line("way out", way_out.clone());
    }
    if !half.phases.is_empty() {
        let words = half.phases.iter().map(|phase| {
            let state = if phase.done { "done" } else { "to come" };
            format!("{} {state}", phase.phase)
        });
        line("phases", join(words, ", "));
    }
}
