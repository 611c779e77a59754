//! How the checks of `doctor`, `verify` and `preflight` are printed.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Context, Format};
use crate::{
    health::{Line, Verdict},
    report::{Paint, Role},
};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// Whether a check found something that isn't as it should be.
pub(super) fn any_bad(lines: &[Line]) -> bool {
    lines.iter().any(|line| line.verdict == Verdict::Bad)
}

/// Prints checks as what the command was asked for.
pub(super) fn print(context: &Context<'_>, lines: &[Line], format: Format) {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        good: bool,
        checks: &'a [Line],
    }
    match format {
        Format::Text => {
            let paint = context.reporter.data_paint();
            context.reporter.data(table(lines, paint));
        }
        Format::Json => context.reporter.json(&Document {
            version: VERSION,
            good: !any_bad(lines),
            checks: lines,
        }),
    }
}

fn table(lines: &[Line], paint: Paint) -> String {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let (role, mark) = match line.verdict {
            Verdict::Good => (Role::Good, "✓"),
            Verdict::Bad => (Role::Bad, "✗"),
            Verdict::Unknown => (Role::Caution, "?"),
        };
        let mark = paint.text(role, mark);
        let mut name = format!("{:width$}", line.name);
        for (number, evidence) in line.evidence.iter().enumerate() {
            let written = if number == 0 {
                writeln!(
                    text,
                    "{mark} {}  {evidence}",
                    paint.text(Role::Strong, &name)
                )
            } else {
                writeln!(text, "  {name}  {evidence}")
            };
            written.expect("writing to a String can't fail");
            name = " ".repeat(width);
        }
    }
    text
}
