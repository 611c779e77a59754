//! Runs one plan: batch by batch, recorded, from where an earlier run stopped.

use std::collections::BTreeSet;

use super::{
    check::{check, check_partitions},
    halfway::as_it_stands,
    rows::{Remaining, look_for_rows, refuse},
    runner::{Came, Runner},
    script::Script,
    target::{Promise, Target, read_target},
    work::Work,
};
use crate::{
    catalog::{Catalog, Fingerprint},
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Body, Direction, Entry, EventKind, Filed, Journal, Partly, Standing},
    kinds::Rollout,
    listener::Status,
    plan::{self, End, Plan},
};

/// Where a run has led.
pub enum Reached {
    /// The plan's end, with the target as it leaves it.
    End(Box<Target>),
    /// The end of the part that was asked for; this one comes next.
    Before(Rollout),
}

/// Runs an approved plan on the target, which remembers `journal`. The caller holds the lock.
///
/// A plan that has been run already changes nothing.
///
/// # Errors
/// [`Code::Draft`] and [`Code::EditedPlan`] for a plan that isn't what was approved, [`Code::Hazard`] for one that does what
/// its approval does not allow, [`Code::Signature`] for one that nobody has signed who has to, [`Code::TargetChanged`] for a
/// target that isn't what it was made for, [`Code::History`] for a part of a plan before which others have to come,
/// [`Code::Partial`] if some of it stands and the next run goes on,
/// [`Code::ResultDiffers`] if all of it stands and the target isn't what it promised.
pub async fn run(
    work: &Work<'_>,
    script: &Script<'_>,
    journal: &Journal,
    target: Target,
) -> Result<Reached> {
    let Filed { path, plan, .. } = script.file;
    match script.direction {
        Direction::Up => history::check_approved(script.file, script.down, work.signers)?,
        // Whoever names it has checked it with its plan.
        Direction::Down => {
            plan.check_frozen(path)?;
        }
        // The undo steps are frozen with the way back in whose file they stand.
        Direction::Abort => {}
    }
    let partly = match (script.direction, journal.standing(script.file.revision())) {
        (Direction::Up, Standing::Applied)
        | (Direction::Down | Direction::Abort, Standing::Absent) => {
            return Ok(Reached::End(Box::new(target)));
        }
        (Direction::Up, Standing::Absent) | (Direction::Down, Standing::Applied) => None,
        (direction, Standing::Partly(partly)) if partly.direction == direction => Some(partly),
        (_, Standing::Partly(partly)) => return Err(other_way(script, &partly)),
        (Direction::Abort, Standing::Applied) => {
            return Err(Diagnostic::error(
                Code::History,
                format!("revision `{}` is applied", script.file.revision()),
            )
            .help("`forge downgrade -1` takes it back"));
        }
    };
    if let Some(next) = nothing_in_phase(script, partly.as_ref())? {
        return Ok(Reached::Before(next));
    }
    suits(work, script)?;
    let partly = match partly {
        Some(partly) if script.direction == Direction::Up => {
            same_plan(script, journal)?;
            let undo = script.down.and_then(Filed::undo);
            Some(as_it_stands(work, script.file, undo.as_ref(), partly).await?)
        }
        partly => partly,
    };
    if let (Some(partly), Direction::Up | Direction::Down) = (&partly, script.direction) {
        check_partitions(path, &plan.plan, &partly.done, &target.live)?;
    }
    if let Some(partly) = partly.as_ref().filter(|partly| !partly.done.is_empty()) {
        let total = plan.plan.steps().count();
        let revision = script.file.revision();
        work.unfinished
            .stand(script.direction, revision, (partly.done.len(), total));
    }
    if script.direction == Direction::Up {
        let none = BTreeSet::new();
        let done = partly.as_ref().map_or(&none, |partly| &partly.done);
        history::check_covered(path.as_str(), plan, &target.live, done)?;
    }
    if partly.is_none() {
        check(path, plan, &target.live)?;
    }
    if work.looks_for_rows {
        no_row_in_the_way(work, script, &target.live, partly.as_ref()).await?;
    }
    let (before, partly) = match partly {
        None => {
            let before = target.live.fingerprint();
            begin(work, script, before).await?;
            (before, None)
        }
        Some(partly) => {
            let before = journal.before(&partly).ok_or_else(|| {
                Diagnostic::error(Code::History, "the beginning of the run was not recorded")
            })?;
            record_start(work, script, None).await?;
            (before, Some(partly))
        }
    };
    announce(work, script, partly.as_ref());
    let ended = match Runner::new(work, script, partly).steps().await? {
        Came::ToTheEnd(ended) => ended,
        Came::Before(next) => return Ok(Reached::Before(next)),
    };
    let revision = script.file.revision();
    work.unfinished.not_verified(revision);
    let (from, goal) = match script.direction {
        Direction::Up | Direction::Down => (plan.header.from, plan.header.to),
        // It ends where the plan began.
        Direction::Abort => (before, before),
    };
    let after = read_target(work).await?;
    let target = match script.direction {
        Direction::Up | Direction::Down => target.behind(after, (from, goal)),
        Direction::Abort => {
            let left = history::snapshot(work.session, work.scope).await?;
            target.behind_undo(after, left, before)
        }
    };
    let undo = match script.direction {
        Direction::Up => script.down.and_then(Filed::undo),
        Direction::Down => script.file.undo(),
        Direction::Abort => Some(script.file.clone()),
    };
    let undo = undo.as_ref().map(|undo| &undo.plan.plan);
    let promise = Promise {
        state: before.after(from, goal),
        otherwise: otherwise(script.direction, undo, &target.live),
    };
    target.settle(work, revision, ended, promise).await?;
    work.unfinished.ended(script.direction, revision);
    Ok(Reached::End(Box::new(target)))
}

/// What a plan changes and is not as it leaves it if it is run this way. Without undo steps, nothing is known of that.
pub(super) fn otherwise(direction: Direction, undo: Option<&Plan>, live: &Catalog) -> Vec<String> {
    let end = match direction {
        Direction::Up => End::Last,
        Direction::Down | Direction::Abort => End::First,
    };
    undo.map_or_else(Vec::new, |undo| plan::unlike(undo, end, live))
}

/// Looks for rows on which one of the steps fails that would be run.
async fn no_row_in_the_way(
    work: &Work<'_>,
    script: &Script<'_>,
    live: &Catalog,
    partly: Option<&Partly>,
) -> Result<()> {
    let plan = &script.file.plan.plan;
    let mut done = partly.map_or_else(BTreeSet::new, |partly| partly.done.clone());
    // What isn't asked for now isn't run now.
    if let Some(last) = script.phase {
        let later = (1..)
            .zip(plan.steps())
            .filter(|(_, step)| step.rollout > last);
        done.extend(later.map(|(number, _)| number));
    }
    let looked = look_for_rows(work.session, live, [Remaining { plan, done: &done }]).await;
    for skipped in &looked.skipped {
        work.listener.note(skipped);
    }
    refuse(script.file.revision(), partly.is_some(), &looked)
}

/// The part that comes next, if the one that was asked for is done already.
///
/// # Errors
/// [`Code::History`] if earlier parts aren't done.
fn nothing_in_phase(script: &Script<'_>, partly: Option<&Partly>) -> Result<Option<Rollout>> {
    let Some(wanted) = script.phase else {
        return Ok(None);
    };
    let nothing = BTreeSet::new();
    let done = partly.map_or(&nothing, |partly| &partly.done);
    let revision = script.file.revision();
    match script.file.plan.plan.next_rollout(done) {
        Some(next) if next > wanted => Ok(Some(next)),
        Some(next) if next < wanted => Err(Diagnostic::error(
            Code::History,
            format!(
                "phase `{wanted}` of revision `{revision}` comes behind `{next}`, which isn't done"
            ),
        )
        .help(format!(
            "`forge apply --phase {next}` first; without `--phase`, all that is left is applied"
        ))),
        Some(_) | None => Ok(None),
    }
}

fn other_way(script: &Script<'_>, partly: &Partly) -> Diagnostic {
    let (participle, _) = partly.direction.words();
    Diagnostic::error(
        Code::Partial,
        format!(
            "revision `{}` is partly {participle}",
            script.file.revision()
        ),
    )
    .help(partly.direction.ways_out())
}

/// Whether the server will do.
fn suits(work: &Work<'_>, script: &Script<'_>) -> Result<()> {
    if work.session.is_standby() {
        return Err(Diagnostic::error(
            Code::Server,
            "the server is a standby, on which nothing can be changed",
        )
        .help("connect to the primary, or add `target_session_attrs=read-write` to the URL"));
    }
    let (planned, found) = (script.file.plan.header.postgres, work.session.major());
    if planned != found {
        work.listener.warn(format_args!(
            "`{}` was made for PostgreSQL {planned}, the server is PostgreSQL {found}",
            script.file.path
        ));
    }
    Ok(())
}

/// What has been run can't be changed any more.
fn same_plan(script: &Script<'_>, journal: &Journal) -> Result<()> {
    let header = &script.file.plan.header;
    let recorded = journal.revisions.get(&header.revision);
    let approved = header.approval.as_ref().map(|approval| &approval.sha256);
    let same = recorded.map(|recorded| &recorded.sha256) == approved;
    if same || script.direction != Direction::Up {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::EditedPlan,
        format!(
            "`{}` was changed after a part of it had been applied",
            script.file.path
        ),
    )
    .help("`forge show --applied` prints the plan as it was begun: put it back and apply it to its end"))
}

async fn begin(work: &Work<'_>, script: &Script<'_>, before: Fingerprint) -> Result<()> {
    history::ensure(work.session).await?;
    match script.direction {
        Direction::Up => {
            let body = Body {
                up: script.file.text.clone(),
                down: script.down.map(|down| down.text.clone()),
            };
            history::register(work.session, &script.file.plan, &body).await?;
        }
        Direction::Down | Direction::Abort => {}
    }
    history::forget_backfills(work.session, script.file.revision()).await?;
    record_start(work, script, Some(before)).await
}

/// Records that a run begins, or goes on: from then on it is known which process of the server carries it out.
async fn record_start(
    work: &Work<'_>,
    script: &Script<'_>,
    before: Option<Fingerprint>,
) -> Result<()> {
    let kind = match script.direction {
        Direction::Up => EventKind::ApplyStart,
        Direction::Down => EventKind::RevertStart,
        Direction::Abort => EventKind::AbortStart,
    };
    let entry = Entry {
        fingerprint: before,
        backup: work.backup,
        ..Entry::new(script.file.revision(), kind)
    };
    history::record(work.session, work.actor, &entry).await?;
    Ok(())
}

fn announce(work: &Work<'_>, script: &Script<'_>, partly: Option<&Partly>) {
    let header = &script.file.plan.header;
    let (revision, parents) = (&header.revision, header.down_revision.join(", "));
    let message = &header.message;
    work.listener.note(match script.direction {
        Direction::Up => format!("Running upgrade {parents} -> {revision}, {message}"),
        Direction::Down => format!("Running downgrade {revision} -> {parents}, {message}"),
        Direction::Abort => format!("Running undo of {revision}, {message}"),
    });
    // Undo steps with nothing to do aren't worth a word.
    let is_told = script.direction != Direction::Abort;
    let done = partly.iter().filter(|_| is_told);
    for done in done.flat_map(|partly| &partly.done) {
        work.listener
            .status(Status::Skipped, format_args!("step {done}: done already"));
    }
}
