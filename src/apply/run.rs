//! Runs one plan: batch by batch, recorded, from where an earlier run stopped.

use std::{collections::BTreeSet, pin::pin, time::Instant};

use super::{
    Work, backfill, check,
    failure::{Cause, Failure, Rest, explain, verb},
    leftovers,
    retry::{self, Tries},
};
use crate::{
    cancel::Urgency,
    catalog::{Catalog, Fingerprint, introspect},
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Body, Direction, Entry, EventKind, Filed, Journal, Partly, Standing, StepOf},
    kinds::{Action, Rollout, Step},
    plan::{Batch, file::SETTINGS},
    report::Status,
    server::failure::server_error,
    source::writes_rows,
    sql::Literal,
};

/// A plan to run.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// Which way the file leads.
    pub direction: Direction,
    /// The file whose steps are run.
    pub file: &'a Filed,
    /// The way back, to be remembered with a plan that is applied.
    pub down: Option<&'a Filed>,
    /// The part of the plan behind which to stop.
    pub phase: Option<Rollout>,
}

/// Where a run has led.
pub enum Reached {
    /// The plan's end, with the catalog that it leaves.
    End(Catalog),
    /// The end of the part that was asked for; this one comes next.
    Before(Rollout),
}

/// The target's catalog as it is now, as far as it is managed.
pub async fn read_target(work: &Work<'_>) -> Result<Catalog> {
    let mut live = introspect(work.session, None).await?;
    work.scope.restrict(&mut live);
    Ok(live)
}

/// Runs an approved plan on the target, whose catalog is `live` and which remembers `journal`. The caller holds the lock.
///
/// A plan that has been run already changes nothing.
///
/// # Errors
/// [`Code::Draft`] and [`Code::EditedPlan`] for a plan that isn't what was approved, [`Code::TargetChanged`] for a target
/// that isn't what it was made for, [`Code::History`] for a part of a plan before which others have to come,
/// [`Code::Partial`] if some of it stands and the next run goes on,
/// [`Code::ResultDiffers`] if all of it stands and the target isn't what it promised.
pub async fn run(
    work: &Work<'_>,
    script: &Script<'_>,
    journal: &Journal,
    live: Catalog,
) -> Result<Reached> {
    let Filed { path, plan, .. } = script.file;
    plan.check_frozen(path)?;
    let partly = match (script.direction, journal.standing(script.file.revision())) {
        (Direction::Up, Standing::Applied) | (Direction::Down, Standing::Absent) => {
            return Ok(Reached::End(live));
        }
        (Direction::Up, Standing::Absent) | (Direction::Down, Standing::Applied) => None,
        (direction, Standing::Partly(partly)) if partly.direction == direction => Some(partly),
        (_, Standing::Partly(partly)) => return Err(other_way(script, &partly)),
    };
    if let Some(next) = nothing_in_phase(script, partly.as_ref())? {
        return Ok(Reached::Before(next));
    }
    suits(work, script)?;
    let (before, partly) = match partly {
        None => {
            check(path, plan, &live)?;
            let before = live.fingerprint();
            begin(work, script, before).await?;
            (before, None)
        }
        Some(partly) => {
            same_plan(script, journal)?;
            let before = journal.before(&partly).ok_or_else(|| {
                Diagnostic::error(Code::History, "the beginning of the run was not recorded")
            })?;
            (before, Some(partly))
        }
    };
    announce(work, script, partly.as_ref());
    let ended = match Runner::new(work, script, partly).steps().await? {
        Came::ToTheEnd(ended) => ended,
        Came::Before(next) => return Ok(Reached::Before(next)),
    };
    let after = read_target(work).await?;
    let promised = before.after(plan.header.from, plan.header.to);
    settle(work, script.file.revision(), ended, promised, &after).await?;
    Ok(Reached::End(after))
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

/// Takes the snapshot that an earlier run was killed before, if it was. The caller holds the lock.
///
/// # Errors
/// [`Code::ResultDiffers`] if the target isn't what the last revision promised.
pub async fn finish(work: &Work<'_>, journal: &Journal, live: &Catalog) -> Result<()> {
    match (journal.last_settled(), journal.promised()) {
        (Some(last), Some(promised)) if !journal.is_settled() => {
            settle(work, &last.revision, last.id, promised, live).await
        }
        _ => Ok(()),
    }
}

fn other_way(script: &Script<'_>, partly: &Partly) -> Diagnostic {
    let (participle, command) = verb(partly.direction);
    Diagnostic::error(
        Code::Partial,
        format!(
            "revision `{}` is partly {participle}",
            script.file.revision()
        ),
    )
    .help(format!("bring it to its end first: `{command}`"))
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
        work.reporter.warn(format_args!(
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
    if same || script.direction == Direction::Down {
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
    let kind = match script.direction {
        Direction::Up => {
            history::ensure(work.session).await?;
            let body = Body {
                up: script.file.text.clone(),
                down: script.down.map(|down| down.text.clone()),
            };
            history::register(work.session, &script.file.plan, &body).await?;
            EventKind::ApplyStart
        }
        Direction::Down => {
            history::ensure(work.session).await?;
            EventKind::RevertStart
        }
    };
    history::forget_backfills(work.session, script.file.revision()).await?;
    let entry = Entry {
        fingerprint: Some(before),
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
    work.reporter.note(match script.direction {
        Direction::Up => format!("Running upgrade {parents} -> {revision}, {message}"),
        Direction::Down => format!("Running downgrade {revision} -> {parents}, {message}"),
    });
    for done in partly.iter().flat_map(|partly| &partly.done) {
        work.reporter.status(
            Status::Skipped,
            format_args!("step {done}: done by an earlier run"),
        );
    }
}

/// Compares what the plan left with what it promised, and keeps it.
async fn settle(
    work: &Work<'_>,
    revision: &str,
    ended: i64,
    promised: Fingerprint,
    after: &Catalog,
) -> Result<()> {
    let found = after.fingerprint();
    if found == promised {
        return history::save_snapshot(work.session, ended, after).await;
    }
    let entry = Entry {
        fingerprint: Some(found),
        ..Entry::new(revision, EventKind::Differs)
    };
    let event = history::record(work.session, work.actor, &entry).await?;
    history::save_snapshot(work.session, event, after).await?;
    Err(Diagnostic::error(
        Code::ResultDiffers,
        format!(
            "all steps of revision `{revision}` stand, but the database is not what it promised"
        ),
    )
    .note(format!("promised {promised}, found {found}"))
    .note("somebody changed the database meanwhile, or a statement does more than its plan says")
    .help("`forge plan` shows what is different from the schema tree"))
}

/// How far a runner came.
enum Came {
    /// All is done, as this event says.
    ToTheEnd(i64),
    /// The part that was asked for is done; this one comes next.
    Before(Rollout),
}

/// What stopped a batch.
enum Stop<'a> {
    Step(Failure<'a>),
    Record(Diagnostic),
}

impl From<Diagnostic> for Stop<'_> {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Record(diagnostic)
    }
}

/// A batch with the number of its first step.
#[derive(Clone, Copy)]
struct Numbered<'a> {
    first: usize,
    batch: &'a Batch,
    is_last: bool,
}

impl<'a> Numbered<'a> {
    fn steps(self) -> impl Iterator<Item = (usize, &'a Step)> {
        (self.first..).zip(&self.batch.steps)
    }
}

/// The run of one plan.
struct Runner<'a> {
    work: &'a Work<'a>,
    script: &'a Script<'a>,
    total: usize,
    stands: usize,
    /// The step outside of any transaction whose end is unknown.
    begun: Option<usize>,
    done: BTreeSet<usize>,
    /// The event that says that all is done.
    ended: Option<i64>,
}

impl<'a> Runner<'a> {
    fn new(work: &'a Work<'a>, script: &'a Script<'a>, partly: Option<Partly>) -> Self {
        let (done, begun) =
            partly.map_or_else(Default::default, |partly| (partly.done, partly.begun));
        Self {
            work,
            script,
            total: script.file.plan.plan.steps().count(),
            stands: done.len(),
            begun,
            done,
            ended: None,
        }
    }

    fn revision(&self) -> &'a str {
        self.script.file.revision()
    }

    /// Runs what isn't done yet.
    async fn steps(mut self) -> Result<Came> {
        self.set_up().await?;
        let batches = &self.script.file.plan.plan.batches;
        let mut first = 1;
        for (index, batch) in batches.iter().enumerate() {
            let numbered = Numbered {
                first,
                batch,
                is_last: index + 1 == batches.len(),
            };
            first += batch.steps.len();
            if numbered
                .steps()
                .all(|(number, _)| self.done.contains(&number))
            {
                continue;
            }
            let next = batch.rollout();
            if self.script.phase.is_some_and(|phase| next > phase) {
                return Ok(Came::Before(next));
            }
            let whole = batch.steps.iter().all(|step| step.batching.is_none());
            if batch.transactional || (whole && writes_only(batch)) {
                self.transaction(numbered).await?;
            } else {
                self.alone(numbered).await?;
            }
            for notice in self.work.session.take_notices() {
                self.work.reporter.diagnostic(&notice);
            }
        }
        Ok(Came::ToTheEnd(match self.ended {
            Some(ended) => ended,
            None => self.record_end().await?,
        }))
    }

    async fn set_up(&self) -> Result<()> {
        let name = format!("forge/{}/{}", self.work.actor.run, self.revision());
        let name = format!("SET application_name = {}", Literal(&name));
        for sql in SETTINGS.iter().copied().chain([name.as_str()]) {
            self.plain(sql).await?;
        }
        Ok(())
    }

    async fn record_end(&self) -> Result<i64> {
        let kind = match self.script.direction {
            Direction::Up => EventKind::Applied,
            Direction::Down => EventKind::Reverted,
        };
        self.record(&Entry::new(self.revision(), kind)).await
    }

    async fn record(&self, entry: &Entry<'_>) -> Result<i64> {
        history::record(self.work.session, self.work.actor, entry).await
    }

    /// A statement of forge's own, which nobody interrupts.
    async fn plain(&self, sql: &str) -> Result<()> {
        let client = self.work.session.client();
        client
            .batch_execute(sql)
            .await
            .map_err(|error| server_error(&error))
    }

    /// A statement of the plan.
    async fn execute(&self, sql: &str) -> Result<(), Cause> {
        unless_cancelled(self.work, self.work.session.client().batch_execute(sql)).await
    }

    /// All statements of a step.
    async fn step(&self, number: usize, step: &'a Step) -> Result<(), Failure<'a>> {
        let fail = |sql, cause| Failure {
            number,
            step,
            sql,
            cause,
        };
        if self.work.cancel.urgency() >= Urgency::Soon {
            return Err(fail(None, Cause::Stopped));
        }
        for sql in &step.sql {
            let executed = self.execute(sql).await;
            executed.map_err(|cause| fail(Some(sql.as_str()), cause))?;
        }
        Ok(())
    }

    /// Runs a batch in a transaction, again if others were in the way.
    async fn transaction(&mut self, batch: Numbered<'a>) -> Result<()> {
        let mut tries = Tries::new();
        loop {
            let stop = match self.try_transaction(batch).await {
                Ok(ended) => {
                    self.ended = ended;
                    self.stands += batch.batch.steps.len();
                    for (number, step) in batch.steps() {
                        self.tell(number, step);
                    }
                    return Ok(());
                }
                Err(stop) => stop,
            };
            // If the connection has gone, so has the transaction.
            drop(self.plain("ROLLBACK").await);
            match stop {
                Stop::Record(diagnostic) => return Err(diagnostic),
                Stop::Step(failure) => {
                    if !self.may_try_again(&mut tries, &failure).await {
                        return Err(self.fail(&failure).await);
                    }
                }
            }
        }
    }

    async fn try_transaction(&self, batch: Numbered<'a>) -> Result<Option<i64>, Stop<'a>> {
        let progress = self.work.reporter.progress("");
        self.plain("BEGIN").await?;
        self.plain(include_str!("sql/lock_timeout.sql")).await?;
        for (number, step) in batch.steps() {
            progress.message(format!("{} {}", step.action, step.object));
            progress.position(number as u64, self.total as u64);
            let started = Instant::now();
            self.step(number, step).await.map_err(Stop::Step)?;
            self.record_done(number, started).await?;
        }
        let ended = if batch.is_last {
            Some(self.record_end().await?)
        } else {
            None
        };
        let (number, step) = batch.steps().last().expect("a batch has steps");
        let committed = self.work.session.client().batch_execute("COMMIT").await;
        committed.map_err(|error| {
            Stop::Step(Failure {
                number,
                step,
                sql: None,
                cause: Cause::Server(error),
            })
        })?;
        Ok(ended)
    }

    async fn record_done(&self, number: usize, started: Instant) -> Result<i64> {
        self.record(&Entry {
            duration: Some(started.elapsed()),
            ..Entry::of_step(self.revision(), EventKind::StepDone, number)
        })
        .await
    }

    /// Runs a step outside of any transaction, which is announced before and recorded after.
    async fn alone(&mut self, batch: Numbered<'a>) -> Result<()> {
        let (number, step) = batch.steps().next().expect("a batch has steps");
        let started = Instant::now();
        if step.batching.is_some() {
            self.in_batches(number, step).await?;
        } else if self.begun != Some(number) || !self.came_to_its_end(step).await? {
            let progress = self
                .work
                .reporter
                .progress(format!("{} {}", step.action, step.object));
            progress.position(number as u64, self.total as u64);
            let mut tries = Tries::new();
            loop {
                let entry = Entry::of_step(self.revision(), EventKind::StepStart, number);
                self.record(&entry).await?;
                let Err(failure) = self.step(number, step).await else {
                    break;
                };
                if failure.cause.ends_connection() {
                    return Err(self.explained(&failure, Rest::Unknown).await);
                }
                if let Err(error) = leftovers::clear(self.work, step).await {
                    // The step stays begun: the next run clears what is left.
                    return Err(self.explained(&failure, Rest::Unknown).await.with(error));
                }
                if !self.may_try_again(&mut tries, &failure).await {
                    return Err(self.fail(&failure).await);
                }
            }
        }
        self.plain("BEGIN").await?;
        self.record_done(number, started).await?;
        if batch.is_last {
            self.ended = Some(self.record_end().await?);
        }
        self.plain("COMMIT").await?;
        self.stands += 1;
        self.tell(number, step);
        Ok(())
    }

    /// Runs a step in batches, each in a transaction of its own, behind those of earlier runs.
    async fn in_batches(&self, number: usize, step: &'a Step) -> Result<()> {
        let entry = Entry::of_step(self.revision(), EventKind::StepStart, number);
        self.record(&entry).await?;
        let of = StepOf {
            revision: self.revision(),
            number,
        };
        let Err(backfill::Stopped { cause, rows_done }) =
            backfill::carry_out(self.work, of, step).await
        else {
            return Ok(());
        };
        let sql = step.sql.first().map(String::as_str);
        let failure = Failure {
            number,
            step,
            sql,
            cause,
        };
        let untouched = rows_done == 0 && self.begun != Some(number);
        // That somebody has aborted it is remembered with the step, which has to stay begun for that.
        if untouched && !failure.cause.is_abort() {
            return Err(self.fail(&failure).await);
        }
        let error = failure.cause.recorded();
        let entry = Entry {
            sqlstate: failure.cause.sqlstate(),
            error: Some(&error),
            ..Entry::of_step(self.revision(), EventKind::StepStopped, number)
        };
        // Without the record, the next run knows from the step's own how far it came.
        drop(self.record(&entry).await);
        Err(self.explained(&failure, Rest::Rows(rows_done)).await)
    }

    /// Whether a step that an earlier run began was done when that run ended. Clears what it left otherwise.
    async fn came_to_its_end(&self, step: &Step) -> Result<bool> {
        leftovers::clear(self.work, step).await?;
        let live = read_target(self.work).await?;
        Ok(check::came_to_its_end(step, &live))
    }

    async fn may_try_again(&self, tries: &mut Tries, failure: &Failure<'_>) -> bool {
        match failure.cause.reported() {
            Some(error) if retry::is_worth_another_try(error) => {
                tries.wait(self.work, failure.step, error).await
            }
            Some(_) | None => false,
        }
    }

    /// Records that a step failed of which nothing stands. Returns the error that says so.
    async fn fail(&self, failure: &Failure<'_>) -> Diagnostic {
        let error = failure.cause.recorded();
        let entry = Entry {
            sqlstate: failure.cause.sqlstate(),
            error: Some(&error),
            ..Entry::of_step(self.revision(), EventKind::StepFailed, failure.number)
        };
        // Without the record, the next run finds out by itself that the step isn't done.
        drop(self.record(&entry).await);
        let committing = failure.sql.is_none() && failure.cause.ends_connection();
        let rest = if committing {
            Rest::Unknown
        } else {
            Rest::Nothing
        };
        self.explained(failure, rest).await
    }

    async fn explained(&self, failure: &Failure<'_>, rest: Rest) -> Diagnostic {
        let what = format!(
            "step {}: {} {}",
            failure.number, failure.step.action, failure.step.object
        );
        self.work.reporter.status(Status::Failed, what);
        let reported = failure.cause.reported();
        let blockers = if reported.is_some_and(retry::is_worth_another_try) {
            retry::blockers(self.work, failure.step).await
        } else {
            Vec::new()
        };
        explain(self.script, failure, (self.stands, rest), blockers)
    }

    fn tell(&self, number: usize, step: &Step) {
        self.work.reporter.status(
            Status::Applied,
            format_args!("step {number}: {} {}", step.action, step.object),
        );
    }
}

/// Whether steps outside of any transaction only write rows: then they are carried out in one together with their record, so
/// that nothing is written twice.
pub(super) fn writes_only(batch: &Batch) -> bool {
    batch
        .steps
        .iter()
        .all(|step| step.action == Action::Data && step.sql.iter().all(|sql| writes_rows(sql)))
}

/// A statement of the plan, until the user wants to stop at once.
pub(super) async fn unless_cancelled<T>(
    work: &Work<'_>,
    running: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Cause> {
    let mut running = pin!(running);
    tokio::select! {
        result = &mut running => result.map_err(Cause::Server),
        () = work.cancel.reached(Urgency::Now) => {
            // If the request doesn't get through, the statement runs to its end and the next one isn't begun.
            drop(work.session.cancel_token().cancel().await);
            running.await.map_err(|_| Cause::Stopped)
        }
    }
}
