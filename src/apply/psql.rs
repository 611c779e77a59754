//! A script that psql runs with no forge at hand: the steps of plans, guarded, with the rows that forge's history gets.

use std::fmt::Write as _;

use super::{holder, runner::writes_only, script::Script};
use crate::{
    catalog::Fingerprint,
    diagnostic::Result,
    history::{Body, Direction, EventKind, HISTORY, Revisions, Stamp, Storable, registration},
    kinds::Action,
    plan::{Batch, file::SETTINGS},
    sql::{Literal, comment, dollar_quoted, join, unquoted},
};

/// Where a script begins, or where a stamp says that the database is.
#[derive(Debug, Clone)]
pub struct Beginning<'a> {
    /// The revisions that have to be applied, and no others.
    pub applied: Vec<&'a str>,
    /// The state that the database is in then.
    pub state: Fingerprint,
}

/// Writes the script that runs these plans, in order, on a database in a known state.
///
/// # Errors
/// If a plan isn't what was approved.
pub fn psql_script(beginning: &Beginning<'_>, scripts: &[Script<'_>]) -> Result<String> {
    let mut text = String::new();
    let postgres = scripts
        .first()
        .map(|script| script.file.plan.header.postgres);
    head(&mut text, beginning, postgres);
    let mut state = beginning.state;
    for script in scripts {
        let plan = &script.file.plan;
        plan.check_frozen(&script.file.path)?;
        one(&mut text, script, state);
        state = state.after(plan.header.from, plan.header.to);
    }
    text.push_str("\n\\echo done\n");
    Ok(text)
}

/// Writes the script that makes the schema in which forge keeps its history, where it isn't there.
pub fn history_script() -> String {
    let mut text = "-- the schema `forge`; run it with `psql -X -f`\n".to_owned();
    opening(&mut text);
    history_tables(&mut text);
    text.push_str("\n\\echo done\n");
    text
}

/// Writes the script that records a stamp on a database to which just these revisions are applied. What the database is, it
/// can't compare.
pub fn stamp_script(beginning: &Beginning<'_>, stamp: &Stamp<'_>, revisions: &Revisions) -> String {
    let mut text = String::new();
    head(&mut text, beginning, None);
    text.push_str("\n-- what is declared; nothing is run\nBEGIN;\n");
    for revision in &stamp.unapplied {
        push(
            &mut text,
            event(revision, EventKind::Unstamped, None, Some(beginning.state)),
        );
    }
    for revision in &stamp.applied {
        if let Some((plan, body)) = revisions.folder.filed(revision) {
            push(
                &mut text,
                format_args!("{};", registration(plan, &body, Storable::Ascii)),
            );
        }
        push(
            &mut text,
            event(revision, EventKind::Stamped, None, Some(beginning.state)),
        );
    }
    text.push_str("COMMIT;\n\n\\echo done\n");
    text
}

fn push(text: &mut String, line: impl std::fmt::Display) {
    writeln!(text, "{line}").expect("writing to a String can't fail");
}

fn head(text: &mut String, beginning: &Beginning<'_>, postgres: Option<u32>) {
    let from = match beginning.applied[..] {
        [] => "base".to_owned(),
        [.., last] => last.to_owned(),
    };
    push(
        text,
        comment(format_args!("from {from}; run it with `psql -X -f`")),
    );
    opening(text);
    if let Some(postgres) = postgres {
        push(text, "\n-- the server that the plans were made for");
        let is_same =
            format!("pg_catalog.current_setting('server_version_num')::int / 10000 = {postgres}");
        let message = format!("the plans were made for PostgreSQL {postgres}");
        push(text, raise_unless(&is_same, &message));
    }
    history_tables(text);
    push(text, "\n-- the revisions from which the plans lead on");
    let expected = join(
        beginning.applied.iter().map(|revision| Literal(revision)),
        ", ",
    );
    let same = format!(
        "COALESCE((SELECT pg_catalog.array_agg(rev ORDER BY rev) FROM forge.applied), '{{}}') = \
         ARRAY(SELECT r FROM pg_catalog.unnest(ARRAY[{expected}]::text[]) AS r ORDER BY r)"
    );
    push(
        text,
        raise_unless(
            &same,
            &format!("other revisions are applied than the script begins with ({from})"),
        ),
    );
}

/// Settings, and the lock for as long as psql's session lasts.
fn opening(text: &mut String) {
    push(text, "\\set ON_ERROR_STOP on");
    for setting in SETTINGS {
        push(text, format_args!("{setting} \\g /dev/null"));
    }
    push(text, "SET client_min_messages = warning;");
    push(text, "\n-- nobody else at work");
    let [key, other] = holder::key();
    push(
        text,
        raise_unless(
            &format!("pg_catalog.pg_try_advisory_lock({key}, {other})"),
            "another forge is at work on this database",
        ),
    );
}

fn history_tables(text: &mut String) {
    push(text, "\n-- the schema in which forge keeps its history");
    for (table, statements) in HISTORY {
        push(
            text,
            format_args!(
                "SELECT pg_catalog.to_regclass('forge.{table}') IS NULL AS forge_is_new \\gset"
            ),
        );
        push(text, "\\if :forge_is_new");
        push(
            text,
            format_args!(
                "BEGIN;\n{};\nCOMMIT;",
                statements.trim_end().trim_end_matches(';')
            ),
        );
        push(text, "\\endif");
    }
}

/// A statement that stops psql unless a condition holds.
fn raise_unless(condition: &str, message: &str) -> String {
    let body = format!(
        " BEGIN\n  IF NOT ({condition}) THEN RAISE EXCEPTION '%', {}; END IF;\nEND ",
        Literal(message)
    );
    format!("DO {};", dollar_quoted("forge", &body))
}

fn one(text: &mut String, script: &Script<'_>, state: Fingerprint) {
    let header = &script.file.plan.header;
    let revision = &header.revision;
    let (verb, start, end) = match script.direction {
        Direction::Up => ("upgrade", EventKind::ApplyStart, EventKind::Applied),
        Direction::Down => ("downgrade", EventKind::RevertStart, EventKind::Reverted),
        Direction::Abort => ("undo", EventKind::AbortStart, EventKind::Aborted),
    };
    push(
        text,
        format_args!(
            "\n\\echo Running {verb} {revision}: {}",
            unquoted(&header.message)
        ),
    );
    absent(text, script);
    push(text, "BEGIN;");
    if script.direction == Direction::Up {
        let body = Body {
            up: script.file.text.clone(),
            down: script.down.map(|down| down.text.clone()),
        };
        push(
            text,
            format_args!(
                "{};",
                registration(&script.file.plan, &body, Storable::Ascii)
            ),
        );
    }
    push(text, event(revision, start, None, Some(state)));
    push(text, "COMMIT;");
    let batches = &script.file.plan.plan.batches;
    let mut number = 0;
    for batch in batches {
        write_batch(text, revision, batch, &mut number);
    }
    push(text, event(revision, end, None, None));
}

/// What the plan creates mustn't be there: the guard that a script without forge can have.
fn absent(text: &mut String, script: &Script<'_>) {
    let mut seen = Vec::new();
    let steps = || script.file.plan.plan.steps();
    let dropped: Vec<_> = steps()
        .filter(|step| step.action == Action::Drop)
        .map(|step| &step.object)
        .collect();
    for step in steps().filter(|step| step.action == Action::Create && step.object.is_relation()) {
        if dropped.contains(&&step.object) || seen.contains(&&step.object) {
            continue;
        }
        seen.push(&step.object);
        let name = step.object.sql();
        push(
            text,
            raise_unless(
                &format!("pg_catalog.to_regclass({}) IS NULL", Literal(&name)),
                &format!("{} is there already", step.object),
            ),
        );
    }
}

fn write_batch(text: &mut String, revision: &str, batch: &Batch, number: &mut usize) {
    // psql carries out as a whole what forge does in batches: in one transaction with its record.
    let transactional = batch.transactional || writes_only(batch);
    if transactional {
        push(text, "\nBEGIN;");
    }
    for step in &batch.steps {
        *number += 1;
        let what = comment(format_args!(
            "step {number}: {} {}",
            step.action, step.object
        ));
        push(text, format_args!("\n{what}"));
        if !transactional {
            push(
                text,
                event(revision, EventKind::StepStart, Some(*number), None),
            );
        }
        for statement in &step.sql {
            push(text, format_args!("{statement};"));
        }
        push(
            text,
            event(revision, EventKind::StepDone, Some(*number), None),
        );
    }
    if transactional {
        push(text, "\nCOMMIT;");
    }
}

fn event(
    revision: &str,
    kind: EventKind,
    step: Option<usize>,
    state: Option<Fingerprint>,
) -> String {
    let step = step.map_or("NULL".to_owned(), |step| step.to_string());
    let state = state.map_or("NULL".to_owned(), |state| {
        Literal(&state.to_string()).to_string()
    });
    format!(
        "INSERT INTO forge.event (rev, kind, step, run_id, os_user, host, forge_version, fingerprint)\n\
         VALUES ({}, {}, {step}, 'psql', 'psql', 'psql', {}, {state});",
        Literal(revision),
        Literal(kind.as_str()),
        Literal(env!("CARGO_PKG_VERSION")),
    )
}
