//! `forge estimate`: how long plans take about on this database.
//!
//! A command of its own and no lines in a plan file, because sizes change from day to day and from one environment to the
//! next, and a frozen plan doesn't.

use std::{fmt::Write as _, time::Duration};

use super::{Context, Format};
use crate::{
    commands::{
        self,
        estimate::{Expected, LockTaken},
    },
    diagnostic::{Exit, Result},
    health::facts,
    report::{Paint, Role},
};

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

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let report = commands::estimate(&context.project()?, &args.plans).await?;
    match args.format {
        Format::Json => context.reporter.json(&report),
        Format::Text if report.plans.is_empty() => context.reporter.note("no plan is pending"),
        Format::Text => {
            let paint = context.reporter.data_paint();
            let plans = report.plans.iter();
            let text: String = plans.map(|plan| render(plan, paint)).collect();
            context.reporter.data(text.trim_end());
            context.reporter.note(format_args!(
                "{} in all, without what locks are waited for",
                facts::about(Duration::from_secs_f64(report.seconds))
            ));
        }
    }
    Ok(Exit::Done)
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
