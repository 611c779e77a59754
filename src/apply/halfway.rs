//! A plan that has stopped half-way: what stands of it, and what undoes that.

use std::collections::BTreeSet;

use super::{leftovers, moved::Moved, target::read_target, work::Work};
use crate::{
    catalog::Catalog,
    connection::failure::server_error,
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Entry, EventKind, Filed, Partly, Revisions},
    kinds::{Action, ObjectId, Step},
    plan::{self, Misfit, Plan, Standing, UndoChange, UndoPart, Why, misfits},
};

/// A plan that has stopped half-way.
pub struct Halfway {
    /// The plan.
    pub up: Filed,
    /// What undoes its steps.
    pub undo: Filed,
    /// The numbers of its steps that stand.
    pub stands: BTreeSet<usize>,
    /// Those that have run, or begun to: steps in batches have written some rows then.
    pub ran: BTreeSet<usize>,
    /// The numbers of the undo steps that are not to be run.
    skipped: BTreeSet<usize>,
    live: Catalog,
    /// The partitions that others have added or taken away since.
    moved: Moved,
    /// What keeps the undo from being begun.
    wrong: Vec<String>,
    /// What the undo reaches besides because of them, in words.
    pub reached: Vec<String>,
    /// What it leaves as it is, in words.
    pub left: Vec<String>,
}

/// What of a plan's undo steps does not fit the database any more.
#[derive(Default)]
struct Unfit {
    /// What keeps the undo from being begun.
    wrong: Vec<String>,
    /// The numbers of the undo steps that have nothing to do any more, or no place where they could.
    needless: BTreeSet<usize>,
    /// Which of them leave something as it is.
    leaves: Vec<String>,
}

impl Unfit {
    /// Leaves a step out, and with it what it would have changed.
    fn leave(&mut self, number: usize, step: &Step, why: &str) {
        if self.needless.insert(number) {
            let Step { action, object, .. } = step;
            self.leaves
                .push(format!("{action} {object}, because {why}"));
        }
    }

    /// Leaves out what has no place: a relation that it locks is gone, and no step that is left brings it back.
    fn leave_without_place(&mut self, steps: &[(usize, &Step)], live: &Catalog) {
        // Which name a relation has by then is not for the database to say.
        if steps.iter().any(|(_, step)| step.action == Action::Rename) {
            return;
        }
        let mut there: BTreeSet<String> = live.objects().map(|(id, _)| id.sql()).collect();
        for (number, step) in steps {
            let mut relations = step.locks.iter().map(|(_, relation)| relation);
            match relations.find(|relation| !there.contains(*relation)) {
                Some(_) if step.action == Action::Drop => {
                    self.needless.insert(*number);
                }
                Some(relation) => self.leave(*number, step, &format!("`{relation}` is gone")),
                None if step.action == Action::Create && !self.needless.contains(number) => {
                    there.insert(step.object.sql());
                }
                None => {}
            }
        }
    }
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
        let left = history::snapshot(work.session, work.scope).await?;
        let moved = Moved::between(left.as_ref(), &live, &undo.plan.plan);
        let mut halfway = Self {
            stands: BTreeSet::new(),
            skipped: partly.done.clone(),
            ran: partly.ran.clone(),
            up,
            undo,
            live,
            moved,
            wrong: Vec::new(),
            reached: Vec::new(),
            left: Vec::new(),
        };
        if partly.direction == Direction::Abort {
            halfway.stands = stood(&halfway.undo.plan.plan, &partly.done);
        } else {
            let (up, undo) = (&halfway.up.plan.plan, &halfway.undo.plan.plan);
            let found = plan::standing(up, undo, &partly.done, &halfway.live);
            tell_others(work, revision, &found);
            halfway.skipped = steps_of(undo, |part| !part.is_among(&found.done));
            halfway.ran = found.done.iter().copied().chain(partly.begun).collect();
            halfway.stands = found.done;
        }
        let Unfit {
            wrong,
            needless,
            leaves,
        } = halfway.unfit();
        let leaves = leaves.iter().map(|it| format!("not undone: {it}"));
        halfway.reached = halfway.moved.reached().collect();
        halfway.left = halfway.moved.left().chain(leaves).collect();
        halfway.wrong = wrong;
        halfway.skipped.extend(needless);
        Ok(halfway)
    }

    /// The database as it was read.
    pub fn live(&self) -> &Catalog {
        &self.live
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
                "finish it: `forge apply`, then `forge downgrade -1` goes the plan's own way back; \
                 `forge repair --mark-done rest` ends it where the database stands",
            ));
        }
        if self.wrong.is_empty() {
            return Ok(());
        }
        let error = Diagnostic::error(
            Code::Partial,
            format!(
                "the database is not as revision `{revision}` has left it, so its undo steps do not fit"
            ),
        );
        Err(self.wrong.iter().fold(error, Diagnostic::note).help(
            "take back what was changed by hand since, then run `forge apply --abort` again; \
                 or end the plan where the database stands: `forge repair --mark-done rest`",
        ))
    }

    /// What the undo steps that are left expect and isn't so. What an earlier part changes is looked at by that alone.
    ///
    /// A partition that others have added or taken away keeps no step from being run that is about the rest.
    fn unfit(&self) -> Unfit {
        let mut changed: BTreeSet<&ObjectId> = BTreeSet::new();
        let mut unfit = Unfit {
            needless: self.of_gone_partitions(),
            ..Unfit::default()
        };
        let skipped: BTreeSet<usize> = self.skipped.union(&unfit.needless).copied().collect();
        let mut number = 0;
        for (part, batches) in self.undo.plan.plan.parts() {
            let steps = batches.iter().flat_map(|batch| &batch.steps);
            let numbered: Vec<(usize, &Step)> = (number + 1..).zip(steps).collect();
            let mut own = Plan {
                batches: batches.to_vec(),
                ..Plan::default()
            };
            number = leave(&mut own, number, &skipped);
            if own.is_empty() {
                continue;
            }
            for misfit in misfits(&own, &self.live) {
                if misfit.is_about(&changed) {
                    continue;
                }
                let about = numbered.iter().filter(|(number, step)| {
                    let expects = step.expects.iter().any(|(id, _)| *id == misfit.object);
                    !skipped.contains(number) && (expects || step.object == misfit.object)
                });
                let about: Vec<&(usize, &Step)> = about.collect();
                self.judge(&misfit, &about, &mut unfit);
            }
            changed.extend(part.changes.iter().map(|change| &change.id));
        }
        let numbered = (1..).zip(self.undo.plan.plan.steps());
        let left = numbered.filter(|(number, _)| !self.skipped.contains(number));
        let left: Vec<(usize, &Step)> = left.collect();
        unfit.leave_without_place(&left, &self.live);
        unfit
    }

    /// The undo steps that have no place any more because their partition is gone. What the plan has made of it is still
    /// dropped where it is.
    fn of_gone_partitions(&self) -> BTreeSet<usize> {
        let numbered = || (1..).zip(self.undo.plan.plan.steps());
        let left = numbered().filter(|(number, _)| !self.skipped.contains(number));
        let without = self.moved.without_place(left, &self.live).into_iter();
        let without: BTreeSet<usize> = without.map(|(number, _)| number).collect();
        let drops = |step: &Step| {
            step.action == Action::Drop
                && self.live.contains(&step.object)
                && !self.moved.is_gone(&step.object)
        };
        let needless = numbered().filter(|(number, step)| without.contains(number) && !drops(step));
        needless.map(|(number, _)| number).collect()
    }

    /// Whether steps can be run though an object is not as they expect.
    fn judge(&self, misfit: &Misfit, about: &[&(usize, &Step)], unfit: &mut Unfit) {
        let Misfit { object, why } = misfit;
        let drops = |step: &Step| step.action == Action::Drop && step.object == *object;
        if *why == Why::Partitions {
            if !about.iter().any(|(_, step)| drops(step)) {
                return;
            }
            // What has come to a table that is dropped would be dropped with it.
            match self.moved.added_to(object, &self.live) {
                Some(partition) => unfit.wrong.push(format!(
                    "`{partition}` has become a partition of `{object}`, which is to be dropped: detach it first"
                )),
                None if self.moved.knows(object) => {}
                None => unfit.wrong.push(misfit.to_string()),
            }
            return;
        }
        let partition = self.moved.holds(object, &self.live);
        for (number, step) in about {
            let is_gone = step.action == Action::Drop && !self.live.contains(&step.object);
            let why = match (why, partition) {
                (Why::Gone, _) if is_gone => {
                    unfit.needless.insert(*number);
                    continue;
                }
                (_, Some(partition)) => {
                    format!("others have changed whether `{partition}` is a partition")
                }
                // What a step drops that is still there needs nothing else for that.
                (Why::Gone, None) if step.action == Action::Drop => continue,
                (Why::Gone, None) => format!("`{object}` is gone"),
                (Why::Changed | Why::Exists | Why::Partitions | Why::Needed(_), None) => {
                    unfit.wrong.push(misfit.to_string());
                    return;
                }
            };
            unfit.leave(*number, step, &why);
        }
        if about.is_empty() && *why != Why::Gone {
            unfit.wrong.push(misfit.to_string());
        }
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
        let begins = partly.direction != Direction::Abort;
        let known = if begins {
            BTreeSet::new()
        } else {
            partly.done.clone()
        };
        if !begins && self.skipped.is_subset(&known) {
            return Ok(());
        }
        let revision = self.up.revision();
        plain(work, "BEGIN").await?;
        if begins {
            let entry = Entry::new(revision, EventKind::AbortStart);
            history::record(work.session, work.actor, &entry).await?;
        }
        for step in self.skipped.difference(&known) {
            let entry = Entry::of_step(revision, EventKind::StepFound, *step);
            history::record(work.session, work.actor, &entry).await?;
        }
        plain(work, "COMMIT").await
    }
}

/// A statement of forge's own.
pub(super) async fn plain(work: &Work<'_>, sql: &str) -> Result<()> {
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
            work.listener.note(format_args!("step {step}: {words}"));
        }
    }
    let left = history::snapshot(work.session, work.scope).await?;
    let moved = Moved::between(left.as_ref(), &live, &undo.plan.plan);
    let remaining = (1..)
        .zip(up.plan.plan.steps())
        .filter(|(number, _)| !found.done.contains(number));
    let mut done = found.done.clone();
    for (step, partition) in moved.without_place(remaining, &live) {
        let entry = Entry::of_step(revision, EventKind::StepFound, step);
        history::record(work.session, work.actor, &entry).await?;
        work.listener.warn(format_args!(
            "step {step}: left out, because others have taken the partition `{partition}` away"
        ));
        done.insert(step);
    }
    let numbered = (1..).zip(up.plan.plan.steps());
    let mut lost = numbered.filter(|(number, _)| found.undone.contains(number));
    if lost.any(|(_, step)| step.batching.is_some()) {
        history::forget_backfills(work.session, revision).await?;
    }
    if partly.begun.is_some_and(|step| done.contains(&step)) {
        partly.begun = None;
    }
    partly.done = done;
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
        .help(
            "`forge apply` runs them again, `forge apply --abort` undoes what stands, \
             `forge repair --mark-done rest` ends the plan where the database stands",
        ));
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
        work.listener.warn(format_args!(
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
    .help(
        "finish it: `forge apply`, then `forge downgrade -1` takes it back; \
         `forge repair --mark-done rest` ends it where the database stands",
    )
}
