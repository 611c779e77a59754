//! How far the steps have come that go in batches, in the target's table `forge.backfill`.

use serde_json::Value;

use super::store::history_exists;
use crate::{
    connection::{failure::server_error, session::Session},
    diagnostic::{Code, Diagnostic, Result},
};

/// A step of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepOf<'a> {
    /// The revision.
    pub revision: &'a str,
    /// The step's number, counted from one.
    pub number: usize,
}

/// The values of a key's columns, as text.
pub type KeyValues = Vec<String>;

/// What people want of a step that goes in batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It goes on.
    Go,
    /// It waits.
    Pause,
    /// It ends where it is.
    Abort,
}

/// Where a step is when a run begins with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The key of the last row that is done.
    pub last: Option<KeyValues>,
    /// The key of the last row that is to be done; none in an empty table.
    pub end: Option<KeyValues>,
    /// How many rows were passed.
    pub rows_done: u64,
    /// How many there were, about.
    pub rows_est: Option<u64>,
    /// What people want of it.
    pub wish: Wish,
}

/// What a run that begins with a step knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The table.
    pub relation: &'a str,
    /// The greatest key.
    pub end: Option<&'a KeyValues>,
    /// How many rows there are, about.
    pub rows_est: Option<u64>,
    /// The run's name.
    pub run: &'a str,
}

/// A batch that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed<'a> {
    /// The key before it.
    pub from: Option<&'a KeyValues>,
    /// Its last key.
    pub to: &'a KeyValues,
    /// How many rows it passed.
    pub rows: u64,
    /// How many it wrote.
    pub written: u64,
}

/// A step that goes in batches, for people to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// The revision.
    pub revision: String,
    /// The step's number, counted from one.
    pub step: usize,
    /// The table.
    pub relation: String,
    /// The key of the last row that is done.
    pub last: Option<KeyValues>,
    /// How many rows were passed.
    pub rows_done: u64,
    /// How many of them were written.
    pub rows_written: u64,
    /// How many there were, about.
    pub rows_est: Option<u64>,
    /// What people want of it.
    pub wish: Wish,
    /// Whether it is done.
    pub finished: bool,
    /// Since when nobody has worked on it, in seconds.
    pub silent: f64,
    /// How many rows the last run passed.
    pub run_rows: u64,
    /// In how many seconds.
    pub run_seconds: f64,
}

/// Begins with a step, or goes on: what an earlier run has noted counts.
pub async fn open_backfill(
    session: &Session,
    step: StepOf<'_>,
    opening: &Opening<'_>,
) -> Result<Opened> {
    let row = session
        .client()
        .query_one(
            include_str!("sql/backfill_open.sql"),
            &[
                &step.revision,
                &step.column(),
                &opening.relation,
                &opening.end.map(json),
                &opening.rows_est.map(signed),
                &opening.run,
            ],
        )
        .await
        .map_err(|error| server_error(&error))?;
    Ok(Opened {
        last: texts(row.get("last_key")),
        end: texts(row.get("end_key")),
        rows_done: unsigned(row.get("rows_done")),
        rows_est: row.get::<_, Option<i64>>("rows_est").map(unsigned),
        wish: wish(row.get("paused"), row.get("aborted")),
    })
}

/// Notes a batch, in its transaction.
///
/// # Errors
/// [`Code::Busy`] if another forge has moved the step: the batch mustn't stand.
pub async fn advance_backfill(
    session: &Session,
    step: StepOf<'_>,
    passed: &Passed<'_>,
) -> Result<Wish> {
    let row = session
        .client()
        .query_opt(
            include_str!("sql/backfill_advance.sql"),
            &[
                &step.revision,
                &step.column(),
                &passed.from.map(json),
                &json(passed.to),
                &signed(passed.rows),
                &signed(passed.written),
            ],
        )
        .await
        .map_err(|error| server_error(&error))?;
    match row {
        Some(row) => Ok(wish(row.get("paused"), row.get("aborted"))),
        None => Err(Diagnostic::error(
            Code::Busy,
            format!(
                "another forge works on step {} of revision `{}`",
                step.number, step.revision
            ),
        )
        .help(
            "`forge backfill status` tells how far it is; run the command again when it has ended",
        )),
    }
}

/// Says that this run waits and is alive. Returns what people want of the step.
pub async fn beat_backfill(session: &Session, step: StepOf<'_>) -> Result<Wish> {
    let query = include_str!("sql/backfill_beat.sql");
    let row = session
        .client()
        .query_one(query, &[&step.revision, &step.column()])
        .await
        .map_err(|error| server_error(&error))?;
    Ok(wish(row.get("paused"), row.get("aborted")))
}

/// Forgets how far the steps of a revision came, because it begins anew.
pub async fn forget_backfills(session: &Session, revision: &str) -> Result<()> {
    session
        .client()
        .execute("DELETE FROM forge.backfill WHERE rev = $1", &[&revision])
        .await
        .map_err(|error| server_error(&error))?;
    Ok(())
}

/// All steps that go in batches and were begun.
pub async fn backfills(session: &Session) -> Result<Vec<Backfill>> {
    if !history_exists(session).await?.batches {
        return Ok(Vec::new());
    }
    let rows = session.read(include_str!("sql/backfills.sql"), &[]).await?;
    let read = rows.iter().map(|row| Backfill {
        revision: row.get("rev"),
        step: usize::try_from(row.get::<_, i32>("step")).unwrap_or_default(),
        relation: row.get("relation"),
        last: texts(row.get("last_key")),
        rows_done: unsigned(row.get("rows_done")),
        rows_written: unsigned(row.get("rows_written")),
        rows_est: row.get::<_, Option<i64>>("rows_est").map(unsigned),
        wish: wish(row.get("paused"), row.get("aborted")),
        finished: row.get("finished"),
        silent: row.get("silent"),
        run_rows: unsigned(row.get("run_rows")),
        run_seconds: row.get("run_seconds"),
    });
    Ok(read.collect())
}

/// Says what is wanted of the steps that aren't done: of the revision that begins with these digits, or of all. Returns
/// these steps, in words.
pub async fn wish_backfills(
    session: &Session,
    digits: Option<&str>,
    wish: Wish,
) -> Result<Vec<String>> {
    if !history_exists(session).await?.batches {
        return Ok(Vec::new());
    }
    let (paused, aborted) = match wish {
        Wish::Go => (false, false),
        Wish::Pause => (true, false),
        Wish::Abort => (false, true),
    };
    let query = include_str!("sql/backfill_wish.sql");
    let rows = session
        .client()
        .query(query, &[&digits, &paused, &aborted])
        .await
        .map_err(|error| server_error(&error))?;
    let named = rows.iter().map(|row| {
        format!(
            "step {} of {} on {}",
            row.get::<_, i32>("step"),
            row.get::<_, String>("rev"),
            row.get::<_, String>("relation")
        )
    });
    Ok(named.collect())
}

impl StepOf<'_> {
    fn column(self) -> i32 {
        i32::try_from(self.number).expect("a plan has fewer steps than that")
    }
}

fn wish(paused: bool, aborted: bool) -> Wish {
    match (paused, aborted) {
        (_, true) => Wish::Abort,
        (true, false) => Wish::Pause,
        (false, false) => Wish::Go,
    }
}

fn json(key: &KeyValues) -> Value {
    key.iter().cloned().map(Value::String).collect()
}

fn texts(key: Option<Value>) -> Option<KeyValues> {
    let Value::Array(values) = key? else {
        return None;
    };
    let texts = values.into_iter().map(|value| match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    });
    texts.collect()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
