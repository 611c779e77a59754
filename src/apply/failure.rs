//! What to say when a step fails.

use std::{ops::Range, sync::Arc};

use tokio_postgres::error::ErrorPosition;

use super::{cause::Cause, script::Script};
use crate::{
    connection::failure::server_error,
    diagnostic::{Code, Diagnostic, Exit, SourceFile},
    history::Direction,
    kinds::Step,
    plan::file::PlanFile,
};

/// A statement that failed.
pub(super) struct Failure<'a> {
    /// The step's number, counted from one.
    pub(super) number: usize,
    /// The step.
    pub(super) step: &'a Step,
    /// The statement, unless it was the end of the transaction.
    pub(super) sql: Option<&'a str>,
    /// What happened.
    pub(super) cause: Cause,
}

/// What is known of the step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing of it stands.
    Nothing,
    /// So many rows of it are done, in batches.
    Rows(u64),
    /// It may stand: the connection ended with its commit under way, or what it left could not be cleared.
    Unknown,
}

/// What stands of a plan when a step of it fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stood {
    /// So many steps stand.
    pub(super) stands: usize,
    /// What is known of the one that failed.
    pub(super) rest: Rest,
    /// The step at which the next run goes on.
    pub(super) next: usize,
}

/// The error that the command ends with. `lost` is why forge has given the connection up.
pub(super) fn explain(
    script: &Script<'_>,
    failure: &Failure<'_>,
    Stood { stands, rest, next }: Stood,
    (blockers, lost): (Vec<String>, Option<Diagnostic>),
) -> Diagnostic {
    let (participle, command) = script.direction.words();
    let command = match script.phase {
        Some(phase) => format!("{command} --phase {phase}"),
        None => command.to_owned(),
    };
    let Failure {
        number,
        step,
        sql,
        cause,
    } = failure;
    let total = script.file.plan.plan.steps().count();
    let what = format!(
        "step {number} of {total} (`{} {}`)",
        step.action, step.object
    );
    let code = match cause {
        Cause::Refused(error) if error.code().exit() == Exit::Partial => error.code(),
        _ if stands > 0 || rest != Rest::Nothing => Code::Partial,
        Cause::Refused(error) => error.code(),
        Cause::Stopped => Code::Interrupted,
        Cause::Server(_) if cause.is_lock_timeout() => Code::Busy,
        Cause::Server(_) if cause.ends_connection() => Code::ConnectionLost,
        Cause::Server(_) => Code::StepFailed,
    };
    let mut diagnostic = match cause {
        Cause::Refused(error) => {
            let message = format!("{what} failed: {}", error.message());
            let diagnostic = with_notes(Diagnostic::error(code, message), error);
            let range = sql
                .filter(|_| error.code() == Code::NoKey)
                .and_then(|sql| place(&script.file.text, *number, sql, None));
            match range {
                Some(range) => diagnostic.at(&source(script), range, "over this table"),
                None => diagnostic,
            }
        }
        Cause::Stopped => {
            let place = if sql.is_some() { "in" } else { "before" };
            Diagnostic::error(code, format!("interrupted {place} {what}"))
        }
        Cause::Server(error) => {
            let said = match lost {
                Some(lost) => match lost.help_text().map(str::to_owned) {
                    Some(help) => lost.note(help),
                    None => lost,
                },
                None => server_error(error),
            };
            let message = if cause.ends_connection() {
                format!(
                    "the connection to the server was lost in {what}: {}",
                    said.message()
                )
            } else {
                format!("{what} failed: {}", said.message())
            };
            let mut diagnostic = Diagnostic::error(code, message);
            // A batch is another statement than the one in the file: only that it is this one can be said.
            let position = error
                .as_db_error()
                .and_then(|error| error.position())
                .filter(|_| step.batching.is_none());
            if let Some(range) =
                sql.and_then(|sql| place(&script.file.text, *number, sql, position))
            {
                diagnostic = diagnostic.at(&source(script), range, "here");
            }
            with_notes(diagnostic, &said)
        }
    };
    for blocker in blockers {
        diagnostic = diagnostic.note(blocker);
    }
    let again = match cause {
        Cause::Refused(error) if error.help_text().is_some() => {
            error.help_text().unwrap_or_default().to_owned()
        }
        Cause::Stopped => format!("run `{command}` again"),
        Cause::Server(_) if cause.ends_connection() => {
            format!("check that the server runs and can be reached, then run `{command}` again")
        }
        Cause::Server(_) | Cause::Refused(_) => {
            format!("remove the cause, then run `{command}` again")
        }
    };
    let revision = script.file.revision();
    if rest == Rest::Unknown {
        return diagnostic
            .note(format!(
                "{stands} of {total} steps of revision `{revision}` stand; whether this one does is found out by the next run"
            ))
            .help(again);
    }
    if let Rest::Rows(rows) = rest {
        return diagnostic
            .note(format!(
                "{stands} of {total} steps of revision `{revision}` stand, and {rows} rows of this one"
            ))
            .help(match cause {
                Cause::Refused(_) => again,
                Cause::Stopped | Cause::Server(_) => {
                    format!("{again}: it goes on behind the last row that is done")
                }
            });
    }
    if stands == 0 {
        return diagnostic
            .note(format!("nothing of revision `{revision}` was {participle}"))
            .help(again);
    }
    diagnostic
        .note(format!(
            "revision `{revision}` is partly {participle}: {stands} of {total} steps stand"
        ))
        .help(match script.direction {
            Direction::Up => format!(
                "{again}: it goes on at step {next}; or undo what stands: `forge apply --abort`"
            ),
            Direction::Down | Direction::Abort => format!(
                "{again}: it goes on at step {next}; or end it where the database stands: `forge repair --mark-done rest`"
            ),
        })
}

fn source(script: &Script<'_>) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        path: script.file.path.clone(),
        text: script.file.text.clone(),
    })
}

fn with_notes(diagnostic: Diagnostic, said: &Diagnostic) -> Diagnostic {
    let notes = said.notes().iter();
    notes.fold(diagnostic, |diagnostic, note| diagnostic.note(note.clone()))
}

/// Where in the plan's file the server points, or else the statement's first line.
fn place(
    text: &str,
    number: usize,
    sql: &str,
    position: Option<&ErrorPosition>,
) -> Option<Range<usize>> {
    let start = PlanFile::place_of(text, number, sql)?.start;
    Some(match position {
        Some(ErrorPosition::Original(position)) => {
            let range = word(sql, usize::try_from(*position).ok()?);
            start + range.start..start + range.end
        }
        Some(ErrorPosition::Internal { .. }) | None => {
            start..start + sql.find('\n').unwrap_or(sql.len())
        }
    })
}

/// The word at a character, counted from one.
fn word(sql: &str, character: usize) -> Range<usize> {
    let start = sql
        .char_indices()
        .nth(character.saturating_sub(1))
        .map_or(sql.len(), |(at, _)| at);
    let rest = &sql[start..];
    let letters = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let length = letters.max(rest.chars().next().map_or(0, char::len_utf8));
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        fn check(character: usize, expected: &str) {
            let sql = "SELECT 'é', big FROM t";
            assert_eq!(&sql[word(sql, character)], expected);
        }
        check(1, "SELECT");
        check(13, "big");
        check(11, ",");
        check(22, "t");
        check(99, "");
    }
}
