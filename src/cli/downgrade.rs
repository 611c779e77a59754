//! `forge downgrade`: takes revisions back.

use super::{
    Context,
    allow::{self, Allow},
    apply::Rows,
    locked,
    offline::{self, Goal},
    revisions::{self, counted},
};
use crate::{
    apply::{self, Reached, Script, Target, Work},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Direction, Filed, Folder, Revisions, Walk},
    server::session::Session,
};

/// Take applied plans back
///
/// Runs the way back that was recorded with each plan, the newest first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go back to this revision: its first digits, `-N` steps, `BRANCH@-N`, or `base`
    #[arg(value_name = "REVISION", allow_negative_numbers = true)]
    to: Goal,

    /// Change nothing, and print a script that psql runs; `FROM:TO` needs no database
    #[arg(long)]
    sql: bool,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,

    /// Allow a hazard that needs a person's word: `deletes-data`, `deletes-data:app.users`, `all`
    #[arg(long, value_name = "HAZARD[:OBJECT]")]
    allow: Vec<Allow>,

    #[command(flatten)]
    rows: Rows,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    if args.sql {
        return offline::run(&args.to, Direction::Down, context).await;
    }
    args.to.revision()?;
    let settings = context.settings()?;
    let folder = revisions::readable_folder(context, &settings)?;
    locked::on_target(context, &settings, "downgrade", async |target, work| {
        let reconnect = async || {
            let session = target.another_session(context, &settings, "downgrade");
            session.await
        };
        let work = Work {
            dropped: args.rows.dropped(),
            looks_for_rows: !args.rows.skip_row_checks,
            ..*work
        };
        downgrade(args, context, folder, &work, reconnect).await
    })
    .await
}

async fn downgrade(
    args: &Args,
    context: &Context<'_>,
    folder: Folder,
    work: &Work<'_>,
    reconnect: impl AsyncFn() -> Result<Session>,
) -> Result<Exit> {
    let journal = history::load(work.session).await?;
    let revisions = Revisions::new(folder, journal)?;
    half_way_up(&revisions)?;
    let standing = revisions.standing();
    let walk = Walk {
        graph: &revisions.graph,
        applied: &standing,
    };
    let going = walk.reverting(args.to.revision()?)?;
    let mut ways_back = Vec::new();
    for revision in &going {
        let down = way_back(revision, work.session).await?;
        allow::check(&down.path, &down.plan.plan, &args.allow)?;
        ways_back.push(down);
    }
    if going.is_empty() {
        context.reporter.note("nothing to do");
        return Ok(Exit::Done);
    }
    apply::outlast(work, reconnect, async |work| {
        take_back(work, &ways_back).await
    })
    .await?;
    context
        .reporter
        .note(format_args!("reverted {}", counted(going.len(), "plan")));
    Ok(Exit::Done)
}

/// The way back of a revision, as it was approved with it. Its signature was checked when it was applied.
async fn way_back(revision: &str, session: &Session) -> Result<Filed> {
    let (up, down) = history::remembered_pair(revision, session).await?;
    history::check_approved(&up, down.as_ref(), None)?;
    match down {
        Some(down) => Ok(down),
        None => history::remembered_down(revision, session).await,
    }
}

/// Reverts revisions one after the other.
async fn take_back(work: &Work<'_>, ways_back: &[Filed]) -> Result<()> {
    let journal = history::load(work.session).await?;
    let mut target = Target::read(work, &journal).await?;
    for down in ways_back {
        let script = Script {
            direction: Direction::Down,
            file: down,
            down: None,
            phase: None,
        };
        target = match apply::run(work, &script, &journal, target).await? {
            Reached::End(after) => after,
            Reached::Before(_) => unreachable!("nobody asked to stop before the end"),
        };
    }
    target.tell(work);
    Ok(())
}

/// A plan that is being applied has to be brought to its end before anything is taken back.
fn half_way_up(revisions: &Revisions) -> Result<()> {
    let partly = revisions.journal.partly();
    let up = partly
        .iter()
        .find(|(_, partly)| partly.direction == Direction::Up);
    match up {
        None => Ok(()),
        Some((revision, _)) => Err(Diagnostic::error(
            Code::Partial,
            format!("revision `{revision}` is partly applied"),
        )
        .note("its way back begins at its end: from half way, nobody has proved where it leads")
        .help("bring it to its end first: `forge apply`; then it can be taken back")),
    }
}
