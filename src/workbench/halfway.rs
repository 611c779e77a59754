//! The way back from each place where a plan can stop, proved while the plan is.

use super::{
    rename::Renames,
    run::{differing, run},
    server::Workbench,
};
use crate::{
    build::Scratch,
    catalog::Catalog,
    diagnostic::Result,
    diff::{Catalogs, Diff},
    kinds::{Action, ObjectId, Rollout},
    plan::{Batch, Plan, UndoPart, changes, plan},
    source::Statement,
};

/// A database on the way, and where it may lead back to.
struct Walk<'a> {
    statements: &'a [Statement],
    catalogs: Catalogs<'a>,
    up: &'a Plan,
    renames: Option<Renames<'a>>,
    /// The catalogs before the first batch and behind each one behind which the plan can stop.
    states: Vec<Catalog>,
}

impl Workbench {
    /// Makes the undo steps of a plan, and proves them: the plan is run up to the last place where it can stop, and then each
    /// part has to lead back to the place before. Returns none for a plan that can't stop half-way.
    ///
    /// `scratch` is the live state; another copy of it is returned.
    pub(super) async fn undo(
        &self,
        mut scratch: Scratch,
        statements: &[Statement],
        catalogs: Catalogs<'_>,
        up: &Plan,
        renames: Option<Renames<'_>>,
    ) -> Result<(Scratch, Option<Plan>)> {
        let stops = up.stops();
        if stops == 0 {
            return Ok((scratch, None));
        }
        let mut walk = Walk {
            statements,
            catalogs,
            up,
            renames,
            states: vec![catalogs.live.clone()],
        };
        for batch in &up.batches[..stops] {
            run_batch(&mut scratch, batch).await?;
            walk.states.push(self.read(&scratch).await?);
        }
        let mut parts: Vec<(UndoPart, Plan)> = Vec::new();
        let mut is_as_it_was = true;
        for number in (0..stops).rev() {
            let made;
            (scratch, made, is_as_it_was) = Box::pin(self.part(scratch, &walk, number)).await?;
            parts.push(made);
        }
        if !is_as_it_was {
            scratch = self.again(scratch, &walk, 0).await?;
        }
        Ok((scratch, Some(walk.joined(parts))))
    }

    /// Makes the part that undoes a batch, and goes back by it. Says, too, whether that has led to where it should.
    async fn part(
        &self,
        mut scratch: Scratch,
        walk: &Walk<'_>,
        number: usize,
    ) -> Result<(Scratch, (UndoPart, Plan), bool)> {
        let (back, stays) = match walk.back_over(number) {
            Ok(back) => {
                let what = "the undo steps fail on the shadow server";
                match run(&mut scratch, &back, what).await {
                    Ok(()) => {
                        let reached = self.read(&scratch).await?;
                        let left = differing(&reached, &walk.states[number]);
                        (back, left.unwrap_or_default().into_iter().collect())
                    }
                    Err(_) => (Plan::default(), walk.changed_by(number)),
                }
            }
            Err(_) => (Plan::default(), walk.changed_by(number)),
        };
        let is_back = stays.is_empty();
        let back = if is_back { back } else { Plan::default() };
        let part = UndoPart {
            steps: walk.up.spans()[number],
            changes: Vec::new(),
            stays,
            batches: back.batches.len(),
        };
        if !is_back && number > 0 {
            scratch = self.again(scratch, walk, number).await?;
            return Ok((scratch, (part, back), true));
        }
        Ok((scratch, (part, back), is_back))
    }

    /// Another copy of the live state in which so many batches have been run.
    async fn again(&self, scratch: Scratch, walk: &Walk<'_>, batches: usize) -> Result<Scratch> {
        self.shadow.drop_scratch(scratch).await?;
        let mut scratch = self.scratch("proof").await?;
        self.rebuild(&mut scratch, walk.catalogs, walk.statements)
            .await?;
        for batch in &walk.up.batches[..batches] {
            run_batch(&mut scratch, batch).await?;
        }
        Ok(scratch)
    }
}

impl Walk<'_> {
    /// The way back over a batch, by what it has changed.
    fn back_over(&self, number: usize) -> Result<Plan> {
        let (before, after) = (&self.states[number], &self.states[number + 1]);
        let mut steps = self.up.batches[number].steps.iter();
        let renames = steps.any(|step| step.action == Action::Rename);
        let mut back = match &self.renames {
            Some(Renames { intent, renamed }) if renames => {
                let catalogs = Catalogs {
                    live: before,
                    desired: after,
                };
                intent.way_down(catalogs, Some(renamed))?
            }
            _ => plan(&Diff::new(Catalogs {
                live: after,
                desired: before,
            }))?,
        };
        // The phases of the plan that is undone are over.
        for step in back.batches.iter_mut().flat_map(|batch| &mut batch.steps) {
            step.rollout = Rollout::default();
        }
        Ok(back)
    }

    /// The objects that a batch changes.
    fn changed_by(&self, number: usize) -> Vec<ObjectId> {
        let left = differing(&self.states[number], &self.states[number + 1]);
        left.unwrap_or_default().into_iter().collect()
    }

    /// One plan of all parts, the last batch's first; a batch with which the plan is done has one without steps.
    fn joined(mut self, parts: Vec<(UndoPart, Plan)>) -> Plan {
        let spans = self.up.spans();
        let mut undo = Plan::default();
        if parts.len() < spans.len() {
            self.states.push(self.catalogs.desired.clone());
            undo.parts.push(UndoPart {
                steps: spans[parts.len()],
                changes: Vec::new(),
                stays: Vec::new(),
                batches: 0,
            });
        }
        for (part, back) in parts {
            undo.parts.push(part);
            undo.batches.extend(back.batches);
        }
        let mut changes = changes(&self.states).into_iter().rev();
        for part in &mut undo.parts {
            part.changes = changes.next().unwrap_or_default();
        }
        undo
    }
}

async fn run_batch(scratch: &mut Scratch, batch: &Batch) -> Result<()> {
    let alone = Plan {
        batches: vec![batch.clone()],
        ..Plan::default()
    };
    run(scratch, &alone, "the plan fails on the shadow server").await
}
