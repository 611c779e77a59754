//! Where the database is.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    project::Project,
    revisions::{self, counted},
    target::OpenTarget,
};
use crate::{
    apply,
    diagnostic::Result,
    history::{self, Direction, Event, Filed, Folder, Journal, Partly, Revisions, Standing},
    kinds::Rollout,
};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The target's URL, without the password.
    pub target: String,
    /// Whether a forge works on the database now.
    pub busy: bool,
    /// The newest applied revisions; none at base.
    pub current: Vec<Current>,
    /// How many plans are applied.
    pub applied: usize,
    /// The plans that are half done.
    pub partly: Vec<Half>,
    /// What the last revision left otherwise than it promised, if the database still is otherwise.
    pub differs: Option<Differs>,
    /// The revisions whose apply `after_apply` has not followed yet.
    pub unfollowed: Vec<Unfollowed>,
    /// The approved plans that are not applied.
    pub pending: Vec<Revision>,
    /// The plans that nobody has approved.
    pub drafts: Vec<Revision>,
    /// The revisions that no other follows.
    pub heads: Vec<String>,
}

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Its id.
    pub revision: String,
    /// What it is for.
    pub message: String,
}

/// A revision that the database is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Current {
    /// Its id.
    pub revision: String,
    /// What it is for.
    pub message: String,
    /// Who applied it, and when.
    pub by: Option<String>,
}

/// A plan that is half done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Half {
    /// Its revision.
    pub revision: String,
    /// What it is for.
    pub message: String,
    /// Which way: `applied`, `downgraded`.
    pub participle: &'static str,
    /// The command that goes on.
    pub command: &'static str,
    /// How many steps are done.
    pub done: usize,
    /// The step that failed last, and why.
    pub failed: Option<String>,
    /// Where the last run ended, if no step failed.
    pub stopped: Option<String>,
    /// What leads out, in sentences.
    pub ways_out: Vec<String>,
    /// The phases of a plan that has several, in order.
    pub phases: Vec<Phase>,
}

/// A phase of a plan that is half done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// `expand`, `backfill` or `contract`.
    pub phase: String,
    /// Whether it is done.
    pub done: bool,
}

/// A result that is not what was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differs {
    /// What is different.
    pub what: String,
    /// What leads out.
    pub way_out: String,
}

/// An apply that `after_apply` has not followed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfollowed {
    /// The revision.
    pub revision: String,
    /// Why not, if it was tried.
    pub error: Option<String>,
}

/// Says where the database is: what is applied, pending, a draft, or half done. Changes nothing and takes no lock.
pub async fn status(project: &Project<'_>) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let target = OpenTarget::open_to_read(project, "status").await?;
    let looked = look(&target, folder).await;
    let url = target.url.clone();
    target.close().await;
    let (revisions, now) = looked?;
    Ok(report(url, &revisions, now))
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

fn report(target: String, revisions: &Revisions, now: Now) -> Report {
    let journal = &revisions.journal;
    let of = |revision: &&str| Revision {
        revision: (*revision).to_owned(),
        message: revisions.message(revision).to_owned(),
    };
    let current = revisions.current().into_iter().map(|revision| Current {
        revision: revision.to_owned(),
        message: revisions.message(revision).to_owned(),
        by: journal.settled(revision).map(Event::by),
    });
    let pending = revisions
        .graph
        .order()
        .filter(|revision| journal.standing(revision) == Standing::Absent);
    let (ready, held) = revisions.approved(pending.collect());
    let unfollowed = journal.to_follow().into_iter().filter(|_| !now.works);
    Report {
        target,
        busy: now.works,
        current: current.collect(),
        applied: journal.applied().len(),
        partly: halves(revisions, journal, now.works),
        unfollowed: unfollowed
            .map(|event| Unfollowed {
                revision: event.revision.clone(),
                error: event.error.clone(),
            })
            .collect(),
        differs: journal
            .owed()
            .zip(now.ways_out)
            .map(|(owed, way_out)| Differs {
                what: owed.words(),
                way_out,
            }),
        pending: ready.iter().map(of).collect(),
        drafts: held.iter().map(of).collect(),
        heads: revisions
            .graph
            .heads()
            .into_iter()
            .map(ToOwned::to_owned)
            .collect(),
    }
}

fn halves(revisions: &Revisions, journal: &Journal, works: bool) -> Vec<Half> {
    let partly = journal.partly().into_iter();
    let half = partly.map(|(revision, partly)| {
        let (participle, command) = partly.direction.words();
        let failure = journal.failure(revision).filter(|_| !works);
        let stopped = !works && failure.is_none() && !waits_for_phase(revisions, revision, &partly);
        let filed = revisions.folder.plans.get(revision);
        let filed = filed.filter(|_| partly.direction == Direction::Up);
        Half {
            revision: revision.to_owned(),
            message: revisions.message(revision).to_owned(),
            participle,
            command,
            done: partly.done.len(),
            failed: failure.map(|failure| failed(revisions, failure)),
            stopped: stopped.then(|| interrupted(revisions, revision, &partly)),
            ways_out: if works {
                Vec::new()
            } else {
                let total = total(revisions, revision, &partly);
                ways_out(&partly, total, failure.is_some())
            },
            phases: filed.map_or(Vec::new(), |filed| phases(filed, &partly.done)),
        }
    });
    half.collect()
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
fn phases(filed: &Filed, done: &BTreeSet<usize>) -> Vec<Phase> {
    let plan = &filed.plan.plan;
    let parts: BTreeSet<Rollout> = plan.steps().map(|step| step.rollout).collect();
    let next = plan.next_rollout(done);
    if parts.len() < 2 {
        return Vec::new();
    }
    let phase = |part: Rollout| Phase {
        phase: part.to_string(),
        done: next.is_none_or(|next| next > part),
    };
    parts.into_iter().map(phase).collect()
}
