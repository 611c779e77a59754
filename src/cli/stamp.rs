//! `forge stamp`: declares revisions to be applied.

use super::{Context, locked, revisions, target::OpenTarget};
use crate::{
    apply::{self, Work},
    diagnostic::{Exit, Result},
    history::{self, Folder, Place, Reference, Revisions, Stamp},
    report::Status,
    settings::Settings,
};

/// Declare that the database is at a revision, and run nothing
///
/// For a database that others have brought there. forge compares it with what the revision leads to and refuses if it is
/// something else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revisions: their first digits, a branch label, `head`, `heads`, `base`
    #[arg(value_name = "REVISION", required = true)]
    to: Vec<Reference>,

    /// Stamp a database that is something else; the history says so
    #[arg(long)]
    force: bool,

    /// Forget what is recorded of revisions whose file is gone, too
    #[arg(long)]
    purge: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(&settings)?;
    folder.graph()?;
    locked::on_target(context, &settings, "stamp", async |_, work| {
        declare(args, context, folder, work).await
    })
    .await
}

/// Declares that an open target is at the heads of the plans folder.
pub(super) async fn heads(
    context: &Context<'_>,
    settings: &Settings,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let args = Args {
        to: vec![Reference::to(Place::Heads)],
        force: false,
        purge: false,
    };
    let folder = revisions::folder(settings)?;
    locked::under_lock(context, settings, target, async |work| {
        declare(&args, context, folder, work).await
    })
    .await
}

async fn declare(
    args: &Args,
    context: &Context<'_>,
    folder: Folder,
    work: &Work<'_>,
) -> Result<Exit> {
    let revisions = Revisions::ever(folder, history::load(work.session).await?)?;
    let stamp = Stamp::new(&revisions, &args.to)?;
    if !args.purge {
        stamp.keeps_lost(&revisions)?;
    }
    if stamp.is_empty() {
        context.reporter.note("nothing to do");
        return Ok(Exit::Done);
    }
    let live = apply::read_target(work).await?;
    let differs = stamp.check(&live);
    let forced = differs.is_err();
    if !args.force {
        differs?;
    }
    history::stamp(work.session, work.actor, &revisions, &stamp, &live, forced).await?;
    for revision in &stamp.unapplied {
        tell(context, "unstamped", revision, &revisions);
    }
    for revision in &stamp.applied {
        tell(context, "stamped", revision, &revisions);
    }
    if forced {
        context
            .reporter
            .warn("the database is not what these revisions lead to; the history says that this was forced");
    }
    Ok(Exit::Done)
}

fn tell(context: &Context<'_>, what: &str, revision: &str, revisions: &Revisions) {
    context.reporter.status(
        Status::Applied,
        format_args!("{what} {revision}: {}", revisions.message(revision)),
    );
}
