//! The part of a way back's file that psql leaves out: the undo steps.

use std::{fmt::Write as _, ops::Range};

use super::body::body;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    plan::Plan,
    source::statements_in,
};

/// The line with which the section begins, and the one with which it ends.
const BEGIN: &str = "\\if false";
const END: &str = "\\endif";

/// What a reader must know of it.
const ABOVE: &str = "\
-- What undoes the plan where it has stopped half-way: `forge apply --abort`. Each part undoes the steps that its line names,
-- once those behind them are undone. forge writes and proves this part; psql leaves it out.
";

/// Function bodies may hold such a line, too; so many are looked at.
const MOST: usize = 8;

/// The file's own steps, and the undo steps if there are any.
///
/// # Errors
/// [`Code::PlanFile`] for a section that doesn't end.
pub(super) fn split(text: &str) -> Result<(Range<usize>, Option<Range<usize>>)> {
    let line = format!("\n{BEGIN}\n");
    let mut candidates = text.match_indices(&line).map(|(at, _)| at + 1).take(MOST);
    // Inside of a body or a comment, what is before it is no whole list of statements.
    let Some(at) = candidates.find(|at| statements_in(&text[..*at]).is_ok()) else {
        return Ok((0..text.len(), None));
    };
    let begin = at + BEGIN.len() + 1;
    let end = text.trim_end().strip_suffix(END).map(str::len);
    match end.filter(|end| begin <= *end && text[..*end].ends_with('\n')) {
        Some(end) => Ok((0..at, Some(begin..end))),
        None => Err(Diagnostic::error(
            Code::PlanFile,
            format!("the undo steps begin with `{BEGIN}` and do not end with `{END}`"),
        )
        .help("restore the file from version control")),
    }
}

/// The text of the undo steps.
pub(super) fn write(text: &mut String, undo: &Plan) {
    writeln!(text, "\n{BEGIN}").expect("writing to a String can't fail");
    text.push_str(ABOVE);
    body(text, undo);
    writeln!(text, "{END}").expect("writing to a String can't fail");
}
