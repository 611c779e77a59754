//! `forge show`: one plan.

use super::{
    Context,
    revisions::{self, Revisions},
    target::OpenTarget,
};
use crate::{
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Filed, Folder, Reference},
    settings::Settings,
};

/// Print a plan
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revision: its first digits or its file, `head`, or `current`
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
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    let reference = args.revision.parse::<Reference>().ok();
    let filed = match &reference {
        Some(Reference::Head) if !args.applied => match folder.graph()?.head()? {
            Some(head) => from_folder(args, &folder, head),
            None => return Err(nothing("there are no plans")),
        },
        Some(Reference::Current) => None,
        _ if args.applied => None,
        _ => match revisions::named(&folder, &args.revision) {
            Ok(filed) => from_folder(args, &folder, filed.revision()),
            // Its file may be gone, and the target remembers it.
            Err(error) if settings.target.is_none() => return Err(error),
            Err(_) => None,
        },
    };
    let filed = match filed {
        Some(filed) => filed.clone(),
        None => from_target(args, context, &settings, folder, reference.as_ref()).await?,
    };
    context.reporter.sql(&filed.text);
    Ok(Exit::Done)
}

fn from_folder<'a>(args: &Args, folder: &'a Folder, revision: &str) -> Option<&'a Filed> {
    if args.down {
        folder.downs.get(revision)
    } else {
        folder.plans.get(revision)
    }
}

fn nothing(message: &str) -> Diagnostic {
    Diagnostic::error(Code::UnknownRevision, message).help("`forge history` lists the revisions")
}

async fn from_target(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
    folder: Folder,
    reference: Option<&Reference>,
) -> Result<Filed> {
    let target = OpenTarget::open(context, settings, "show").await?;
    let filed = async {
        let journal = history::load(&target.session).await?;
        let recorded = journal
            .revisions
            .keys()
            .map(|key| (key.clone(), history::Node::default()));
        let recorded = history::Graph::new(recorded.collect())?;
        let revision = match reference {
            Some(Reference::Revision(prefix)) => recorded.find(prefix)?.to_owned(),
            Some(Reference::Head | Reference::Current) => {
                let revisions = Revisions::new(folder, journal)?;
                match revisions.current()[..] {
                    [revision] => revision.to_owned(),
                    [] => return Err(nothing("nothing is applied")),
                    ref several => {
                        return Err(
                            nothing("several revisions are current").note(several.join(", "))
                        );
                    }
                }
            }
            Some(Reference::Base | Reference::Relative(_)) | None => {
                return Err(nothing(&format!(
                    "there is no revision `{}`",
                    args.revision
                )));
            }
        };
        if args.down {
            revisions::remembered_down(&revision, &target.session).await
        } else {
            revisions::remembered(&revision, &target.session).await
        }
    }
    .await;
    target.close().await;
    filed
}
