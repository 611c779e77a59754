//! `forge approve`: freezes plans.

use std::collections::BTreeMap;

use super::{
    Context,
    allow::{self, Allow},
    person, revisions,
};
use crate::{
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Filed, Folder, freeze},
    plan::file::Approval,
    report::Status,
};

/// Approve plans, so that they can be applied and no longer be edited
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
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    folder.graph()?;
    let chosen = choose(args, &folder)?;
    if chosen.is_empty() {
        context.reporter.note("there is no draft to approve");
        return Ok(Exit::Done);
    }
    let root = &settings.project()?.root;
    let (by, at) = (person::name(context, root), person::now());
    let mut writes = Vec::new();
    let mut refused = Vec::new();
    for filed in chosen.values() {
        if let Some(approval) = &filed.plan.header.approval {
            filed.plan.check_frozen(&filed.path)?;
            context.reporter.status(
                Status::Skipped,
                format_args!(
                    "`{}` was approved by {} on {}",
                    filed.path, approval.by, approval.at
                ),
            );
            continue;
        }
        let allowed = match allow::check(&filed.path, &filed.plan.plan, &args.allow) {
            Ok(allowed) => allowed,
            Err(error) => {
                refused.push(error);
                continue;
            }
        };
        let approval = |filed: &Filed, allowed| -> Result<Approval> {
            Ok(Approval {
                by: by.clone(),
                at: at.clone(),
                reason: args.reason.clone(),
                allowed,
                sha256: filed.plan.sha256()?,
            })
        };
        // The way back first: a plan that is frozen has a frozen one.
        if let Some(down) = folder.downs.get(filed.revision()) {
            let approval = approval(down, Vec::new())?;
            writes.push((down, freeze(&down.text, &approval)));
        }
        let approval = approval(filed, allowed)?;
        writes.push((filed, freeze(&filed.text, &approval)));
    }
    if let Some(error) = Diagnostic::all(refused) {
        return Err(error);
    }
    for (filed, text) in &writes {
        history::replace(&root.join(&filed.path), text)?;
    }
    for filed in chosen.values() {
        if filed.plan.header.approval.is_none() {
            context.reporter.status(
                Status::Applied,
                format_args!("approved `{}`: {}", filed.path, filed.plan.header.message),
            );
        }
    }
    Ok(Exit::Done)
}

fn choose<'a>(args: &Args, folder: &'a Folder) -> Result<BTreeMap<&'a str, &'a Filed>> {
    if !args.plans.is_empty() {
        return revisions::plans_named(folder, &args.plans);
    }
    let drafts: BTreeMap<&str, &Filed> = folder
        .drafts()
        .map(|filed| (filed.revision(), filed))
        .collect();
    if args.all || drafts.len() <= 1 {
        return Ok(drafts);
    }
    let paths: Vec<&str> = drafts.values().map(|filed| filed.path.as_str()).collect();
    Err(
        Diagnostic::error(Code::Usage, format!("there are {} drafts", drafts.len()))
            .note(paths.join(", "))
            .help("name those that you mean, or approve all with `--all`"),
    )
}
