//! `forge edit`: opens a draft in an editor.

use std::process::Command;

use super::Context;
use crate::{
    commands::revisions,
    diagnostic::{Code, Diagnostic, Exit, Result},
    files::SQL_LIMIT,
    plan::file::PlanFile,
};

/// Open a draft in `$VISUAL` or `$EDITOR`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The draft, by revision or file; without one, the only draft
    #[arg(value_name = "PLAN")]
    plan: Option<String>,

    /// Open the way back
    #[arg(long)]
    down: bool,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::folder(&project)?;
    let filed = match &args.plan {
        Some(word) => folder.named(word)?,
        None => match &folder.drafts().collect::<Vec<_>>()[..] {
            [draft] => *draft,
            drafts => {
                return Err(Diagnostic::error(
                    Code::Usage,
                    format!("there are {} drafts", drafts.len()),
                )
                .help("name the one to edit"));
            }
        },
    };
    if filed.plan.header.approval.is_some() {
        return Err(Diagnostic::error(
            Code::EditedPlan,
            format!("`{}` is approved and no longer edited", filed.path),
        )
        .help(
            "change the schema tree and plan again; what isn't applied anywhere can be deleted",
        ));
    }
    let shown = match folder.downs.get(filed.revision()) {
        Some(down) if args.down => &down.path,
        _ => &filed.path,
    };
    let path = project.settings.project.root.join(shown);
    let variable = |name: &str| context.environment.get(name);
    let editor = variable("VISUAL")
        .or_else(|| variable("EDITOR"))
        .ok_or_else(|| {
            Diagnostic::error(Code::Usage, "no editor is named")
                .help(format!("set `EDITOR`, or edit `{shown}` as you like"))
        })?;
    // The variable may hold arguments, so a shell reads it, as git does.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh", path.as_str()])
        .status()?;
    if !status.success() {
        return Err(Diagnostic::error(
            Code::Usage,
            format!("`{editor}` ended with {status}"),
        ));
    }
    let text = project
        .settings
        .project
        .files
        .text(&path, SQL_LIMIT)?
        .unwrap_or_default();
    let plan = PlanFile::read(shown, &text)?;
    context.reporter.note(if plan.is_proved()? {
        "nothing was changed that counts".to_owned()
    } else {
        format!("`forge approve {}` proves it again", filed.revision())
    });
    Ok(Exit::Done)
}
