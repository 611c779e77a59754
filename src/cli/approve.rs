//! `forge approve`: freezes plans.

use super::Context;
use crate::{
    commands::{
        self,
        approve::{Allow, Options},
    },
    diagnostic::{Exit, Result},
};

/// Approve plans, so that they can be applied and no longer be edited
///
/// A draft that was edited since forge wrote it is proved again: it must still end in what schema/ declares.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Plans, by revision or file; without any, the only draft
    #[arg(value_name = "PLAN", conflicts_with = "all")]
    plans: Vec<String>,

    /// Approve every draft
    #[arg(long)]
    all: bool,

    /// Allow a hazard that needs a person's word: `deletes-data`, `deletes-data:app.users`, `all`
    #[arg(long, value_name = "HAZARD[:OBJECT]")]
    allow: Vec<Allow>,

    /// Say why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Sign the plans with an SSH key, as git signs commits; also those that are approved already
    #[arg(long)]
    sign: bool,

    /// Sign with the key in this file; otherwise with that of FORGE_SIGNING_KEY, or git's `user.signingkey`
    #[arg(long, value_name = "FILE")]
    signing_key: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let key = args.signing_key.as_ref();
    let options = Options {
        plans: args.plans.clone(),
        all: args.all,
        allow: args.allow.clone(),
        reason: args.reason.clone(),
        sign: args.sign,
        signing_key: key.map(|key| context.working_dir.join(key)),
    };
    let report = commands::approve(&context.project()?, &options).await?;
    if report.approved.is_empty() && report.already.is_empty() {
        context.reporter.note("there is no draft to approve");
    }
    Ok(Exit::Done)
}
