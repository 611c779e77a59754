//! A plan file's text.

use super::{PlanFile, SETTINGS, body::body, section};
use crate::plan::Plan;

impl PlanFile {
    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.header.render(&mut text);
        text.push('\n');
        for setting in SETTINGS {
            text.push_str(setting);
            text.push_str(";\n");
        }
        body(&mut text, &self.plan);
        if let Some(undo) = &self.undo {
            section::write(&mut text, undo);
        }
        text
    }
}

/// The steps' text alone, without hashes: nothing in it changes but when the meaning does.
pub fn render_steps(plan: &Plan) -> String {
    let mut plan = plan.clone();
    for step in plan.batches.iter_mut().flat_map(|batch| &mut batch.steps) {
        step.expects.clear();
        step.safe = None;
    }
    let mut text = String::new();
    body(&mut text, &plan);
    text.trim_start().to_string()
}
