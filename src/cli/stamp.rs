//! `forge stamp`: declares revisions to be applied.

use super::{
    Context,
    offline::{self, Goal},
};
use crate::{
    apply::{self, Beginning, Work, stamp_script},
    commands::{Project, locked, revisions, target::OpenTarget},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Folder, Journal, Place, Reference, Revisions, Signers, Stamp},
    listener::Status,
};

/// Declare that the database is at a revision, and run nothing
///
/// For a database that others have brought there. forge compares it with what the revision leads to and refuses if it is
/// something else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revisions: their first digits, a branch label, `head`, `heads`, `base`; with `--sql` also FROM:TO, which asks
    /// no database
    #[arg(value_name = "REVISION", required = true)]
    to: Vec<Goal>,

    /// Print a script for psql that records it, instead of recording it
    #[arg(long)]
    sql: bool,

    /// Stamp a database that is something else; the history says so
    #[arg(long)]
    force: bool,

    /// Forget what is recorded of revisions whose file is gone, too
    #[arg(long)]
    purge: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::folder(&project)?;
    folder.graph()?;
    if args.sql {
        return script(args, context, &project, folder).await;
    }
    let to = references(args)?;
    locked::on_target(&project, "stamp", async |_, work| {
        declare(args, &to, context, folder, work).await
    })
    .await
}

fn references(args: &Args) -> Result<Vec<Reference>> {
    args.to
        .iter()
        .map(|goal| goal.revision().cloned())
        .collect()
}

/// Prints the script that records the stamp.
async fn script(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    folder: Folder,
) -> Result<Exit> {
    if let [Goal::Between(range)] = args.to.as_slice() {
        let mut revisions = Revisions::new(folder, Journal::default())?;
        revisions.applied = offline::before(&revisions, &range.from)?;
        let stamp = Stamp::new(
            &revisions,
            std::slice::from_ref(&range.to),
            project.signers(),
        )?;
        return print(context, &revisions, &stamp);
    }
    let to = references(args)?;
    let target = OpenTarget::open_to_read(project, "stamp").await?;
    let outcome = async {
        let revisions = Revisions::ever(folder, history::load(&target.session).await?)?;
        let stamp = stamp(args, &to, &revisions, project.signers())?;
        // The script can't look at the database; whoever has it written can.
        if !args.force && !stamp.is_empty() {
            stamp.check(&target.catalog().await?)?;
        }
        print(context, &revisions, &stamp)
    }
    .await;
    target.close().await;
    outcome
}

fn print(context: &Context<'_>, revisions: &Revisions, stamp: &Stamp<'_>) -> Result<Exit> {
    if stamp.is_empty() {
        context.reporter.note("nothing to do");
        return Ok(Exit::Done);
    }
    let state = stamp.state.ok_or_else(|| {
        Diagnostic::error(Code::History, "there are no plans")
            .help("`forge plan` writes the first one")
    })?;
    let applied = revisions.applied.iter().map(String::as_str).collect();
    let script = stamp_script(&Beginning { applied, state }, stamp, revisions);
    context.reporter.sql(&script);
    Ok(Exit::Done)
}

/// What is to be declared, unless that forgets what only the database remembers.
fn stamp<'a>(
    args: &Args,
    to: &[Reference],
    revisions: &'a Revisions,
    signers: Option<Signers<'_>>,
) -> Result<Stamp<'a>> {
    let stamp = Stamp::new(revisions, to, signers)?;
    if !args.purge {
        stamp.keeps_lost(revisions)?;
    }
    Ok(stamp)
}

/// Declares that an open target is at the heads of the plans folder.
pub(super) async fn heads(
    context: &Context<'_>,
    project: &Project<'_>,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let args = Args {
        to: Vec::new(),
        sql: false,
        force: false,
        purge: false,
    };
    let folder = revisions::folder(project)?;
    locked::under_lock(project, target, async |work| {
        declare(&args, &[Reference::to(Place::Heads)], context, folder, work).await
    })
    .await
}

async fn declare(
    args: &Args,
    to: &[Reference],
    context: &Context<'_>,
    folder: Folder,
    work: &Work<'_>,
) -> Result<Exit> {
    let revisions = Revisions::ever(folder, history::load(work.session).await?)?;
    let stamp = stamp(args, to, &revisions, work.signers)?;
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
