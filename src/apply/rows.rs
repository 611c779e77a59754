//! Rows that make a step fail, looked for before it runs.
//!
//! A plan is refused only where it is known to fail. So rows that an earlier step of the plan may change are not looked at,
//! and a query that fails or takes too long proves nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Action, Step},
    plan::Plan,
    server::session::Session,
    source::{self, ENOUGH, Known, Probe},
    sql::Ident,
};

/// How long all queries together may take. Each may take ten seconds.
const BUDGET: Duration = Duration::from_mins(1);

/// SQLSTATEs of something that isn't there: a table, column, schema, function or other object.
const ABSENT: [&str; 5] = ["42P01", "42703", "3F000", "42883", "42704"];

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
    let mut questions = Questions::new(live);
    for Remaining { plan, done } in plans {
        for (number, step) in (1..).zip(plan.steps()) {
            questions.of_step(step, done.contains(&number));
        }
    }
    let mut looked = Looked::default();
    let began = Instant::now();
    for (what, probe) in questions.asked {
        if began.elapsed() >= BUDGET {
            looked
                .skipped
                .push(format!("{what}: not looked at, the time is up"));
            continue;
        }
        match count(session, &probe.count()).await {
            Ok(0) => looked.clear += 1,
            Ok(found) => {
                let more = if found >= i64::from(ENOUGH) {
                    " or more"
                } else {
                    ""
                };
                looked.in_the_way.push(InTheWay {
                    what,
                    found: format!("{found}{more}"),
                    state: probe.state.to_owned(),
                    find: probe.find(),
                });
            }
            Err(error) => match state(&error) {
                // Class 22, data exception: a value that an expression doesn't take.
                Some(state) if state.starts_with("22") => looked.in_the_way.push(InTheWay {
                    what,
                    found: error.message().to_owned(),
                    state: state.to_owned(),
                    find: probe.find(),
                }),
                // What an earlier step creates has no rows in the way.
                Some(state) if ABSENT.contains(&state) => {}
                _ => looked
                    .skipped
                    .push(format!("{what}: not looked at, {}", error.message())),
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

/// Queries to be asked, gathered step by step.
struct Questions {
    known: Known,
    /// By constraint: what is to be looked at once it is validated.
    waiting: BTreeMap<(String, String), Vec<Probe>>,
    /// By what they look for.
    asked: BTreeMap<String, Probe>,
    /// Names that stand in a query whose rows or columns an earlier step changes: all of a list.
    changed: Vec<Vec<String>>,
    /// Whether an earlier step may change any row.
    anything: bool,
}

impl Questions {
    fn new(live: &Catalog) -> Self {
        let mut waiting: BTreeMap<(String, String), Vec<Probe>> = BTreeMap::new();
        for constraint in live.unvalidated() {
            for probe in source::probes(&constraint.statement, &Known::default()) {
                let name = (constraint.of.clone(), constraint.name.clone());
                waiting.entry(name).or_default().push(probe);
            }
        }
        Self {
            known: live.known_to_probes(),
            waiting,
            asked: BTreeMap::new(),
            changed: Vec::new(),
            anything: false,
        }
    }

    fn of_step(&mut self, step: &Step, is_done: bool) {
        let mut now = Vec::new();
        for sql in &step.sql {
            self.known.enums.extend(source::enum_labels(sql));
            for probe in source::probes(sql, &self.known) {
                match &probe.waits_for {
                    Some(constraint) => {
                        let waiting = self.waiting.entry(constraint.clone()).or_default();
                        waiting.push(probe);
                    }
                    None => now.push(probe),
                }
            }
            for constraint in source::validated(sql) {
                now.extend(self.waiting.get(&constraint).into_iter().flatten().cloned());
            }
        }
        if is_done {
            return;
        }
        for probe in now {
            if !self.may_be_changed(&probe) {
                self.asked.insert(probe.what.clone(), probe);
            }
        }
        self.note_changes(step);
    }

    fn may_be_changed(&self, probe: &Probe) -> bool {
        let mut changed = self.changed.iter();
        self.anything
            || changed.any(|names: &Vec<String>| names.iter().all(|name| probe.names(name)))
    }

    /// Notes what later steps find otherwise than it is now.
    fn note_changes(&mut self, step: &Step) {
        match step.action {
            Action::Data => {
                for sql in &step.sql {
                    match source::updated(sql) {
                        Some(table) => self.changed.push(vec![table]),
                        // Rows that are deleted may take others with them.
                        None => self.anything = true,
                    }
                }
            }
            Action::Create | Action::Drop | Action::Rename => {
                self.changed.push(names_of(step));
            }
            Action::Alter => {
                let changes_rows =
                    |sql: &String| sql.contains(" TYPE ") || sql.contains(" PARTITION ");
                if step.sql.iter().any(changes_rows) {
                    self.changed.push(names_of(step));
                }
            }
        }
    }
}

/// How a query names a step's object: a column by its table and its name.
fn names_of(step: &Step) -> Vec<String> {
    let path: Vec<String> = step.object.path.iter().map(Ident::to_string).collect();
    match &path[..] {
        [schema, table, part] => vec![format!("{schema}.{table}"), part.clone()],
        parts => vec![parts.join(".")],
    }
}

/// Counts the rows that a query finds, within ten seconds.
async fn count(session: &Session, query: &str) -> Result<i64> {
    let limit = [("statement_timeout", "10s")];
    let answers = session.snapshot_under(&limit, &[query]).await?;
    Ok(answers[0].first().map_or(0, |row| row.get("found")))
}

fn state(error: &Diagnostic) -> Option<&str> {
    let mut notes = error.notes().iter();
    notes.find_map(|note| note.strip_prefix("SQLSTATE "))
}
