//! How long plans take about on this database.

use std::time::Duration;

use serde::Serialize;

use super::{project::Project, revisions, target::OpenTarget};
use crate::{
    diagnostic::Result,
    health::facts,
    history::{self, Filed, Folder, Place, Reference, Revisions},
    kinds::{Effort, Lock},
    plan::{self, Sizes, held},
};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// How long plans take about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of the JSON document.
    pub version: u32,
    /// How long all of them take, without what locks are waited for.
    pub seconds: f64,
    /// The plans.
    pub plans: Vec<Expected>,
}

/// What is to be expected of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// Its revision.
    pub revision: String,
    /// What it is for.
    pub message: String,
    /// How long it takes.
    pub seconds: f64,
    /// Its steps.
    pub steps: Vec<StepExpected>,
    /// The locks that it holds for longer than a moment.
    pub locks: Vec<LockExpected>,
}

/// What is to be expected of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepExpected {
    /// Its number.
    pub number: usize,
    /// What it does.
    pub step: String,
    /// What takes its time.
    pub effort: Option<Effort>,
    /// How long it takes.
    pub seconds: f64,
    /// The locks that it takes.
    pub locks: Vec<LockTaken>,
}

/// A lock that a step takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LockTaken {
    /// Its level.
    pub lock: Lock,
    /// On what.
    pub relation: String,
}

/// A lock and how long it is held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LockExpected {
    /// Its level.
    pub lock: Lock,
    /// On what.
    pub relation: String,
    /// For how long.
    pub seconds: f64,
}

/// Estimates how long plans take on the database, from the sizes of its tables: these, by revision or file, or those that are
/// pending, drafts too. Changes nothing.
pub async fn estimate(project: &Project<'_>, plans: &[String]) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let target = OpenTarget::open_to_read(project, "estimate").await?;
    revisions::tell_target(project, &target.url);
    let expected = look(plans, &target, folder).await;
    target.close().await;
    let plans = expected?;
    Ok(Report {
        version: VERSION,
        seconds: plans.iter().map(|plan| plan.seconds).sum(),
        plans,
    })
}

async fn look(named: &[String], target: &OpenTarget<'_>, folder: Folder) -> Result<Vec<Expected>> {
    let session = &target.session;
    let mut plans: Vec<Filed> = Vec::new();
    if named.is_empty() {
        let revisions = Revisions::new(folder, history::load(session).await?)?;
        for revision in revisions.walk().pending(&Reference::to(Place::Heads))? {
            plans.push(revisions.filed(revision, session).await?);
        }
    } else {
        let named = revisions::plans_named(&folder, named)?;
        plans.extend(named.into_values().cloned());
    }
    let steps = plans.iter().flat_map(|filed| filed.plan.plan.steps());
    let sizes = facts::sizes(session, steps).await?;
    Ok(plans.iter().map(|filed| expected(filed, &sizes)).collect())
}

fn expected(filed: &Filed, sizes: &Sizes) -> Expected {
    let plan = &filed.plan.plan;
    let estimates = plan::estimate(plan, sizes);
    let total: Duration = estimates.iter().map(|estimate| estimate.time).sum();
    let steps = (1..)
        .zip(&estimates)
        .map(|(number, estimate)| StepExpected {
            number,
            step: format!("{} {}", estimate.step.action, estimate.step.object),
            effort: estimate.effort,
            seconds: estimate.time.as_secs_f64(),
            locks: (estimate.step.locks.iter())
                .map(|(lock, relation)| LockTaken {
                    lock: *lock,
                    relation: relation.clone(),
                })
                .collect(),
        });
    let locks = held(plan, sizes).into_iter().map(|held| LockExpected {
        lock: held.lock,
        relation: held.relation.to_owned(),
        seconds: held.time.as_secs_f64(),
    });
    Expected {
        revision: filed.revision().to_owned(),
        message: filed.plan.header.message.clone(),
        seconds: total.as_secs_f64(),
        steps: steps.collect(),
        locks: locks.collect(),
    }
}
