//! `forge status`: where the database is.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    Context,
    revisions::{self, counted},
    target::OpenTarget,
};
use crate::{
    apply,
    diagnostic::{Exit, Result},
    history::{self, Direction, Event, Filed, Folder, Partly, Revisions, Standing},
    kinds::Rollout,
    report::Role,
    sql::{join, visible},
};

/// Say where the database is: what is applied, pending, a draft, or half done
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    let target = OpenTarget::open_to_read(context, &settings, "status").await?;
    let looked = look(&target, folder).await;
    let url = target.url.clone();
    target.close().await;
    let (revisions, now) = looked?;
    context
        .reporter
        .data(table(context, &url, &revisions, &now));
    Ok(Exit::Done)
}

/// The target at this moment.
#[derive(Debug, Clone)]
struct Now {
    /// Whether a forge works on it.
    works: bool,
    /// What leads out of a state that is not what was promised, if it is in one.
    ways_out: Option<String>,
}

async fn look(target: &OpenTarget<'_>, folder: Folder) -> Result<(Revisions, Now)> {
    let session = &target.session;
    // In this order, so that a run that ends meanwhile is not told as one that was interrupted.
    let works = !apply::is_free(session).await?;
    let revisions = Revisions::new(folder, history::load(session).await?)?;
    let ways_out = match history::owed(session, &target.scope, &revisions.journal).await? {
        // Reading the catalog waits for the locks of the steps that are being run.
        Some(_) if works => None,
        Some(owed) => {
            let live = target.catalog().await?.fingerprint();
            (!owed.is_settled_by(live)).then(|| owed.ways_out())
        }
        None => None,
    };
    Ok((revisions, Now { works, ways_out }))
}

fn table(context: &Context<'_>, url: &str, revisions: &Revisions, now: &Now) -> String {
    let paint = context.reporter.data_paint();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let name = paint.text(Role::Strong, format!("{name:8}"));
        writeln!(text, "{name}  {}", visible(&value)).expect("writing to a String can't fail");
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
        let next = if now.works {
            "a forge works on the database now".to_owned()
        } else {
            format!("`{command}` goes on")
        };
        line(
            "partly",
            format!(
                "{}: {} done, partly {participle}; {next}",
                described(revision),
                counted(partly.done.len(), "step")
            ),
        );
        if !now.works {
            let failure = journal.failure(revision);
            match failure {
                Some(failure) => line("failed", failed(revisions, failure)),
                None if waits_for_phase(revisions, revision, &partly) => {}
                None => line("stopped", interrupted(revisions, revision, &partly)),
            }
            let total = total(revisions, revision, &partly);
            for way_out in ways_out(&partly, total, failure.is_some()) {
                line("way out", way_out);
            }
        }
        if let Some(filed) = revisions.folder.plans.get(revision)
            && let (Direction::Up, Some(phases)) = (partly.direction, phases(filed, &partly.done))
        {
            line("phases", phases);
        }
    }
    if let (Some(owed), Some(ways_out)) = (journal.owed(), &now.ways_out) {
        line("differs", owed.words());
        line("way out", ways_out.clone());
    }
    for event in journal.to_follow().into_iter().filter(|_| !now.works) {
        let error = event.error.as_deref();
        let what = error.unwrap_or("`after_apply` has not come to its end");
        // What isn't as it was promised is no apply that went well.
        let next = if now.ways_out.is_some() {
            "`forge apply` runs it once the difference is gone, or behind the next plan"
        } else {
            "`forge apply` runs it again"
        };
        line("after", format!("{}: {what}; {next}", event.revision));
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
    let step = named(
        revisions,
        &failure.revision,
        failure.step.unwrap_or_default(),
    );
    let error = failure.error.as_deref().unwrap_or_default();
    format!("{step}: {error}")
}

/// Where the last run has ended though nothing failed: it was killed, cut off or told to stop.
fn interrupted(revisions: &Revisions, revision: &str, partly: &Partly) -> String {
    let next = || partly.next(total(revisions, revision, partly));
    let Some(step) = partly.begun.or_else(next) else {
        return "interrupted behind the last step; no step failed".to_owned();
    };
    let step = match partly.direction {
        Direction::Up => named(revisions, revision, step),
        Direction::Down | Direction::Abort => format!("step {step}"),
    };
    format!("interrupted at {step}; no step failed")
}

/// How many steps the plan has, the way that it is being run. Without its file, there is one behind those that are done.
fn total(revisions: &Revisions, revision: &str, partly: &Partly) -> usize {
    let folder = &revisions.folder;
    let steps = |filed: &Filed| filed.plan.plan.steps().count();
    let total = match partly.direction {
        Direction::Up => folder.plans.get(revision).map(steps),
        Direction::Down => folder.downs.get(revision).map(steps),
        Direction::Abort => folder
            .downs
            .get(revision)
            .and_then(Filed::undo)
            .map(|undo| steps(&undo)),
    };
    total.unwrap_or_else(|| partly.done.last().map_or(1, |last| last + 1))
}

/// Whether the last run has come to the end of the phase that it was asked for.
fn waits_for_phase(revisions: &Revisions, revision: &str, partly: &Partly) -> bool {
    let Some(filed) = revisions.folder.plans.get(revision) else {
        return false;
    };
    let plan = &filed.plan.plan;
    let numbered = (1..).zip(plan.steps());
    let done = numbered.filter(|(number, _)| partly.done.contains(number));
    let reached = done.map(|(_, step)| step.rollout).max();
    let next = plan.next_rollout(&partly.done);
    partly.direction == Direction::Up
        && partly.begun.is_none()
        && reached.is_some_and(|reached| next.is_some_and(|next| next > reached))
}

/// A step of a plan, by its number and what it does.
fn named(revisions: &Revisions, revision: &str, number: usize) -> String {
    let plan = revisions.folder.plans.get(revision);
    let step = plan.and_then(|filed| filed.plan.plan.steps().nth(number.checked_sub(1)?));
    let step = step.map_or(String::new(), |step| {
        format!(" ({} {})", step.action, step.object)
    });
    format!("step {number}{step}")
}

/// What leads out of a plan that has stopped half-way.
fn ways_out(partly: &Partly, total: usize, has_failed: bool) -> Vec<String> {
    let (_, command) = partly.direction.words();
    let condition = if has_failed {
        ", once what it failed on is changed"
    } else {
        ""
    };
    let next = partly.next(total);
    let mut ways_out = vec![match next {
        Some(next) => format!("`{command}` goes on at step {next}{condition}"),
        None => {
            format!("`{command}` records that all steps are done, and looks at what they led to")
        }
    }];
    if partly.direction == Direction::Up {
        ways_out.push(format!(
            "`forge apply --abort` undoes what stands, {}",
            counted(partly.done.len(), "step")
        ));
        ways_out.extend(next.map(|next| {
            format!("`forge repair --mark-done {next}`, if you have seen to step {next} yourself")
        }));
    }
    ways_out.push(
        "`forge repair --mark-done rest` ends it where the database stands, and `forge drift` names what is different".to_owned(),
    );
    ways_out
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
