//! Carries out the steps of one plan: batch by batch, each recorded, what others are in the way of again.

use std::{collections::BTreeSet, time::Instant};

use super::{
    backfill,
    cause::{Cause, unless_cancelled},
    check,
    commit::commit,
    failure::{Failure, Rest, Stood, explain},
    kept::{self, Copy},
    leftovers,
    partitions::Partitioned,
    retry::{self, Next, Tries},
    script::Script,
    target::read_target,
    watch::{Watched, watched},
    work::{Dropped, Work},
};
use crate::{
    cancel::Urgency,
    connection::failure::server_error,
    diagnostic::{Diagnostic, Result},
    history::{self, Direction, Entry, EventKind, Partly, Running, StepOf},
    kinds::{Action, Rollout, Step},
    listener::{Progress, Status},
    plan::{Batch, file::SETTINGS},
    source::writes_rows,
    sql::Literal,
};

/// How far a runner came.
pub(super) enum Came {
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

/// What a transaction has left.
struct Committed {
    /// The event that says that all is done, if it is.
    ended: Option<i64>,
    /// What it has kept of what it dropped.
    copies: Vec<Copy>,
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

    /// `3`, `3-7`.
    fn numbers(self) -> String {
        match self.batch.steps.len() {
            1 => self.first.to_string(),
            count => format!("{}-{}", self.first, self.first + count - 1),
        }
    }

    /// `step 3`, `steps 3-7`.
    fn name(self) -> String {
        let plural = if self.batch.steps.len() > 1 { "s" } else { "" };
        format!("step{plural} {}", self.numbers())
    }
}

/// The run of one plan.
pub(super) struct Runner<'a> {
    work: &'a Work<'a>,
    script: &'a Script<'a>,
    total: usize,
    stands: usize,
    /// The step outside of any transaction whose end is unknown.
    begun: Option<usize>,
    done: BTreeSet<usize>,
    /// The event that says that all is done.
    ended: Option<i64>,
    partitioned: Partitioned,
}

impl<'a> Runner<'a> {
    pub(super) fn new(work: &'a Work<'a>, script: &'a Script<'a>, partly: Option<Partly>) -> Self {
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
            partitioned: Partitioned::default(),
        }
    }

    fn revision(&self) -> &'a str {
        self.script.file.revision()
    }

    /// Runs what isn't done yet.
    pub(super) async fn steps(mut self) -> Result<Came> {
        self.tell_standing(self.begun);
        self.set_up().await?;
        let plan = &self.script.file.plan.plan;
        self.partitioned = Partitioned::read(self.work.session, plan).await?;
        let batches = &plan.batches;
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
            self.show(numbered).await?;
            let whole = batch.steps.iter().all(|step| step.batching.is_none());
            if batch.transactional || (whole && writes_only(batch)) {
                self.transaction(numbered).await?;
            } else {
                self.alone(numbered).await?;
            }
            for notice in self.work.session.take_notices() {
                self.work.listener.diagnostic(&notice);
            }
        }
        if let Some(ended) = self.ended {
            return Ok(Came::ToTheEnd(ended));
        }
        self.plain("BEGIN").await?;
        let ended = self.record_end().await?;
        self.plain("COMMIT").await?;
        Ok(Came::ToTheEnd(ended))
    }

    /// Keeps what the command ends with if something else than a step fails. `unknown` is the step that may stand.
    fn tell_standing(&self, unknown: Option<usize>) {
        let Self { stands, total, .. } = *self;
        let (direction, unfinished) = (self.script.direction, self.work.unfinished);
        let revision = self.revision();
        match unknown {
            Some(number) => unfinished.begun(direction, format!(
                "{stands} of {total} steps of revision `{revision}` stand; whether step {number} does is found out by the next run"
            )),
            None if stands == 0 => unfinished.nothing(),
            None => unfinished.stand(direction, revision, (stands, total)),
        }
    }

    async fn set_up(&self) -> Result<()> {
        for sql in SETTINGS {
            self.plain(sql).await?;
        }
        Ok(())
    }

    /// Tells the server's administrator, and whoever waits for the lock, what the session is at.
    async fn show(&self, batch: Numbered<'_>) -> Result<()> {
        self.work.session.must_be_as_it_began().await?;
        let run = Running::session_name(&self.work.actor.run);
        let name = format!("{run}{}/{}", self.revision(), batch.numbers());
        let name = Literal(&name);
        self.plain(&format!("SET application_name = {name}")).await
    }

    async fn record_end(&self) -> Result<i64> {
        let kind = self.script.direction.end();
        let ended = self.record(&Entry::new(self.revision(), kind)).await?;
        if self.script.direction == Direction::Up && self.work.is_followed {
            // In the same transaction, so that whatever ends this run, the next knows of it.
            let due = Entry::new(self.revision(), EventKind::AfterDue);
            self.record(&due).await?;
        }
        Ok(ended)
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

    /// A statement of the plan: exactly one, or the server takes none. One that grants or revokes has to do all of it.
    async fn execute(&self, sql: &str) -> Result<(), Cause> {
        let session = self.work.session;
        let running = Box::pin(session.execute_as_parsed(sql));
        unless_cancelled(self.work, running).await?;
        session
            .take_unprivileged()
            .map_or(Ok(()), |warning| Err(Cause::Refused(warning)))
    }

    /// All statements of a step.
    async fn step(
        &self,
        number: usize,
        step: &'a Step,
        progress: &dyn Progress,
    ) -> Result<(), Failure<'a>> {
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
            let of = Watched {
                number,
                step,
                progress,
            };
            let executed = watched(self.work, of, self.execute(sql)).await;
            executed.map_err(|cause| fail(Some(sql.as_str()), cause))?;
        }
        Ok(())
    }

    /// Runs a batch in a transaction, again if others were in the way.
    async fn transaction(&mut self, batch: Numbered<'a>) -> Result<()> {
        let mut tries = Tries::new();
        loop {
            let stop = match self.try_transaction(batch).await {
                Ok(Committed { ended, copies }) => {
                    self.ended = ended;
                    for (number, step) in batch.steps() {
                        if !self.done.contains(&number) {
                            self.stands += 1;
                            self.tell_standing(None);
                            self.tell(number, step);
                        }
                    }
                    for copy in copies {
                        self.work.listener.note(copy.words());
                    }
                    return Ok(());
                }
                Err(stop) => stop,
            };
            // If the connection has gone, so has the transaction.
            drop(self.plain("ROLLBACK").await);
            match stop {
                Stop::Record(diagnostic) => return Err(diagnostic),
                Stop::Step(mut failure) => {
                    if !self.may_try_again(&mut tries, &mut failure).await {
                        return Err(self.fail(&failure).await);
                    }
                }
            }
        }
    }

    async fn try_transaction(&self, batch: Numbered<'a>) -> Result<Committed, Stop<'a>> {
        let progress = self.work.listener.progress("");
        self.plain("BEGIN").await?;
        self.plain(include_str!("sql/lock_timeout.sql")).await?;
        let mut copies = Vec::new();
        // One that somebody has seen to isn't run again.
        let left = |(number, _): &(usize, &Step)| !self.done.contains(number);
        for (number, step) in batch.steps().filter(left) {
            progress.message(format!("{} {}", step.action, step.object));
            progress.position(number as u64, self.total as u64);
            let started = Instant::now();
            let looked = self.partitioned.look_again(self.work, step).await;
            looked.map_err(|cause| {
                Stop::Step(Failure {
                    number,
                    step,
                    sql: step.sql.first().map(String::as_str),
                    cause,
                })
            })?;
            copies.extend(self.keep(number, step).await.map_err(Stop::Step)?);
            self.step(number, step, &*progress)
                .await
                .map_err(Stop::Step)?;
            self.record_done(number, started).await?;
        }
        let ended = if batch.is_last {
            Some(self.record_end().await?)
        } else {
            None
        };
        let (number, step) = batch.steps().last().expect("a batch has steps");
        let committed = commit(self.work, &batch.name()).await;
        committed.map_err(|error| {
            Stop::Step(Failure {
                number,
                step,
                sql: None,
                cause: Cause::Server(error),
            })
        })?;
        Ok(Committed { ended, copies })
    }

    /// Copies what a step drops, if somebody asked for it.
    async fn keep(&self, number: usize, step: &'a Step) -> Result<Option<Copy>, Failure<'a>> {
        let of = StepOf {
            revision: self.revision(),
            number,
        };
        match self.work.dropped {
            Dropped::Lost => Ok(None),
            Dropped::Kept => kept::keep(self.work, of, step)
                .await
                .map_err(|cause| Failure {
                    number,
                    step,
                    sql: None,
                    cause,
                }),
        }
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
                .listener
                .progress(format!("{} {}", step.action, step.object));
            progress.position(number as u64, self.total as u64);
            let mut tries = Tries::new();
            loop {
                let entry = Entry::of_step(self.revision(), EventKind::StepStart, number);
                self.record(&entry).await?;
                self.tell_standing(Some(number));
                let Err(mut failure) = self.step(number, step, &*progress).await else {
                    break;
                };
                if failure.cause.ends_connection() {
                    return Err(self.explained(&failure, Rest::Unknown).await);
                }
                if let Err(error) = leftovers::clear(self.work, step).await {
                    // The step stays begun: the next run clears what is left.
                    return Err(self.explained(&failure, Rest::Unknown).await.with(error));
                }
                if !self.may_try_again(&mut tries, &mut failure).await {
                    return Err(self.fail(&failure).await);
                }
            }
        }
        self.plain("BEGIN").await?;
        self.record_done(number, started).await?;
        if batch.is_last {
            self.ended = Some(self.record_end().await?);
        }
        let what = format!("the record of {}", batch.name());
        if let Err(error) = commit(self.work, &what).await {
            let failure = Failure {
                number,
                step,
                sql: None,
                cause: Cause::Server(error),
            };
            return Err(self.explained(&failure, Rest::Unknown).await);
        }
        self.stands += 1;
        self.tell_standing(None);
        self.tell(number, step);
        Ok(())
    }

    /// Runs a step in batches, each in a transaction of its own, behind those of earlier runs.
    async fn in_batches(&self, number: usize, step: &'a Step) -> Result<()> {
        let entry = Entry::of_step(self.revision(), EventKind::StepStart, number);
        self.record(&entry).await?;
        self.tell_standing(Some(number));
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
        let rest = if self.work.committing.is_in_doubt() {
            Rest::Unknown
        } else {
            Rest::Rows(rows_done)
        };
        Err(self.explained(&failure, rest).await)
    }

    /// Whether a step that an earlier run began was done when that run ended. Clears what it left otherwise.
    async fn came_to_its_end(&self, step: &Step) -> Result<bool> {
        leftovers::clear(self.work, step).await?;
        let live = read_target(self.work).await?;
        Ok(check::came_to_its_end(step, &live))
    }

    /// Whether the step is tried again, after a pause. If not because the user wants to stop, that is its cause then.
    async fn may_try_again(&self, tries: &mut Tries, failure: &mut Failure<'_>) -> bool {
        let next = match failure.cause.reported() {
            Some(error) if retry::is_worth_another_try(error) => {
                tries.wait(self.work, failure.step, error).await
            }
            Some(_) | None => Next::Enough,
        };
        if next == Next::Stop {
            failure.cause = Cause::Stopped;
        }
        next == Next::Again
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
        let rest = if self.work.committing.is_in_doubt() {
            Rest::Unknown
        } else {
            self.tell_standing(None);
            Rest::Nothing
        };
        self.explained(failure, rest).await
    }

    async fn explained(&self, failure: &Failure<'_>, rest: Rest) -> Diagnostic {
        let what = format!(
            "step {}: {} {}",
            failure.number, failure.step.action, failure.step.object
        );
        // One that is in doubt has not failed: it is found out.
        if !self.work.committing.is_in_doubt() {
            self.work.listener.status(Status::Failed, what);
        }
        let reported = failure.cause.reported();
        let blockers = if reported.is_some_and(retry::is_worth_another_try) {
            retry::blockers(self.work, failure.step).await
        } else {
            Vec::new()
        };
        let lost = self.work.session.take_loss();
        let next = self.next(failure.number);
        let stood = Stood {
            stands: self.stands,
            rest,
            next,
        };
        explain(self.script, failure, stood, (blockers, lost))
    }

    /// The step at which the next run goes on if this one fails: with a transaction, all of its steps are rolled back.
    fn next(&self, failed: usize) -> usize {
        let plan = &self.script.file.plan.plan;
        let mut batches = plan.spans().into_iter().zip(&plan.batches);
        let of = batches.find(|((first, last), _)| (*first..=*last).contains(&failed));
        let first = of.map_or(failed, |((first, _), _)| first);
        (first..failed)
            .find(|step| !self.done.contains(step))
            .unwrap_or(failed)
    }

    fn tell(&self, number: usize, step: &Step) {
        self.work.listener.status(
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
