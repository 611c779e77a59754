//! Rows that make a step fail, looked for before it runs.
//!
//! A plan is refused only where it is known to fail. So what can't be told of rows that an earlier step of the plan changes is
//! not looked at, and said; and a query that fails or takes too long proves nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    culprits::{self, Found},
    query::{count, is_of_value, state},
};
use crate::{
    catalog::Catalog,
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    plan::Plan,
    source::{ENOUGH, Foresight, Probe},
};

/// How long all queries together may take.
const BUDGET: Duration = Duration::from_mins(1);

/// How long each may take, and again the search for the rows for which it fails.
const EACH: Duration = Duration::from_secs(10);

/// Rows that make a step fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// What they are: `NULL in app.users (email)`.
    pub what: String,
    /// How many they are, or what the server says of one.
    pub found: String,
    /// The SQLSTATE with which the server rejects one.
    pub state: String,
    /// The query that finds them.
    pub find: String,
}

impl InTheWay {
    /// What a person is told: what is in the way, and how to find it.
    pub fn notes(&self) -> [String; 2] {
        let Self {
            what,
            found,
            state,
            find,
        } = self;
        [
            format!("{what}: {found} (SQLSTATE {state})"),
            format!("they are found by: {find}"),
        ]
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// The rows that make a step fail.
    pub in_the_way: Vec<InTheWay>,
    /// What couldn't be looked at, and why.
    pub skipped: Vec<String>,
    /// How many queries found nothing.
    pub clear: usize,
}

/// A plan, and the steps of it that are done.
#[derive(Debug, Clone, Copy)]
pub struct Remaining<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The numbers of the steps that are done, counted from one.
    pub done: &'a BTreeSet<usize>,
}

/// Looks for rows that make one of the remaining steps of these plans fail, which are run in this order.
pub async fn look_for_rows(
    session: &Session,
    live: &Catalog,
    plans: impl IntoIterator<Item = Remaining<'_>>,
) -> Looked {
    let mut foresight = Foresight::new(&live.known_to_probes());
    // One cause can stop several steps: it is told once, of the first.
    let mut asked: Vec<(String, Probe)> = Vec::new();
    for Remaining { plan, done } in plans {
        for (number, step) in (1..).zip(plan.steps()) {
            for sql in &step.sql {
                if done.contains(&number) {
                    foresight.behind(sql);
                    continue;
                }
                for probe in foresight.ahead(sql) {
                    let find = probe.find();
                    if asked.iter().all(|(other, _)| *other != find) {
                        asked.push((find, probe));
                    }
                }
            }
        }
    }
    let mut looked = Looked::default();
    let began = Instant::now();
    // Tables with values for which an expression fails.
    let mut rejecting = BTreeSet::new();
    for (find, probe) in asked {
        let mut skip = |why: &str| {
            looked
                .skipped
                .push(format!("{}: not checked, {why}", probe.what));
        };
        if let Some(why) = probe.unknown {
            skip(why);
            continue;
        }
        if began.elapsed() >= BUDGET {
            skip("the time is up");
            continue;
        }
        match count(session, &probe.count(None), EACH).await {
            Ok(0) => match probe.more {
                Some(why) => skip(why),
                None => looked.clear += 1,
            },
            Ok(found) => looked.in_the_way.push(InTheWay {
                found: or_more(found),
                state: probe.state.to_owned(),
                find,
                what: probe.what,
            }),
            Err(error) => match state(&error).filter(|state| is_of_value(state)) {
                // The step that computes the value fails before this one.
                Some(_) if probe.is_of_computed() && rejecting.contains(&probe.table) => {
                    skip("a value that an earlier step of the plan computes is rejected");
                }
                Some(state) => match rejected(session, &probe, state).await {
                    Some(in_the_way) => {
                        rejecting.insert(probe.table.clone());
                        looked.in_the_way.push(in_the_way);
                    }
                    None => skip(error.message()),
                },
                None => skip(error.message()),
            },
        }
    }
    looked
}

/// Refuses to run steps that are known to fail: those of a whole plan, or the rest of one that is begun.
///
/// # Errors
/// [`Code::RowsInTheWay`], or [`Code::Partial`] for a rest, with the rows and the queries that find them.
pub(super) fn refuse(revision: &str, is_begun: bool, looked: &Looked) -> Result<()> {
    if looked.in_the_way.is_empty() {
        return Ok(());
    }
    let (code, what) = if is_begun {
        (Code::Partial, "the rest of revision")
    } else {
        (Code::RowsInTheWay, "revision")
    };
    let error = Diagnostic::error(
        code,
        format!("rows of the database make {what} `{revision}` fail, so none of its steps was run"),
    );
    let notes = looked.in_the_way.iter().flat_map(InTheWay::notes);
    let way_out = if is_begun {
        "; or undo what stands: `forge apply --abort`"
    } else {
        ""
    };
    Err(notes.fold(error, Diagnostic::note).help(format!("change or delete these rows, then run the command again; `--skip-row-checks` starts without looking, for example where a trigger changes the rows in time{way_out}")))
}

/// The rows with values for which a query fails. None if it fails without any row.
async fn rejected(session: &Session, probe: &Probe, state: &str) -> Option<InTheWay> {
    let of_nothing = probe.count(Some("false"));
    count(session, &of_nothing, EACH).await.ok()?;
    let in_the_way = |found: String, find: String| InTheWay {
        what: probe.what.clone(),
        // What the server says of the first one shows its value.
        found: format!("{found}, {}", condition(state)),
        state: state.to_owned(),
        find,
    };
    if let Some(sifted) = probe.sifted().filter(|_| session.major() >= 16)
        && let Ok(found @ 1..) = count(session, &sifted.count(None), EACH).await
    {
        return Some(in_the_way(or_more(found), sifted.find()));
    }
    let Found { rows, is_all, find } = culprits::find(session, probe, EACH).await;
    let found = match (rows, is_all) {
        (0, _) => "at least 1".to_owned(),
        (rows, true) => rows.to_string(),
        (rows, false) => format!("{rows} or more"),
    };
    Some(in_the_way(found, find.unwrap_or_else(|| probe.find())))
}

fn or_more(found: i64) -> String {
    let more = if found >= i64::from(ENOUGH) {
        " or more"
    } else {
        ""
    };
    format!("{found}{more}")
}

/// The condition's name (PostgreSQL docs: Appendix A).
fn condition(state: &str) -> &'static str {
    match state {
        "22001" => "string data right truncation",
        "22003" => "numeric value out of range",
        "22004" => "null value not allowed",
        "22007" => "invalid datetime format",
        "22008" => "datetime field overflow",
        "22012" => "division by zero",
        "22021" => "character not in repertoire",
        "22023" => "invalid parameter value",
        "22P02" => "invalid text representation",
        "22P03" => "invalid binary representation",
        "23502" => "not null violation",
        "23514" => "check violation",
        _ => "data exception",
    }
}
