//! Carries a step out in batches: as many rows of its table at a time as its author says, in the order of a key.
//!
//! Each batch is a transaction that also notes how far it came, so that whatever stops forge, no batch is repeated and none
//! is left out. Rows that come into being behind the greatest key of the beginning are left alone, as one statement would.

mod pace;

use std::time::{Duration, Instant};

pub use self::pace::{Pace, spoken};
use super::{
    cause::{Cause, unless_cancelled},
    commit::commit,
    retry::{self, Next, Tries},
    work::Work,
};
use crate::{
    cancel::Urgency,
    connection::failure::server_error,
    diagnostic::{Code, Diagnostic, Result},
    history::{
        self, KeyValues, Opened, Opening, Passed, StepOf, Wish, advance_backfill, beat_backfill,
    },
    introspect::keys::TableKey,
    kinds::{Batching, Step},
    listener::Progress,
    source::{Bounded, row},
    sql::{Ident, Literal, join},
};

/// How often a run that waits looks whether it may go on, and how often it looks for standbys that lag.
const LOOK: Duration = Duration::from_secs(1);

/// How often a log is told how far it is.
const TELL: Duration = Duration::from_secs(30);

/// Why a step didn't come to its end.
pub(super) struct Stopped {
    /// What happened.
    pub(super) cause: Cause,
    /// How many rows are done and stand.
    pub(super) rows_done: u64,
}

/// Carries out what is left of a step.
pub(super) async fn carry_out<'a>(
    work: &'a Work<'a>,
    of: StepOf<'a>,
    step: &'a Step,
) -> Result<(), Stopped> {
    let mut backfill = Backfill::open(work, of, step)
        .await
        .map_err(|error| Stopped {
            cause: Cause::Refused(error),
            rows_done: 0,
        })?;
    let carried_out = backfill.run().await;
    carried_out.map_err(|cause| Stopped {
        cause,
        rows_done: backfill.rows_done,
    })
}

struct Backfill<'a> {
    work: &'a Work<'a>,
    of: StepOf<'a>,
    step: &'a Step,
    batching: &'a Batching,
    bounded: Bounded,
    key: TableKey,
    last: Option<KeyValues>,
    end: Option<KeyValues>,
    rows_done: u64,
    wish: Wish,
    /// What the pace is told from: this run's beginning, and the rows that were done then.
    started: Instant,
    rows_before: u64,
    estimate: Option<u64>,
    looked_for_lag: Option<Instant>,
    told: Instant,
    progress: Box<dyn Progress>,
}

/// The rows of one batch.
struct Slice {
    last: KeyValues,
    rows: u64,
}

impl<'a> Backfill<'a> {
    async fn open(work: &'a Work<'a>, of: StepOf<'a>, step: &'a Step) -> Result<Self> {
        let batching = step.batching.as_ref();
        let batching = batching.expect("the caller has seen that the step goes in batches");
        let sql = step.sql.first().expect("a step in batches has a statement");
        let bounded = Bounded::read(sql, &batching.key).map_err(|error| {
            let message = format!("the statement can't go in batches: {error}");
            Diagnostic::error(Code::PlanFile, message)
        })?;
        let session = work.session;
        let (relation, rows_of) = (&bounded.relation, &bounded.rows_of);
        let key = session.key(relation, rows_of, &batching.key).await?;
        let end = first_key(work, &greatest(&bounded, &key)).await?;
        let opening = Opening {
            relation,
            end: end.as_ref(),
            rows_est: estimate(work, rows_of).await?,
            run: &work.actor.run,
        };
        let Opened {
            last,
            end,
            rows_done,
            rows_est,
            wish,
        } = history::open_backfill(session, of, &opening).await?;
        let progress = work
            .listener
            .progress(format!("{} {}", step.action, step.object));
        if rows_done > 0 {
            work.listener.note(format_args!(
                "step {}: {rows_done} rows of {relation} are done, it goes on behind them",
                of.number
            ));
        }
        Ok(Self {
            work,
            of,
            step,
            batching,
            bounded,
            key,
            last,
            end,
            rows_done,
            wish,
            started: Instant::now(),
            rows_before: rows_done,
            estimate: rows_est,
            looked_for_lag: None,
            told: Instant::now(),
            progress,
        })
    }

    async fn run(&mut self) -> Result<(), Cause> {
        while self.last != self.end {
            self.may_go_on().await?;
            let slice = self.next_slice().await.map_err(Cause::Refused)?;
            self.carry_out(&slice).await?;
            self.rows_done += slice.rows;
            self.last = Some(slice.last);
            self.tell();
            if self.last != self.end {
                self.rest(self.batching.pause).await;
            }
        }
        Ok(())
    }

    /// Waits as long as somebody wants it or a standby lags.
    async fn may_go_on(&mut self) -> Result<(), Cause> {
        let mut waiting_for = None;
        loop {
            if self.work.cancel.urgency() >= Urgency::Soon {
                return Err(Cause::Stopped);
            }
            let reason = match self.wish {
                Wish::Abort => return Err(Cause::Refused(aborted())),
                Wish::Pause => "paused: `forge backfill resume` lets it go on".to_owned(),
                Wish::Go => match self.lagging().await? {
                    None => return Ok(()),
                    Some(standby) => format!(
                        "waiting for the standby `{standby}`, which is more than {} behind (`--max-lag`)",
                        spoken(self.work.max_lag)
                    ),
                },
            };
            if waiting_for.as_ref() != Some(&reason) {
                self.work
                    .listener
                    .note(format_args!("step {}: {reason}", self.of.number));
                waiting_for = Some(reason);
            }
            self.rest(LOOK).await;
            let wish = beat_backfill(self.work.session, self.of).await;
            self.wish = wish.map_err(Cause::Refused)?;
        }
    }

    /// The standby that is further behind than it may be. Looked for once in a while.
    async fn lagging(&mut self) -> Result<Option<String>, Cause> {
        if self.looked_for_lag.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(None);
        }
        let limit = self.work.max_lag.as_secs_f64();
        let client = self.work.session.client();
        let row = client
            .query_opt(include_str!("../sql/lagging.sql"), &[&limit])
            .await
            .map_err(Cause::Server)?;
        self.looked_for_lag = row.is_none().then(Instant::now);
        Ok(row.map(|row| row.get("standby")))
    }

    /// The rows behind the last one that is done: as many as a batch has, or all that are left.
    async fn next_slice(&self) -> Result<Slice> {
        let key = self.key_of_rows();
        let mut conditions = Vec::new();
        for (operator, bound) in [(">", &self.last), ("<=", &self.end)] {
            conditions.extend(
                bound
                    .as_ref()
                    .map(|bound| format!("{} {operator} {}", row(&key), row(&self.values(bound)))),
            );
        }
        let range = format!(
            "FROM {} AS t WHERE {}",
            self.bounded.rows_of,
            join(conditions, " AND ")
        );
        let full = format!(
            "SELECT {} {range} ORDER BY {} LIMIT 1 OFFSET {}",
            texts(&key),
            join(&key, ", "),
            self.batching.size - 1
        );
        if let Some(last) = first_key(self.work, &full).await? {
            return Ok(Slice {
                last,
                rows: self.batching.size.into(),
            });
        }
        let client = self.work.session.client();
        let rest = client
            .query_typed_one(&format!("SELECT count(*) AS rows {range}"), &[])
            .await
            .map_err(|error| server_error(&error))?;
        Ok(Slice {
            last: self
                .end
                .clone()
                .expect("a step without an end has no batch"),
            rows: u64::try_from(rest.get::<_, i64>("rows")).expect("a count isn't negative"),
        })
    }

    /// Carries out one batch, again if others were in the way.
    async fn carry_out(&mut self, slice: &Slice) -> Result<(), Cause> {
        let after = self.last.as_ref().map(|last| self.values(last));
        let sql = self
            .bounded
            .between(after.as_deref(), &self.values(&slice.last));
        let mut tries = Tries::new();
        loop {
            let cause = match self.try_once(&sql, slice).await {
                Ok(wish) => {
                    self.wish = wish;
                    return Ok(());
                }
                Err(cause) => cause,
            };
            // If the connection has gone, so has the transaction.
            let client = self.work.session.client();
            drop(client.batch_execute("ROLLBACK").await);
            let passing = cause
                .reported()
                .filter(|error| retry::is_worth_another_try(error));
            let next = match passing {
                Some(error) => tries.wait(self.work, self.step, error).await,
                None => Next::Enough,
            };
            match next {
                Next::Again => {}
                Next::Enough => return Err(cause),
                Next::Stop => return Err(Cause::Stopped),
            }
        }
    }

    async fn try_once(&self, sql: &str, slice: &Slice) -> Result<Wish, Cause> {
        let client = self.work.session.client();
        let begin = format!("BEGIN; {}", include_str!("../sql/lock_timeout.sql"));
        client.batch_execute(&begin).await.map_err(Cause::Server)?;
        let written = unless_cancelled(
            self.work,
            Box::pin(self.work.session.execute_as_parsed(sql)),
        )
        .await?;
        let passed = Passed {
            from: self.last.as_ref(),
            to: &slice.last,
            rows: slice.rows,
            written,
        };
        let advanced = advance_backfill(self.work.session, self.of, &passed).await;
        let wish = advanced.map_err(Cause::Refused)?;
        let committed = commit(self.work, &format!("a batch of step {}", self.of.number)).await;
        committed.map_err(Cause::Server)?;
        Ok(wish)
    }

    /// Sleeps until the user wants to stop.
    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.work.cancel.reached(Urgency::Soon) => {}
        }
    }

    fn tell(&mut self) {
        let pace = Pace {
            run_rows: self.rows_done - self.rows_before,
            elapsed: self.started.elapsed(),
            done: self.rows_done,
            estimate: self.estimate,
        };
        let Step { action, object, .. } = self.step;
        self.progress
            .message(format!("{action} {object}, {},", pace.speed()));
        if let Some(estimate) = self.estimate {
            let total = estimate.max(self.rows_done);
            self.progress.position(self.rows_done, total);
        }
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            self.work.listener.note(format_args!(
                "step {}: {}, {}",
                self.of.number,
                pace.distance(),
                pace.speed()
            ));
        }
    }

    /// The key's columns in queries of forge's own.
    fn key_of_rows(&self) -> Vec<String> {
        of_rows(&self.key.columns)
    }

    /// A key's values as SQL.
    fn values(&self, key: &KeyValues) -> Vec<String> {
        let typed = key.iter().zip(&self.key.types);
        typed
            .map(|(value, of_type)| format!("{}::{of_type}", Literal(value)))
            .collect()
    }
}

fn of_rows(columns: &[Ident]) -> Vec<String> {
    columns.iter().map(|column| format!("t.{column}")).collect()
}

/// The key as texts. They have names of their own, so that ORDER BY means the columns and not these.
fn texts(key: &[String]) -> String {
    let texts = (1..)
        .zip(key)
        .map(|(place, column)| format!("{column}::text AS forge_key_{place}"));
    join(texts, ", ")
}

/// The query of the greatest key.
fn greatest(bounded: &Bounded, key: &TableKey) -> String {
    let key = of_rows(&key.columns);
    let order = key.iter().map(|column| format!("{column} DESC"));
    format!(
        "SELECT {} FROM {} AS t ORDER BY {} LIMIT 1",
        texts(&key),
        bounded.rows_of,
        join(order, ", ")
    )
}

/// The values of the first row.
async fn first_key(work: &Work<'_>, query: &str) -> Result<Option<KeyValues>> {
    let rows = work
        .session
        .client()
        .query_typed(query, &[])
        .await
        .map_err(|error| server_error(&error))?;
    Ok(rows
        .first()
        .map(|row| (0..row.len()).map(|place| row.get(place)).collect()))
}

/// How many rows a table has, as the planner thinks: it knows how much the table has grown since it was last counted.
async fn estimate(work: &Work<'_>, rows_of: &str) -> Result<Option<u64>> {
    let row = work
        .session
        .client()
        .query_typed_one(&format!("EXPLAIN (FORMAT JSON) SELECT FROM {rows_of}"), &[])
        .await
        .map_err(|error| server_error(&error))?;
    let plan: serde_json::Value = row.get(0);
    Ok(plan
        .pointer("/0/Plan/Plan Rows")
        .and_then(serde_json::Value::as_u64))
}

fn aborted() -> Diagnostic {
    Diagnostic::error(Code::Aborted, "`forge backfill abort` has stopped it")
    .help("`forge backfill resume` takes that back, then `forge apply` goes on behind the last row that is done")
}
