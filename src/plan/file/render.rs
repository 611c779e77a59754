//! A plan file's text.

use super::{PlanFile, SETTINGS, section};
use crate::{
    kinds::{Action, Rollout, Step},
    plan::{Plan, UndoPart},
    sql::{comment, escaped, visible},
};

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

/// A value for the header, in one line without blanks around it, as it is read back.
pub fn header_value(text: &str) -> String {
    visible(text.trim()).into_owned()
}

/// A line of the header: what a user typed can't begin another.
pub fn header_line(key: &str, value: &str) -> String {
    comment(format_args!("forge:{key} {value}")) + "\n"
}

pub(super) fn body(text: &mut String, plan: &Plan) {
    let mut number = 0;
    let mut rollout = Rollout::default();
    let mut parts = plan.parts.iter();
    let mut of_part = 0;
    for batch in &plan.batches {
        while of_part == 0
            && let Some(part) = parts.next()
        {
            write_part(text, part);
            of_part = part.batches;
        }
        of_part = of_part.saturating_sub(1);
        let begins = batch.rollout();
        if begins != rollout {
            rollout = begins;
            text.push('\n');
            text.push_str(&header_line("phase", rollout.as_str()));
        }
        text.push_str(if batch.transactional {
            "\nBEGIN;\n"
        } else {
            ""
        });
        for step in &batch.steps {
            number += 1;
            write_step(text, number, step);
        }
        if batch.transactional {
            text.push_str("\nCOMMIT;\n");
        }
    }
    for part in parts {
        write_part(text, part);
    }
}

fn write_part(text: &mut String, part: &UndoPart) {
    text.push('\n');
    text.push_str(&header_line("undo", &part.numbers()));
    for change in &part.changes {
        text.push_str(&header_line("changes", &change.to_string()));
    }
    for id in &part.stays {
        text.push_str(&header_line("stays", &id.to_string()));
    }
}

fn write_step(text: &mut String, number: usize, step: &Step) {
    text.push('\n');
    let mut line = |words: String| {
        text.push_str(&comment(words));
        text.push('\n');
    };
    line(match step.action {
        Action::Data => format!("forge:data {}", step.object),
        Action::Create | Action::Alter | Action::Rename | Action::Drop => {
            format!("forge:step {number} {} {}", step.action, step.object)
        }
    });
    for (id, state) in &step.expects {
        line(format!("forge:expects {id} {state}"));
    }
    if let Some(hash) = &step.safe {
        line(format!("forge:safe {hash}"));
    }
    if !step.summary.is_empty() {
        line(step.summary.clone());
    }
    for (lock, relation) in &step.locks {
        let (relation, effect) = (escaped(relation), lock.effect());
        line(format!("lock: {lock} on {relation} · {effect}"));
    }
    for hazard in &step.hazards {
        line(format!("hazard: {} · {}", hazard.kind, hazard.why));
    }
    if let Some(batching) = &step.batching {
        line(format!("forge:batch {batching}"));
    }
    for statement in &step.sql {
        text.push_str(statement);
        text.push_str(";\n");
    }
}
