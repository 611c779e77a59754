//! How the checks of `doctor`, `verify` and `preflight` are printed.

use std::fmt::Write as _;

use super::{Context, Format};
use crate::{
    commands::checks::Report,
    health::{Line, Verdict},
    report::{Paint, Role},
};

/// Prints checks as what the command was asked for.
pub(super) fn print(context: &Context<'_>, report: &Report, format: Format) {
    match format {
        Format::Text => {
            let paint = context.reporter.data_paint();
            context.reporter.data(table(&report.checks, paint));
        }
        Format::Json => context.reporter.json(report),
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
