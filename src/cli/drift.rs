//! `forge drift`: what somebody changed in the database behind forge's back.

use std::fmt::Write as _;

use super::{Context, Format, changes};
use crate::{
    commands::{
        self,
        drift::{Adopted, ByHand, Mended, Report, Reverted, Unmodelled},
        revisions::counted,
    },
    diagnostic::{Exit, Result},
    sql::comment,
};

/// Show what somebody changed in the database since the last plan was applied
///
/// Exits with 2 if something is different.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Print the SQL that takes the changes back, for review and for psql; nothing is run
    #[arg(long, conflicts_with_all = ["adopt", "format"])]
    revert: bool,

    /// Edit the files under schema/ so that they declare what the database is now
    ///
    /// Exits with 2 if something is left to do by hand, which is printed.
    #[arg(long, conflicts_with = "format")]
    adopt: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let report = if args.adopt {
        match commands::adopt_drift(&project).await? {
            Mended::Done(adopted) => return Ok(tell_adopted(context, &adopted)),
            Mended::Nothing(report) => report,
        }
    } else if args.revert {
        match commands::revert_drift(&project).await? {
            Mended::Done(reverted) => {
                tell_reverted(context, &reverted);
                return Ok(Exit::Done);
            }
            Mended::Nothing(report) => report,
        }
    } else {
        commands::drift(&project).await?
    };
    match args.format {
        Format::Json => context.reporter.json(&report),
        Format::Text => print(&report, context),
    }
    Ok(if report.drift {
        Exit::Difference
    } else {
        Exit::Done
    })
}

fn print(report: &Report, context: &Context<'_>) {
    let Some(left_by) = &report.left_by else {
        context
            .reporter
            .note("nothing has been applied here, so there is nothing to compare with");
        return;
    };
    if !report.drift {
        context.reporter.note(format_args!(
            "no drift: the database is as {left_by} left it"
        ));
        return;
    }
    if let Some(revision) = &report.differs {
        context.reporter.warn(format_args!(
            "revision {revision} has left something else than it promised, which no later plan has taken back{}; \
             `forge plan` shows the difference from the schema tree",
            report.found
        ));
    }
    if report.changed() == 0 {
        context
            .reporter
            .note(format_args!("nothing was changed since {left_by}"));
        return;
    }
    let left = format!("as {left_by} left it");
    let mut text = String::new();
    for group in &report.objects {
        text += &changes::section(context, group, &left, "as it is now");
    }
    for Unmodelled { change, object } in &report.unmodelled {
        writeln!(
            text,
            "{object} {} (not managed by forge)\n",
            change.as_str()
        )
        .expect("writing to a String can't fail");
    }
    context.reporter.data(text.trim_end());
    context.reporter.note(format_args!(
        "the database is not {left}: {} changed; `forge drift --revert` prints the SQL that takes that back, \
         `forge drift --adopt` brings it into the schema tree",
        counted(report.changed(), "object")
    ));
}

fn tell_reverted(context: &Context<'_>, reverted: &Reverted) {
    let Some(sql) = &reverted.sql else {
        context.reporter.note("there is nothing to take back");
        return;
    };
    context.reporter.sql(sql);
    for hazard in &reverted.hazards {
        context.reporter.warn(hazard);
    }
    context.reporter.note(format_args!(
        "{} back to what {} left; nothing was run",
        counted(reverted.steps, "step"),
        reverted.left_by
    ));
}

fn tell_adopted(context: &Context<'_>, adopted: &Adopted) -> Exit {
    for by_hand in &adopted.by_hand {
        tell_by_hand(context, by_hand);
    }
    if !adopted.by_hand.is_empty() {
        context.reporter.note(format_args!(
            "{} to be edited by hand; then `forge drift --adopt` again",
            counted(adopted.by_hand.len(), "object")
        ));
        return Exit::Difference;
    }
    if adopted.edited {
        context.reporter.note(format_args!(
            "the files declare what the database is; for the history to say so: \
             `forge plan --from history{} -m TEXT`, `forge approve`, `forge stamp head`",
            adopted.only
        ));
    }
    Exit::Done
}

fn tell_by_hand(context: &Context<'_>, by_hand: &ByHand) {
    let ByHand {
        object,
        why,
        places,
        sql,
    } = by_hand;
    let at = if places.is_empty() {
        String::new()
    } else {
        format!(" ({})", places.join(", "))
    };
    context
        .reporter
        .warn(format_args!("edit the files for {object}{at}: {why}"));
    context.reporter.sql(&match sql {
        Some(sql) => format!("{}\n{sql}", comment(format_args!("{object}{at}"))),
        None => comment(format_args!(
            "{object}{at}: it is gone, take its statements out"
        )),
    });
}
