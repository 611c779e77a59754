//! `forge ensure-history`: the schema in which forge keeps its history, made before anything is applied.

use super::Context;
use crate::{
    apply::history_script,
    commands::{self, ensure_history::Ensured},
    diagnostic::{Exit, Result},
};

/// Create the schema `forge` in the database, in which forge keeps its history
///
/// `forge apply` does so by itself. This is for a database in which another role than the one that applies has to, or in
/// which rights are to be granted first. Where the schema is there, nothing is done.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print a script for psql that does it, which asks no database
    #[arg(long)]
    sql: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    if args.sql {
        context.reporter.sql(&history_script());
        return Ok(Exit::Done);
    }
    let ensured = commands::ensure_history(&context.project()?).await?;
    context.reporter.note(match ensured {
        Ensured::Created => "created the schema `forge`, in which forge keeps its history",
        Ensured::Extended => "added to the schema `forge` what an earlier forge didn't know",
        Ensured::Present => "nothing to do: the schema `forge` is there",
    });
    Ok(Exit::Done)
}
