//! `forge show`: one plan.

use super::Context;
use crate::{
    commands::{Project, revisions, target::OpenTarget},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Filed, Folder, Journal, Place, Reference, Revisions},
    plan::outlook,
};

/// Print a plan
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revision: its first digits or its file, `head`, `current`, a branch label, `head-2`
    #[arg(value_name = "REVISION", default_value = "head")]
    revision: String,

    /// Print it as it was applied, not as its file is now
    #[arg(long)]
    applied: bool,

    /// Print the way back
    #[arg(long)]
    down: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    let filed = match in_folder(args, &folder) {
        Ok(Some(filed)) => filed.clone(),
        // Its file may be gone, and the target remembers it.
        Err(error) if project.settings.target.is_none() => return Err(error),
        Ok(None) | Err(_) => from_target(args, &project, folder).await?,
    };
    context.reporter.sql(&filed.text);
    tell_signature(context, &project, &filed);
    context.reporter.notes(outlook(&filed.plan.plan).lines());
    Ok(Exit::Done)
}

/// Who has signed the plan, if its signature counts. The way back is covered by the plan's.
fn tell_signature(context: &Context<'_>, project: &Project<'_>, filed: &Filed) {
    let approval = filed.plan.header.approval.as_ref();
    if approval.is_none_or(|approval| approval.signature.is_none()) {
        return;
    }
    match project.signers() {
        None => context.reporter.note(
            "signed; nothing names the people whose signatures count (`signers` in `[policy]`)",
        ),
        Some(signers) => match signers.signer(filed) {
            Ok(signer) => context.reporter.note(format_args!("signed by {signer}")),
            Err(error) => context.reporter.warn(error.message()),
        },
    }
}

/// The file that is meant, unless only the target can tell.
fn in_folder<'a>(args: &Args, folder: &'a Folder) -> Result<Option<&'a Filed>> {
    let reference = args.revision.parse::<Reference>();
    let by_target = |reference: &Reference| reference.place == Place::Current;
    if args.applied || reference.as_ref().is_ok_and(by_target) {
        return Ok(None);
    }
    let revision = match &reference {
        Err(_) => folder.named(&args.revision)?.revision().to_owned(),
        Ok(reference) if matches!(reference.place, Place::Named(_)) && reference.is_plain() => {
            folder.named(&args.revision)?.revision().to_owned()
        }
        Ok(reference) => {
            let revisions = Revisions::new(folder.clone(), Journal::default())?;
            meant(&revisions, reference)?
        }
    };
    let files = if args.down {
        &folder.downs
    } else {
        &folder.plans
    };
    Ok(files.get(&revision))
}

fn meant(revisions: &Revisions, reference: &Reference) -> Result<String> {
    match revisions.walk().resolve(reference)?[..] {
        [revision] => Ok(revision.to_owned()),
        [] => {
            let message = match reference.place {
                Place::Head | Place::Heads => "there are no plans".to_owned(),
                Place::Current => "nothing is applied".to_owned(),
                Place::Base | Place::Named(_) => {
                    format!("`{reference}` is before the first revision")
                }
            };
            Err(Diagnostic::error(Code::UnknownRevision, message)
                .help("`forge history` lists the revisions"))
        }
        ref several => Err(Diagnostic::error(
            Code::UnknownRevision,
            format!("`{reference}` is several revisions"),
        )
        .note(several.join(", "))
        .help("name one of them")),
    }
}

async fn from_target(args: &Args, project: &Project<'_>, folder: Folder) -> Result<Filed> {
    let target = OpenTarget::open_to_read(project, "show").await?;
    let filed = async {
        let journal = history::load(&target.session).await?;
        let reference = match args.revision.parse() {
            Ok(reference) => reference,
            Err(_) => Reference::to(Place::Named(
                folder.named(&args.revision)?.revision().to_owned(),
            )),
        };
        let revision = meant(&Revisions::ever(folder, journal)?, &reference)?;
        if args.down {
            history::remembered_down(&revision, &target.session).await
        } else {
            history::remembered(&revision, &target.session).await
        }
    }
    .await;
    target.close().await;
    filed
}
