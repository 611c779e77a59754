//! `forge estimate`: how long plans take about on this database.
//!
//! A command of its own and no lines in a plan file, because sizes change from day to day and from one environment to the
//! next, and a frozen plan doesn't.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::{Context, Format};
use crate::{
    commands::{revisions, target::OpenTarget},
    diagnostic::{Exit, Result},
    health::facts,
    history::{self, Filed, Folder, Place, Reference, Revisions},
    kinds::{Effort, Lock},
    plan::{Sizes, estimate, held},
    report::{Paint, Role},
};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// Estimate how long plans take on the database, step by step, and which locks they hold meanwhile
///
/// From the sizes of its tables and rates that were measured elsewhere: the order of magnitude is right, the second isn't.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Plans, by revision or file; without any, those that are pending, drafts too
    #[arg(value_name = "PLAN")]
    plans: Vec<String>,

    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What is to be expected of a plan.
#[derive(Serialize)]
struct Expected {
    revision: String,
    message: String,
    seconds: f64,
    steps: Vec<StepExpected>,
    locks: Vec<LockExpected>,
}

#[derive(Serialize)]
struct StepExpected {
    number: usize,
    step: String,
    effort: Option<Effort>,
    seconds: f64,
    locks: Vec<LockTaken>,
}

#[derive(Serialize)]
struct LockTaken {
    lock: Lock,
    relation: String,
}

#[derive(Serialize)]
struct LockExpected {
    lock: Lock,
    relation: String,
    seconds: f64,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    #[derive(Serialize)]
    struct Document {
        version: u32,
        seconds: f64,
        plans: Vec<Expected>,
    }
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    let target = OpenTarget::open_to_read(&project, "estimate").await?;
    revisions::tell_target(&project, &target.url);
    let expected = look(args, &target, folder).await;
    target.close().await;
    let plans = expected?;
    let seconds = plans.iter().map(|plan| plan.seconds).sum();
    match args.format {
        Format::Json => context.reporter.json(&Document {
            version: VERSION,
            seconds,
            plans,
        }),
        Format::Text if plans.is_empty() => context.reporter.note("no plan is pending"),
        Format::Text => {
            let paint = context.reporter.data_paint();
            let text: String = plans.iter().map(|plan| render(plan, paint)).collect();
            context.reporter.data(text.trim_end());
            context.reporter.note(format_args!(
                "{} in all, without what locks are waited for",
                facts::about(Duration::from_secs_f64(seconds))
            ));
        }
    }
    Ok(Exit::Done)
}

async fn look(args: &Args, target: &OpenTarget<'_>, folder: Folder) -> Result<Vec<Expected>> {
    let session = &target.session;
    let mut plans: Vec<Filed> = Vec::new();
    if args.plans.is_empty() {
        let revisions = Revisions::new(folder, history::load(session).await?)?;
        for revision in revisions.walk().pending(&Reference::to(Place::Heads))? {
            plans.push(revisions.filed(revision, session).await?);
        }
    } else {
        let named = revisions::plans_named(&folder, &args.plans)?;
        plans.extend(named.into_values().cloned());
    }
    let steps = plans.iter().flat_map(|filed| filed.plan.plan.steps());
    let sizes = facts::sizes(session, steps).await?;
    Ok(plans.iter().map(|filed| expected(filed, &sizes)).collect())
}

fn expected(filed: &Filed, sizes: &Sizes) -> Expected {
    let plan = &filed.plan.plan;
    let estimates = estimate(plan, sizes);
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

fn render(plan: &Expected, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String can't fail");
    let about = |seconds| facts::about(Duration::from_secs_f64(seconds));
    let head = format!("{}: {}", plan.revision, plan.message);
    line(paint.text(Role::Strong, head).to_string());
    for step in &plan.steps {
        let what = step
            .effort
            .map_or(String::new(), |effort| format!(", {}", effort.as_str()));
        line(format!(
            "  {}. {}: {}{what}",
            step.number,
            step.step,
            about(step.seconds)
        ));
        for LockTaken { lock, relation } in &step.locks {
            line(format!("       {lock} on {relation}, {}", lock.effect()));
        }
    }
    for held in &plan.locks {
        let words = format!(
            "  {} on {} is held for {}: {}",
            held.lock,
            held.relation,
            about(held.seconds),
            held.lock.effect()
        );
        line(paint.text(Role::Caution, words).to_string());
    }
    line(format!("  {}", about(plan.seconds)));
    text
}
