//! From differences to an ordered list of steps, and to the file that people review.

mod batch;
mod bodies;
mod estimate;
pub mod file;
mod graph;
mod likeness;
mod line_ends;
mod misfit;
mod order;
mod outlook;
mod part;
mod spans;
mod steps;
mod undo;
mod undo_part;

pub use self::{
    batch::{Batch, Plan},
    estimate::{Estimate, Held, Size, Sizes, estimate, held},
    likeness::suggest_renames,
    line_ends::differ_in_line_ends,
    misfit::{Misfit, Why, misfits},
    outlook::{Outlook, outlook},
    part::{Part, is_named, unrelated},
    undo::{End, Standing, changes, is_changed, standing, unlike},
    undo_part::{UndoChange, UndoPart},
};

use std::collections::BTreeSet;

use crate::{catalog::Judge, diagnostic::Result, diff::Diff};

/// Makes the plan that leads from the live catalog to the desired one.
///
/// # Errors
/// If objects need each other in a circle that nothing can take apart.
pub fn plan(diff: &Diff<'_>) -> Result<Plan> {
    let graph = order::arrange(diff)?;
    let mut plan = batch::split(graph, diff.catalogs);
    let mut empty = BTreeSet::new();
    // What a backfill meets is what is there, and what the steps before it made.
    let fills = plan.steps().any(|step| step.batching.is_some());
    let statements: Vec<String> = plan.statements().filter(|_| fills).cloned().collect();
    let mut judge = fills.then(|| Judge::new([diff.catalogs.live], []));
    let mut ahead = statements.iter();
    for step in plan.batches.iter_mut().flat_map(|batch| &mut batch.steps) {
        step.settle(&mut empty, |sql| {
            let judge = judge.as_ref();
            judge.map_or_else(BTreeSet::new, |judge| judge.effects(sql))
        });
        if let Some(judge) = &mut judge {
            let own = ahead.by_ref().take(step.sql.len());
            own.for_each(|sql| judge.note(sql));
        }
    }
    Ok(plan)
}
