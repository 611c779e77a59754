//! A plan that has stopped half-way: what stands of it, and what undoes that.

use std::collections::BTreeSet;

use super::{Work, leftovers, target::read_target};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Entry, EventKind, Filed, Partly, Revisions},
    kinds::{Action, ObjectId},
    plan::{self, Plan, Standing, UndoChange, UndoPart, misfits},
    server::failure::server_error,
};

/// A plan that has stopped half-way.
pub struct Halfway {
    /// The plan.
    pub up: Filed,
    /// What undoes its steps.
    pub undo: Filed,
    /// The numbers of its steps that stand.
    pub stands: BTreeSet<usize>,
    /// The step in batches that was begun: some of its rows are written.
    pub begun: Option<usize>,
    /// The numbers of the undo steps that are not to be run.
    skipped: BTreeSet<usize>,
    live: Catalog,
}

impl Halfway {
    /// Looks at what stands of a revision that the journal calls partly applied, or partly undone.
    ///
    /// # Errors
    /// [`Code::Partial`] for a plan without undo steps.
    pub async fn read(
        work: &Work<'_>,
        revisions: &Revisions,
        revision: &str,
        partly: &Partly,
    ) -> Result<Self> {
        let up = history::remembered(revision, work.session).await?;
        let undo = undo_steps(work, revisions, &up).await?;
        let undo = undo.ok_or_else(|| no_undo(revision))?;
        if partly.direction == Direction::Up {
            clear(work, &up.plan.plan, partly).await?;
        }
        let live = read_target(work).await?;
        let begun = partly.begun;
        if partly.direction == Direction::Abort {
            return Ok(Self {
                stands: stood(&undo.plan.plan, &partly.done),
                skipped: partly.done.clone(),
                up,
                undo,
                begun: None,
                live,
            });
        }
        let found = plan::standing(&up.plan.plan, &undo.plan.plan, &partly.done, &live);
        tell_others(work, revision, &found);
        let skipped = steps_of(&undo.plan.plan, |part| !part.is_among(&found.done));
        Ok(Self {
            begun: begun.filter(|step| !found.done.contains(step)),
            stands: found.done,
            skipped,
            up,
            undo,
            live,
        })
    }

    /// Whether each step that stands can be undone, and what the undo steps are about is as the plan has left it.
    ///
    /// # Errors
    /// [`Code::Partial`] with what can't be undone, or is otherwise.
    pub fn can_be_undone(&self) -> Result<()> {
        let revision = self.up.revision();
        let mut stays = Vec::new();
        for (part, _) in self.undo.plan.plan.parts() {
            if part.is_among(&self.stands) {
                let numbers = part.numbers();
                let each = part.stays.iter();
                stays.extend(each.map(|id| format!("step {numbers} changed `{id}` for good")));
            }
        }
        if !stays.is_empty() {
            let error = Diagnostic::error(
                Code::Partial,
                format!("revision `{revision}` cannot be undone from where it stands"),
            );
            return Err(stays.into_iter().fold(error, Diagnostic::note).help(
                "finish it: `forge apply`; then `forge downgrade -1` goes the plan's own way back",
            ));
        }
        let wrong = self.otherwise();
        if wrong.is_empty() {
            return Ok(());
        }
        let error = Diagnostic::error(
            Code::Partial,
            format!(
                "the database is not as revision `{revision}` has left it, so its undo steps do not fit"
            ),
        );
        Err(wrong
            .into_iter()
            .fold(error, Diagnostic::note)
            .help("take back what was changed by hand since, then run `forge apply --abort` again"))
    }

    /// What the undo steps that are left expect and isn't so. What an earlier part changes is looked at by that alone.
    fn otherwise(&self) -> Vec<String> {
        let mut changed: BTreeSet<&ObjectId> = BTreeSet::new();
        let mut wrong = Vec::new();
        let mut number = 0;
        for (part, batches) in self.undo.plan.plan.parts() {
            let mut own = Plan {
                batches: batches.to_vec(),
                ..Plan::default()
            };
            number = leave(&mut own, number, &self.skipped);
            if own.is_empty() {
                continue;
            }
            let is_changed = |id: &ObjectId| {
                let touches = |other: &&ObjectId| {
                    other.path.starts_with(&id.path) || id.path.starts_with(&other.path)
                };
                changed.iter().any(touches)
            };
            let misfits = misfits(&own, &self.live).into_iter();
            let misfits = misfits.filter(|misfit| !is_changed(&misfit.object));
            wrong.extend(misfits.map(|misfit| misfit.to_string()));
            changed.extend(part.changes.iter().map(|change| &change.id));
        }
        wrong
    }

    /// The undo steps that are left.
    pub fn rest(&self) -> Plan {
        let mut rest = self.undo.plan.plan.clone();
        rest.parts.clear();
        leave(&mut rest, 0, &self.skipped);
        rest
    }

    /// Records that the undo begins, and which of its steps have nothing to do; one that has begun goes on.
    pub async fn begin(&self, work: &Work<'_>, partly: &Partly) -> Result<()> {
        if partly.direction == Direction::Abort {
            return Ok(());
        }
        let revision = self.up.revision();
        plain(work, "BEGIN").await?;
        let entry = Entry::new(revision, EventKind::AbortStart);
        history::record(work.session, work.actor, &entry).await?;
        for step in &self.skipped {
            let entry = Entry::of_step(revision, EventKind::StepFound, *step);
            history::record(work.session, work.actor, &entry).await?;
        }
        plain(work, "COMMIT").await
    }
}

/// A statement of forge's own.
async fn plain(work: &Work<'_>, sql: &str) -> Result<()> {
    let ran = work.session.client().execute_typed(sql, &[]).await;
    ran.map(drop).map_err(|error| server_error(&error))
}

/// The undo steps of a revision, as the target remembers them with its way back, or else as they stand in the folder.
async fn undo_steps(work: &Work<'_>, revisions: &Revisions, up: &Filed) -> Result<Option<Filed>> {
    let revision = up.revision();
    let down = match history::remembered_down(revision, work.session).await {
        Ok(down) => Some(down),
        Err(error) if error.code() == Code::History => {
            revisions.folder.downs.get(revision).cloned()
        }
        Err(error) => return Err(error),
    };
    let Some(down) = down else {
        return Ok(None);
    };
    history::check_approved(up, Some(&down), work.signers)?;
    Ok(down.undo())
}

/// Looks at what stands of a plan that goes on, and records what is otherwise than the journal says. A plan without undo steps
/// goes on by the journal alone.
pub(super) async fn as_it_stands(
    work: &Work<'_>,
    up: &Filed,
    undo: Option<&Filed>,
    mut partly: Partly,
) -> Result<Partly> {
    clear(work, &up.plan.plan, &partly).await?;
    let Some(undo) = undo else {
        return Ok(partly);
    };
    let live = read_target(work).await?;
    let found = plan::standing(&up.plan.plan, &undo.plan.plan, &partly.done, &live);
    let revision = up.revision();
    tell_others(work, revision, &found);
    for (steps, kind, words) in [
        (
            &found.undone,
            EventKind::StepUndone,
            "somebody has undone it, so it runs again",
        ),
        (&found.found, EventKind::StepFound, "it is done already"),
    ] {
        for step in steps {
            // One that an earlier run began is that run's: it could not record the end any more.
            let kind = if partly.begun == Some(*step) {
                EventKind::StepDone
            } else {
                kind
            };
            let entry = Entry::of_step(revision, kind, *step);
            history::record(work.session, work.actor, &entry).await?;
            work.reporter.note(format_args!("step {step}: {words}"));
        }
    }
    let numbered = (1..).zip(up.plan.plan.steps());
    let mut lost = numbered.filter(|(number, _)| found.undone.contains(number));
    if lost.any(|(_, step)| step.batching.is_some()) {
        history::forget_backfills(work.session, revision).await?;
    }
    if partly.begun.is_some_and(|step| found.done.contains(&step)) {
        partly.begun = None;
    }
    partly.done = found.done;
    Ok(partly)
}

/// Checks that a step which somebody declares to be done is not seen to be otherwise.
///
/// # Errors
/// [`Code::TargetChanged`] with the objects that tell.
pub async fn check_done(
    work: &Work<'_>,
    revisions: &Revisions,
    revision: &str,
    partly: &Partly,
    step: usize,
) -> Result<()> {
    let up = history::remembered(revision, work.session).await?;
    let undo = undo_steps(work, revisions, &up).await?;
    let (Some(undo), Direction::Up) = (undo, partly.direction) else {
        return Ok(());
    };
    let live = read_target(work).await?;
    let (up, undo) = (&up.plan.plan, &undo.plan.plan);
    let found = plan::standing(up, undo, &partly.done, &live);
    if !found.undone.is_empty() {
        let undone: Vec<String> = found.undone.iter().map(ToString::to_string).collect();
        return Err(Diagnostic::error(
            Code::TargetChanged,
            format!(
                "somebody has undone steps of revision `{revision}`: {}",
                undone.join(", ")
            ),
        )
        .help("`forge apply` runs them again, `forge apply --abort` undoes what stands"));
    }
    let families = live.families();
    let parts = undo.parts.iter();
    let mut own = parts.filter(|part| (part.steps.0..=part.steps.1).contains(&step));
    let changes = own.next().map_or(&[][..], |part| &part.changes);
    let is_before =
        |change: &&UndoChange| families.state(Action::Drop, &change.id) == change.before;
    let before: Vec<&UndoChange> = changes.iter().filter(is_before).collect();
    if changes.is_empty() || before.len() < changes.len() {
        return Ok(());
    }
    let error = Diagnostic::error(
        Code::TargetChanged,
        format!("step {step} of revision `{revision}` is not done"),
    );
    Err(before
        .into_iter()
        .fold(error, |error, change| {
            error.note(format!("`{}` is as it was before the step", change.id))
        })
        .help("`forge apply` runs the step, `forge apply --abort` undoes what stands"))
}

/// Drops what steps outside of transactions have left that did not come to their end.
async fn clear(work: &Work<'_>, up: &Plan, partly: &Partly) -> Result<()> {
    for (number, step) in (1..).zip(up.steps()) {
        if step.action != Action::Data && !partly.done.contains(&number) {
            leftovers::clear(work, step).await?;
        }
    }
    Ok(())
}

/// Takes steps out of a plan whose first one follows the number `before`; returns the number of its last one.
fn leave(plan: &mut Plan, before: usize, skipped: &BTreeSet<usize>) -> usize {
    let mut number = before;
    for batch in &mut plan.batches {
        batch.steps.retain(|_| {
            number += 1;
            !skipped.contains(&number)
        });
    }
    plan.batches.retain(|batch| !batch.steps.is_empty());
    number
}

fn tell_others(work: &Work<'_>, revision: &str, found: &Standing) {
    for id in &found.otherwise {
        work.reporter.warn(format_args!(
            "`{id}` is not as revision {revision} leaves it at any of its steps: somebody has changed it"
        ));
    }
}

/// The undo steps of some parts.
fn steps_of(undo: &Plan, is_meant: impl Fn(&UndoPart) -> bool) -> BTreeSet<usize> {
    let mut number = 0;
    let mut steps = BTreeSet::new();
    for (part, batches) in undo.parts() {
        for _ in batches.iter().flat_map(|batch| &batch.steps) {
            number += 1;
            if is_meant(part) {
                steps.insert(number);
            }
        }
    }
    steps
}

/// The plan's steps that still stand where these undo steps are done.
fn stood(undo: &Plan, done: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut number = 0;
    let mut stands = BTreeSet::new();
    for (part, batches) in undo.parts() {
        let steps = batches.iter().map(|batch| batch.steps.len()).sum::<usize>();
        let own = number + 1..=number + steps;
        number += steps;
        if !own.clone().all(|step| done.contains(&step)) {
            stands.extend(part.steps.0..=part.steps.1);
        }
    }
    stands
}

fn no_undo(revision: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Partial,
        format!("revision `{revision}` has no undo steps"),
    )
    .note("it was planned by an earlier version of forge, or its `.down.sql` was not there when it was begun")
    .help("finish it: `forge apply`; then `forge downgrade -1` takes it back")
}
