//! How a draft that was written is shown.

use super::Context;
use crate::commands::draft::Written;

/// Prints the draft's path, and what its steps do.
pub(super) fn describe(context: &Context<'_>, written: &Written) {
    let reporter = context.reporter;
    reporter.data(&written.path);
    let plan = &written.plan.plan;
    for step in plan.steps() {
        let why = if step.summary.is_empty() {
            String::new()
        } else {
            format!(" — {}", step.summary)
        };
        reporter.note(format_args!("{} {}{why}", step.action, step.object));
    }
    for (step, hazard) in plan
        .hazards()
        .filter(|(_, hazard)| hazard.kind.needs_approval())
    {
        reporter.warn(format_args!(
            "{} · {}: {}",
            hazard.kind,
            hazard.subject(&step.object),
            hazard.why
        ));
    }
}
