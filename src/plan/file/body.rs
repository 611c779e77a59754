//! The text of steps.

use super::syntax::header_line;
use crate::{
    kinds::{Action, Rollout, Step},
    plan::{Plan, UndoPart},
    sql::{comment, escaped},
};

/// Writes the steps of a plan, or of a way back with its parts.
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
        Action::Data => format!("forge:data {number} {}", step.object),
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
