//! Brings the target up to a revision.

use std::{fmt, time::Duration};

use serde::Serialize;

pub use super::around::{Conditions, Hours};
use super::{
    around::Around,
    person,
    project::Project,
    revisions::{self, counted},
    target::OpenTarget,
};
use crate::{
    apply::{self, Acquired, Dropped, Reached, Script, Work},
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Filed, Journal, Place, Reference, Revisions},
    kinds::{HazardKind, Rollout},
    listener::Status,
    plan::file::render_steps,
};

/// How far plans are applied, and how.
pub struct Options<'a> {
    /// The revision to go up to.
    pub to: Reference,
    /// Whether the steps are only checked and shown.
    pub dry_run: bool,
    /// The part of the next plan behind which to stop.
    pub phase: Option<Rollout>,
    /// How far a standby may be behind before batches wait for it.
    pub max_lag: Duration,
    /// How long to wait for the database to accept connections.
    pub wait_db: Option<Duration>,
    /// Whether the process that an earlier run has left on the server is ended, if it holds the lock.
    pub takeover: bool,
    /// What becomes of rows that steps drop.
    pub dropped: Dropped,
    /// Whether rows are looked for on which a step fails.
    pub looks_for_rows: bool,
    /// The hours, and the backup before.
    pub conditions: Conditions,
    /// Asks whether to go on, and is told the steps that delete rows. The approval of the plans is the answer by default.
    pub confirm: &'a dyn Fn(&[String]) -> Result<bool>,
}

impl Default for Options<'_> {
    /// Applies every approved plan.
    fn default() -> Self {
        Self {
            to: Reference::to(Place::Heads),
            dry_run: false,
            phase: None,
            max_lag: apply::MAX_LAG,
            wait_db: None,
            takeover: false,
            dropped: Dropped::default(),
            looks_for_rows: true,
            conditions: Conditions::default(),
            confirm: &|_| Ok(true),
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("to", &self.to)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// What came of an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Report {
    /// Every approved plan up to there is applied.
    NothingToDo {
        /// The revisions that the database is at; none at base.
        current: Vec<String>,
    },
    /// What would be run. Nothing was changed.
    DryRun {
        /// The steps of each plan.
        sql: Vec<String>,
    },
    /// The answer was no. Nothing was changed.
    Declined,
    /// The next phase of a plan was not asked for.
    Waits,
    /// Plans were applied.
    Applied {
        /// Their revisions, in order.
        revisions: Vec<String>,
        /// The revisions that nobody has approved, and that were therefore left out.
        held: Vec<String>,
    },
}

/// Applies approved plans to the database, and goes on where an earlier apply was stopped.
///
/// # Errors
/// [`Code::Draft`] if nothing but plans that nobody has approved is pending.
pub async fn apply(project: &Project<'_>, options: &Options<'_>) -> Result<Report> {
    let folder = revisions::placed_folder(project)?;
    folder.graph()?;
    let target = match options.wait_db {
        Some(limit) => OpenTarget::open_within(project, "apply", limit).await?,
        None => OpenTarget::open_to_read(project, "apply").await?,
    };
    let target = if options.dry_run {
        target
    } else {
        target.of_its_own().await?
    };
    revisions::tell_target(project, &target.url);
    let result = with_target(options, project, folder, &target).await;
    target.close().await;
    result
}

async fn with_target(
    options: &Options<'_>,
    project: &Project<'_>,
    folder: history::Folder,
    target: &OpenTarget<'_>,
) -> Result<Report> {
    let actor = person::actor(project, &target.session).await?;
    let work = Work {
        max_lag: options.max_lag,
        dropped: options.dropped,
        looks_for_rows: options.looks_for_rows,
        ..target.work(project, &actor)
    };
    let journal = history::load(work.session).await?;
    let seen = Revisions::new(folder.clone(), journal)?;
    let (ready, held) = pending(&seen, &options.to)?;
    if ready.is_empty() && !held.is_empty() {
        return Err(not_approved(&seen, &held));
    }
    let follows = project.settings.operations.after_apply.is_some();
    let unfollowed = unfollowed(&seen);
    if !unfollowed.is_empty() && !follows {
        project.listener.diagnostic(&without_hook(&unfollowed));
    }
    if ready.is_empty() && seen.journal.is_settled() {
        if seen.journal.owed().is_some() {
            let target = apply::Target::read(&work, &seen.journal).await?;
            let kept = target.keeps(&work, &seen.journal).await;
            kept.map_err(|differs| match &unfollowed[..] {
                [] => differs,
                _ if !follows => differs,
                _ => differs.note(format!(
                    "`after_apply` has not followed the apply of {}: it is run once the difference is gone, or behind the next plan",
                    unfollowed.join(", ")
                )),
            })?;
        }
        if unfollowed.is_empty() || !follows {
            return Ok(Report::NothingToDo {
                current: current(&seen),
            });
        }
    }
    let mut plans = Vec::new();
    for revision in &ready {
        let (filed, down) = seen.pair(revision, work.session).await?;
        history::check_approved(&filed, down.as_ref(), work.signers)?;
        plans.push(filed);
    }
    announce(project, &plans);
    if follows && !unfollowed.is_empty() {
        project.listener.note(format_args!(
            "`after_apply` has not followed the apply of {} yet: it is run behind this one",
            unfollowed.join(", ")
        ));
    }
    if options.dry_run {
        return dry_run(&work, &seen, &plans).await;
    }
    let conditions = &options.conditions;
    if !ready.is_empty() {
        conditions.check_window(&project.settings.operations)?;
    }
    if !(options.confirm)(&deleting(&plans))? {
        return Ok(Report::Declined);
    }
    let acquired = if options.takeover {
        apply::take_over(&work).await?
    } else {
        apply::acquire(&work).await?
    };
    // What was pending may have been applied while this forge waited or asked.
    let journal = history::load(work.session).await?;
    let revisions = Revisions::new(folder, journal)?;
    let (ready, held) = pending(&revisions, &options.to)?;
    tell_applied_by_others(project, &seen, &revisions, acquired);
    let around = Around {
        project,
        target,
        actor: &actor,
        revisions: ready.iter().map(ToString::to_string).collect(),
        unfollowed: self::unfollowed(&revisions),
    };
    let mut backup = None;
    if !ready.is_empty() {
        conditions.check_window(&project.settings.operations)?;
        backup = around.before(conditions).await?;
    }
    let work = Work {
        backup: backup.as_deref(),
        ..work
    };
    let reconnect = async || target.another_session(project, "apply").await;
    let applied = apply::outlast(&work, reconnect, async |work| {
        let journal = history::load(work.session).await?;
        let revisions = Revisions::new(revisions.folder.clone(), journal)?;
        bring_up(work, options.phase, &revisions, &ready).await
    })
    .await;
    let reached = if ready.is_empty() && around.unfollowed.is_empty() {
        applied?
    } else {
        around.after(applied, backup.as_deref()).await?
    };
    let owned = |revisions: &[&str]| revisions.iter().map(ToString::to_string).collect();
    Ok(match reached {
        Way::Waits => Report::Waits,
        Way::Ends => Report::Applied {
            revisions: owned(&ready),
            held: owned(&held),
        },
    })
}

/// Where a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All revisions are applied.
    Ends,
    /// The next phase of a revision wasn't asked for.
    Waits,
}

/// Applies revisions one after the other.
async fn bring_up(
    work: &Work<'_>,
    phase: Option<Rollout>,
    revisions: &Revisions,
    ready: &[&str],
) -> Result<Way> {
    let mut target = apply::Target::read(work, &revisions.journal).await?;
    let mut pairs = Vec::new();
    for revision in ready {
        pairs.push(revisions.pair(revision, work.session).await?);
    }
    let plans = pairs.iter().map(|(filed, _)| filed);
    check_roles(work, &revisions.journal, plans, phase).await?;
    for (filed, down) in &pairs {
        let revision = filed.revision();
        let script = Script {
            direction: Direction::Up,
            file: filed,
            down: down.as_ref(),
            phase,
        };
        target = match apply::run(work, &script, &revisions.journal, target).await? {
            Reached::End(after) => *after,
            Reached::Before(next) => {
                work.listener.note(format_args!(
                    "revision {revision} waits for its phase {next}: `forge apply --phase {next}`"
                ));
                return Ok(Way::Waits);
            }
        };
    }
    target.tell(work);
    if revisions.journal.owed().is_some() {
        // An earlier run has left something else than it promised, and this one may have changed that.
        let journal = history::load(work.session).await?;
        if let Err(differs) = target.keeps(work, &journal).await {
            work.listener.diagnostic(&differs.into_warning());
        }
    }
    Ok(Way::Ends)
}

/// Refuses plans whose steps name roles that the server does not have, before the first one.
async fn check_roles(
    work: &Work<'_>,
    journal: &Journal,
    plans: impl Iterator<Item = &Filed> + Clone,
    phase: Option<Rollout>,
) -> Result<()> {
    let mut revisions = plans.clone().map(Filed::revision);
    let is_begun = revisions.any(|revision| !journal.done(revision).is_empty());
    let left = apply::statements_left(journal, plans, phase);
    apply::check_roles(work.session, left, is_begun).await
}

/// The revisions that can be applied, and those that a missing approval holds up.
fn pending<'a>(revisions: &'a Revisions, to: &Reference) -> Result<(Vec<&'a str>, Vec<&'a str>)> {
    let pending = revisions.walk().pending(to)?;
    Ok(revisions.approved(pending))
}

/// The revisions whose apply `after_apply` has not followed yet.
fn unfollowed(revisions: &Revisions) -> Vec<String> {
    let events = revisions.journal.to_follow().into_iter();
    events.map(|event| event.revision.clone()).collect()
}

fn without_hook(unfollowed: &[String]) -> Diagnostic {
    Diagnostic::warning(
        Code::AfterHook,
        format!(
            "`after_apply` has not followed the apply of {} yet, and these settings have none",
            unfollowed.join(", ")
        ),
    )
    .help("choose the environment that has it with `--env`; `after_apply = \"true\"` settles it")
}

fn not_approved(revisions: &Revisions, held: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Draft,
        format!(
            "{} not approved",
            if held.len() == 1 {
                "the pending plan is"
            } else {
                "the pending plans are"
            }
        ),
    );
    held.iter()
        .filter_map(|revision| revisions.folder.plans.get(*revision))
        .fold(diagnostic, |diagnostic, filed| {
            diagnostic.note(format!("`{}`: {}", filed.path, filed.plan.header.message))
        })
        .help(format!("review it, then run `forge approve {}`", held[0]))
}

fn current(revisions: &Revisions) -> Vec<String> {
    let current = revisions.current().into_iter();
    current.map(ToOwned::to_owned).collect()
}

fn announce(project: &Project<'_>, plans: &[Filed]) {
    for filed in plans {
        let header = &filed.plan.header;
        project.listener.note(format_args!(
            "pending: {} {} ({})",
            header.revision,
            header.message,
            counted(filed.plan.plan.steps().count(), "step")
        ));
    }
}

async fn dry_run(work: &Work<'_>, revisions: &Revisions, plans: &[Filed]) -> Result<Report> {
    let live = apply::read_target(work).await?;
    if let Some(first) = plans.first() {
        let begun = revisions.journal.standing(first.revision());
        if begun == history::Standing::Absent {
            apply::check(&first.path, &first.plan, &live)?;
        }
    }
    history::check_all_covered(plans, &live, &revisions.journal)?;
    check_roles(work, &revisions.journal, plans.iter(), None).await?;
    let sql = plans.iter().map(|filed| render_steps(&filed.plan.plan));
    Ok(Report::DryRun { sql: sql.collect() })
}

/// What deletes rows.
fn deleting(plans: &[Filed]) -> Vec<String> {
    plans
        .iter()
        .flat_map(|filed| filed.plan.plan.hazards())
        .filter(|(_, hazard)| hazard.kind == HazardKind::DeletesData)
        .map(|(step, _)| format!("{} {}", step.action, step.object))
        .collect()
}

fn tell_applied_by_others(
    project: &Project<'_>,
    seen: &Revisions,
    now: &Revisions,
    acquired: Acquired,
) {
    for revision in now.applied.difference(&seen.applied) {
        if let Some(event) = now.journal.settled(revision) {
            project.listener.status(
                Status::Skipped,
                format_args!("{revision} was already applied by {}", event.by()),
            );
        }
    }
    match acquired {
        Acquired::AtOnce => {}
        Acquired::AfterWaiting => project.listener.detail("the other forge has ended"),
    }
}
