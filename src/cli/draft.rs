//! How a draft that was written is shown.

use super::Context;
use crate::commands::plan::Draft;

/// Prints the draft's path, and what its steps do.
pub(super) fn describe(context: &Context<'_>, draft: &Draft) {
    let reporter = context.reporter;
    reporter.data(&draft.path);
    for step in &draft.steps {
        let why = if step.summary.is_empty() {
            String::new()
        } else {
            format!(" — {}", step.summary)
        };
        reporter.note(format_args!("{} {}{why}", step.action, step.object));
    }
    for risk in &draft.hazards {
        reporter.warn(format_args!(
            "{} · {}: {}",
            risk.hazard, risk.object, risk.why
        ));
    }
}
