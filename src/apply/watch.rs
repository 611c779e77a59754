//! Looks after a statement that takes its time: how far it is, and whom it waits for.
//!
//! The server tells that over a connection of its own, which asks in single statements and keeps no snapshot in between:
//! `CREATE INDEX CONCURRENTLY` would wait for one.

use std::{
    convert::Infallible,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_postgres::Row;

use super::work::Work;
use crate::{
    connection::{failure::server_error, options::ConnectOptions, session::Session},
    diagnostic::Result,
    kinds::Step,
    listener::{Listener, Progress},
};

/// What is faster than this is not looked after.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the server is asked.
const LOOK: Duration = Duration::from_secs(1);

/// How long somebody may be in the way before a log is told.
const TELL: Duration = Duration::from_secs(5);

/// A step that is being carried out.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) number: usize,
    pub(super) step: &'a Step,
    pub(super) progress: &'a dyn Progress,
}

/// Runs a statement of a step, and looks after it meanwhile.
pub(super) async fn watched<T>(
    work: &Work<'_>,
    of: Watched<'_>,
    running: impl Future<Output = T>,
) -> T {
    let (running, watching) = (pin!(running), pin!(watch(work, of)));
    tokio::select! {
        biased;
        result = running => result,
        never = watching => match never {},
    }
}

/// A session that reads the catalog, which waits where others hold ACCESS EXCLUSIVE locks.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The session.
    pub session: &'a Session,
    /// How another one is had.
    pub options: &'a ConnectOptions,
    /// Who hears what is told meanwhile.
    pub listener: &'a dyn Listener,
}

/// Reads something, and says whom the server keeps it waiting for: a function that prints a definition locks what that is
/// about.
pub async fn attended<T>(of: Reading<'_>, reading: impl Future<Output = T>) -> T {
    let (reading, attending) = (pin!(reading), pin!(attend(of)));
    tokio::select! {
        biased;
        result = reading => result,
        never = attending => match never {},
    }
}

async fn attend(of: Reading<'_>) -> Infallible {
    sleep(PATIENCE).await;
    // Behind a pooler, nobody knows which process reads. Who is in the way would be good to know, and isn't worth an error.
    if !of.session.pooling().is_shared() {
        drop(tell_blockers(of).await);
    }
    std::future::pending().await
}

async fn tell_blockers(of: Reading<'_>) -> Result<Infallible> {
    let process = of.session.backend().pid;
    let session = Session::open(of.options, "forge watch").await?;
    let mut told: Vec<i32> = Vec::new();
    loop {
        let rows = session
            .client()
            .query(include_str!("sql/waits_for.sql"), &[&process])
            .await
            .map_err(|error| server_error(&error))?;
        let processes: Vec<i32> = rows.iter().map(|row| row.get("pid")).collect();
        if processes != told {
            for row in &rows {
                of.listener.note(format_args!(
                    "reading the catalog waits for a lock of {}",
                    blocker(row)
                ));
            }
            told = processes;
        }
        sleep(LOOK).await;
    }
}

/// Shows how far the statement is, until nobody wants to know it any more.
async fn watch(work: &Work<'_>, of: Watched<'_>) -> Infallible {
    sleep(PATIENCE).await;
    // How far it is would be good to know, and isn't worth an error.
    drop(look_after(work, of).await);
    std::future::pending().await
}

async fn look_after(work: &Work<'_>, of: Watched<'_>) -> Result<Infallible> {
    let process = work.session.backend().pid;
    let session = Session::open(work.options, "forge watch").await?;
    let ask = async |query: &str| -> Result<Vec<Row>> {
        let rows = session.client().query(query, &[&process]).await;
        rows.map_err(|error| server_error(&error))
    };
    let Watched {
        number,
        step,
        progress,
    } = of;
    let what = format!("{} {}", step.action, step.object);
    let mut waiting = Waiting::default();
    loop {
        let blockers = ask(include_str!("sql/waits_for.sql")).await?;
        let how_far = ask(include_str!("sql/watched.sql")).await?;
        let words: Vec<String> = blockers.iter().map(blocker).collect();
        let how_far = how_far.first().map(how_far_it_is).unwrap_or_default();
        progress.message(match words.first() {
            Some(first) => format!("{what}{how_far}, waits for {first},"),
            None => format!("{what}{how_far}"),
        });
        let processes = blockers.iter().map(|row| row.get("pid")).collect();
        if waiting.is_to_be_told(processes, Instant::now()) {
            for words in &words {
                work.listener
                    .note(format_args!("step {number} waits for {words}"));
            }
        }
        sleep(LOOK).await;
    }
}

/// Who has been in the way, since when.
#[derive(Default)]
struct Waiting {
    processes: Vec<i32>,
    since: Option<Instant>,
}

impl Waiting {
    /// Whether these have now been in the way for long enough that a log is told, once.
    fn is_to_be_told(&mut self, processes: Vec<i32>, now: Instant) -> bool {
        if self.processes != processes {
            self.since = (!processes.is_empty()).then_some(now);
            self.processes = processes;
        }
        self.since
            .take_if(|since| now.duration_since(*since) >= TELL)
            .is_some()
    }
}

/// `: building index: scanning table, 43 %`.
fn how_far_it_is(row: &Row) -> String {
    let (phase, done, total): (String, Option<i64>, Option<i64>) =
        (row.get("phase"), row.get("done"), row.get("total"));
    match done.zip(total) {
        Some((done, total)) if total > 0 => format!(": {phase}, {} %", done * 100 / total),
        Some(_) | None => format!(": {phase}"),
    }
}

fn blocker(row: &Row) -> String {
    match row.get("pid") {
        0 => "a prepared transaction (see `pg_prepared_xacts`)".to_owned(),
        pid => format!(
            "process {pid} of role `{}`, application `{}`, {}, in a transaction that is {} s old",
            row.get::<_, Option<String>>("role").unwrap_or_default(),
            row.get::<_, Option<String>>("application")
                .unwrap_or_default(),
            row.get::<_, Option<String>>("state").unwrap_or_default(),
            row.get::<_, Option<i64>>("age").unwrap_or_default(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_once_of_the_same() {
        let begun = Instant::now();
        let mut waiting = Waiting::default();
        let mut check = |seconds: u64, processes: &[i32], told: bool| {
            let now = begun + Duration::from_secs(seconds);
            assert_eq!(
                waiting.is_to_be_told(processes.to_vec(), now),
                told,
                "{seconds}"
            );
        };
        check(0, &[], false);
        check(9, &[], false);
        check(10, &[1], false);
        check(14, &[1], false);
        check(15, &[1], true);
        check(16, &[1], false);
        check(30, &[1], false);
        check(31, &[2], false);
        check(36, &[2], true);
        check(37, &[], false);
        check(60, &[], false);
    }
}
