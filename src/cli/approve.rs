//! `forge approve`: freezes plans.

use std::collections::BTreeMap;

use super::{
    Context,
    allow::{self, Allow},
    person, prove_again, revisions,
};
use crate::{
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{Direction, Filed, Folder, freeze},
    plan::file::{Approval, PlanFile, header_value},
    report::Status,
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
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    folder.graph()?;
    let chosen = choose(args, &folder)?;
    if chosen.is_empty() {
        context.reporter.note("there is no draft to approve");
        return Ok(Exit::Done);
    }
    let mut drafts = Vec::new();
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
        let down = folder.downs.get(filed.revision());
        let edited = !filed.plan.is_proved()?
            || match down {
                Some(down) => !down.plan.is_proved()?,
                None => true,
            };
        match allow::check(&filed.path, &filed.plan.plan, &args.allow) {
            Ok(allowed) => drafts.push(Draft {
                up: (*filed).clone(),
                down: down.cloned(),
                allowed,
                edited,
            }),
            Err(error) => refused.push(error),
        }
    }
    if let Some(error) = Diagnostic::all(refused) {
        return Err(error);
    }
    for draft in drafts.iter_mut().filter(|draft| draft.edited) {
        let proved = prove_again::run(context, &settings, &draft.up, draft.down.as_ref()).await?;
        proved.mark(&mut draft.up.plan, Direction::Up);
        if let Some(down) = &mut draft.down {
            proved.mark(&mut down.plan, Direction::Down);
        }
    }
    let project = settings.project()?;
    let (root, files) = (&project.root, &project.files);
    let (by, at) = (person::name(context, root), person::now());
    let said = Said {
        by: &by,
        at: &at,
        reason: args.reason.as_deref(),
    };
    for mut draft in drafts {
        // The way back first: a plan that is frozen has a frozen one.
        if let Some(down) = &mut draft.down {
            said.seal(&mut down.plan, Vec::new())?;
            files.write(
                &root.join(&down.path),
                &freeze(&down.text, &down.plan.header),
            )?;
        }
        let up = &mut draft.up;
        said.seal(&mut up.plan, draft.allowed)?;
        files.write(&root.join(&up.path), &freeze(&up.text, &up.plan.header))?;
        context.reporter.status(
            Status::Applied,
            format_args!("approved `{}`: {}", up.path, up.plan.header.message),
        );
    }
    Ok(Exit::Done)
}

/// Who approves, when, and why.
pub(super) struct Said<'a> {
    pub(super) by: &'a str,
    pub(super) at: &'a str,
    pub(super) reason: Option<&'a str>,
}

impl Said<'_> {
    /// Approves a plan as it is, with these hazards.
    pub(super) fn seal(&self, plan: &mut PlanFile, allowed: Vec<String>) -> Result<()> {
        plan.header.approval = Some(Approval {
            by: header_value(self.by),
            at: self.at.to_owned(),
            reason: self.reason.map(header_value),
            allowed,
            sha256: plan.sha256()?,
        });
        // The approval takes the proof's place.
        plan.header.proved = None;
        Ok(())
    }
}

/// A plan that is to be frozen.
struct Draft {
    up: Filed,
    down: Option<Filed>,
    allowed: Vec<String>,
    /// Whether somebody has edited it since forge proved it.
    edited: bool,
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
