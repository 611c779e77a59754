//! Ends a plan that has stopped half-way where the database stands: nothing is run.

use super::{
    halfway::plain,
    run::otherwise,
    target::{Promise, Target, read_target},
    work::Work,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Entry, EventKind, Filed, Partly, Revisions},
    plan,
};

/// Records that a person declares the steps that are left to be done, and with them the plan, whichever way it was being run.
/// Returns the numbers of these steps, and what is otherwise than the plan promised, if something is.
///
/// What others have changed that the plan is not about stays drift.
pub async fn end_here(
    work: &Work<'_>,
    revisions: &Revisions,
    revision: &str,
    partly: &Partly,
) -> Result<(Vec<usize>, Option<Diagnostic>)> {
    let (file, undo) = files(work, revision, partly.direction).await?;
    let undo = undo.as_ref().map(|undo| &undo.plan.plan);
    let before = revisions.journal.before(partly).ok_or_else(|| {
        Diagnostic::error(Code::History, "the beginning of the run was not recorded")
    })?;
    let live = read_target(work).await?;
    let left = history::snapshot(work.session, work.scope).await?;
    let steps = 1..=file.plan.plan.steps().count();
    let steps: Vec<usize> = steps.filter(|step| !partly.done.contains(step)).collect();
    plain(work, "BEGIN").await?;
    for step in &steps {
        let entry = Entry::of_step(revision, EventKind::Repaired, *step);
        history::record(work.session, work.actor, &entry).await?;
    }
    let entry = Entry::new(revision, partly.direction.end());
    let ended = history::record(work.session, work.actor, &entry).await?;
    history::forget_backfills(work.session, revision).await?;
    plain(work, "COMMIT").await?;
    let otherwise = otherwise(partly.direction, undo, &live);
    let header = &file.plan.header;
    let (state, left) = match partly.direction {
        Direction::Up | Direction::Down => {
            let is_others = |id: &_| undo.is_some_and(|undo| !plan::is_changed(undo, id, &live));
            let left = left.map(|left| live.with(&left, is_others));
            (before.after(header.from, header.to), left)
        }
        // What the plan has left there is drift, too: it was to go.
        Direction::Abort => (before, left.filter(|left| left.fingerprint() == before)),
    };
    let target = Target::given_up(live, left, revisions.journal.owed());
    let promise = Promise { state, otherwise };
    match target.settle(work, revision, ended, promise).await {
        Ok(()) => Ok((steps, None)),
        Err(error) if error.code() == Code::ResultDiffers => Ok((steps, Some(error))),
        Err(error) => Err(error),
    }
}

/// How many steps a plan has, the way that it is being run.
pub async fn steps_of(work: &Work<'_>, revision: &str, direction: Direction) -> Result<usize> {
    let (file, _) = files(work, revision, direction).await?;
    Ok(file.plan.plan.steps().count())
}

/// The file whose steps were being run, and the undo steps of the plan, which tell what it changes. They need no approval here.
async fn files(
    work: &Work<'_>,
    revision: &str,
    direction: Direction,
) -> Result<(Filed, Option<Filed>)> {
    let down = history::remembered_down(revision, work.session).await;
    let undo = down.as_ref().ok().and_then(Filed::undo);
    let file = match direction {
        Direction::Up => history::remembered(revision, work.session).await?,
        Direction::Down => down?,
        Direction::Abort => match &undo {
            Some(undo) => undo.clone(),
            None => down?,
        },
    };
    Ok((file, undo))
}
