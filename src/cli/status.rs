//! `forge status`: where the database is.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    Context,
    revisions::{self, counted},
    target::OpenTarget,
};
use crate::{
    diagnostic::{Exit, Result},
    history::{self, Direction, Event, Filed, Partly, Revisions, Standing},
    kinds::Rollout,
    report::Role,
    sql::join,
};

/// Say where the database is: what is applied, pending, a draft, or half done
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    let target = OpenTarget::open_to_read(context, &settings, "status").await?;
    let journal = history::load(&target.session).await;
    let url = target.url.clone();
    target.close().await;
    let revisions = Revisions::new(folder, journal?)?;
    context.reporter.data(table(context, &url, &revisions));
    Ok(Exit::Done)
}

fn table(context: &Context<'_>, url: &str, revisions: &Revisions) -> String {
    let paint = context.reporter.data_paint();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let name = paint.text(Role::Strong, format!("{name:8}"));
        writeln!(text, "{name}  {value}").expect("writing to a String can't fail");
    };
    let journal = &revisions.journal;
    let described = |revision: &str| format!("{revision} {}", revisions.message(revision));
    line("target", url.to_owned());
    let current = revisions.current();
    for revision in &current {
        let by = journal.settled(revision).map_or(String::new(), |event| {
            format!(", applied by {}", event.by())
        });
        line("current", format!("{}{by}", described(revision)));
    }
    if current.is_empty() {
        line("current", "base: nothing is applied".to_owned());
    }
    let applied = journal.applied();
    line("applied", counted(applied.len(), "plan"));
    for (revision, partly) in journal.partly() {
        let (participle, command) = partly.direction.words();
        line(
            "partly",
            format!(
                "{}: {} done, partly {participle}; `{command}` goes on",
                described(revision),
                counted(partly.done.len(), "step")
            ),
        );
        if let Some(failure) = journal.failure(revision) {
            line("failed", failed(revisions, failure));
        }
        if partly.direction == Direction::Up {
            for way_out in ways_out(&partly) {
                line("way out", way_out);
            }
        }
        if let Some(filed) = revisions.folder.plans.get(revision)
            && let (Direction::Up, Some(phases)) = (partly.direction, phases(filed, &partly.done))
        {
            line("phases", phases);
        }
    }
    if let Some(event) = journal.differs() {
        line(
            "differs",
            format!(
                "the database was not what {} promised when it was done",
                event.revision
            ),
        );
    }
    let heads = revisions.graph.heads();
    let pending = revisions
        .graph
        .order()
        .filter(|revision| journal.standing(revision) == Standing::Absent);
    let (ready, held) = revisions.approved(pending.collect());
    for revision in &ready {
        line("pending", described(revision));
    }
    for revision in &held {
        line("draft", described(revision));
    }
    if ready.is_empty() && held.is_empty() {
        line("pending", "none".to_owned());
    }
    if heads.len() > 1 {
        line("heads", heads.join(", "));
    }
    line("drift", "not looked for: `forge drift` does".to_owned());
    text
}

/// The step that failed last, and why.
fn failed(revisions: &Revisions, failure: &Event) -> String {
    let number = failure.step.unwrap_or_default();
    let plan = revisions.folder.plans.get(&failure.revision);
    let step = plan.and_then(|filed| filed.plan.plan.steps().nth(number.checked_sub(1)?));
    let step = step.map_or(String::new(), |step| {
        format!(" ({} {})", step.action, step.object)
    });
    let error = failure.error.as_deref().unwrap_or_default();
    format!("step {number}{step}: {error}")
}

/// What leads out of a plan that has stopped half-way.
fn ways_out(partly: &Partly) -> [String; 3] {
    let after_last = partly.done.last().map_or(1, |last| last + 1);
    let next = (1..after_last)
        .find(|step| !partly.done.contains(step))
        .unwrap_or(after_last);
    [
        format!("`forge apply` goes on at step {next}, once what it failed on is changed"),
        format!(
            "`forge apply --abort` undoes what stands, {}",
            counted(partly.done.len(), "step")
        ),
        format!("`forge repair --mark-done {next}`, if you have seen to step {next} yourself"),
    ]
}

/// Which parts of a plan are done, if it has several.
fn phases(filed: &Filed, done: &BTreeSet<usize>) -> Option<String> {
    let plan = &filed.plan.plan;
    let parts: BTreeSet<Rollout> = plan.steps().map(|step| step.rollout).collect();
    let next = plan.next_rollout(done);
    let words = parts.iter().map(|part| {
        let state = if next.is_none_or(|next| next > *part) {
            "done"
        } else {
            "to come"
        };
        format!("{part} {state}")
    });
    (parts.len() > 1).then(|| join(words, ", "))
}
