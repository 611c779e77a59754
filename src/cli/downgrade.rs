//! `forge downgrade`: takes revisions back.

use super::{
    Context,
    offline::{self, Goal},
    rows::Rows,
};
use crate::{
    apply::{self, Reached, Script, Target, Work},
    catalog::{Catalog, Judge},
    commands::{
        allow::{self, Allow},
        locked,
        revisions::{self, counted},
    },
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Direction, Filed, Folder, Journal, Reference, Revisions, Walk},
    kinds::{HazardKind, Step},
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
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    locked::on_target(&project, "downgrade", async |target, work| {
        let reconnect = async || {
            let session = target.another_session(&project, "downgrade");
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
    let ways_back = ways_back(&revisions, args.to.revision()?, work.session).await?;
    if ways_back.is_empty() {
        context.reporter.note("nothing to do");
        return Ok(Exit::Done);
    }
    let live = apply::read_target(work).await?;
    are_allowed(args, &live, &ways_back)?;
    let journal = &revisions.journal;
    // The rows are looked at by the run where there is one alone.
    let looks_for_rows = work.looks_for_rows && ways_back.len() > 1;
    check(work.session, &live, journal, &ways_back, looks_for_rows).await?;
    for lost in ways_back.iter().flat_map(WayBack::not_restored) {
        context.reporter.note(format_args!("not restored: {lost}"));
    }
    apply::outlast(work, reconnect, async |work| {
        take_back(work, &ways_back).await
    })
    .await?;
    context.reporter.note(format_args!(
        "reverted {}",
        counted(ways_back.len(), "plan")
    ));
    Ok(Exit::Done)
}

/// Checks that the hazards of the ways back are allowed.
fn are_allowed(args: &Args, live: &Catalog, ways_back: &[WayBack]) -> Result<()> {
    for way_back in ways_back {
        let judge = way_back.judge(live);
        let (down, risks) = (&way_back.down, |step: &Step| judge.risks(step));
        allow::check(&down.path, &down.plan.plan, &args.allow, risks)?;
    }
    Ok(())
}

/// Checks that nothing stands in the way: for `downgrade`, which refuses what does, and for `rollback-plan`, which tells it.
/// Returns what couldn't be looked at of rows.
pub(super) async fn check(
    session: &Session,
    live: &Catalog,
    journal: &Journal,
    ways_back: &[WayBack],
    looks_for_rows: bool,
) -> Result<Vec<String>> {
    let downs: Vec<&Filed> = ways_back.iter().map(|way_back| &way_back.down).collect();
    apply::check_ways_back(session, live, journal, &downs, looks_for_rows).await
}

/// An applied plan and its way back, as they were approved.
pub(super) struct WayBack {
    up: Filed,
    pub(super) down: Filed,
}

impl WayBack {
    /// As the target remembers it. Its signature was checked when it was applied.
    async fn remembered(revision: &str, session: &Session) -> Result<Self> {
        let (up, down) = history::remembered_pair(revision, session).await?;
        history::check_approved(&up, down.as_ref(), None)?;
        let down = match down {
            Some(down) => down,
            None => history::remembered_down(revision, session).await?,
        };
        Ok(Self { up, down })
    }

    /// Who tells the hazards of the way back: of its statements, and of the objects of the database that they meet.
    pub(super) fn judge<'a>(&'a self, live: &'a Catalog) -> Judge<'a> {
        Judge::new([live], self.down.plan.plan.statements())
    }

    /// What the plan has deleted or changed of rows, which its way back does not restore.
    pub(super) fn not_restored(&self) -> Vec<String> {
        let revision = self.up.revision();
        let hazards = self.up.plan.plan.hazards();
        let lost = hazards.filter(|(_, hazard)| {
            matches!(
                hazard.kind,
                HazardKind::DeletesData | HazardKind::ChangesRows | HazardKind::Irreversible
            )
        });
        lost.map(|(step, hazard)| {
            format!(
                "what {revision} did with {} {} ({})",
                step.action, step.object, hazard.why
            )
        })
        .collect()
    }
}

/// The ways back of the revisions that a downgrade takes back, the newest first: what `downgrade` runs and `rollback-plan`
/// shows.
///
/// # Errors
/// What a downgrade refuses: a plan that is partly applied, or one that is not as it was approved or has no way back.
pub(super) async fn ways_back(
    revisions: &Revisions,
    to: &Reference,
    session: &Session,
) -> Result<Vec<WayBack>> {
    half_way_up(revisions)?;
    let standing = revisions.standing();
    let walk = Walk {
        graph: &revisions.graph,
        applied: &standing,
    };
    let mut ways_back = Vec::new();
    for revision in walk.reverting(to)? {
        ways_back.push(WayBack::remembered(revision, session).await?);
    }
    Ok(ways_back)
}

/// Reverts revisions one after the other.
async fn take_back(work: &Work<'_>, ways_back: &[WayBack]) -> Result<()> {
    let journal = history::load(work.session).await?;
    let mut target = Target::read(work, &journal).await?;
    for WayBack { down, .. } in ways_back {
        let script = Script {
            direction: Direction::Down,
            file: down,
            down: None,
            phase: None,
        };
        target = match apply::run(work, &script, &journal, target).await? {
            Reached::End(after) => *after,
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
        .find(|(_, partly)| partly.direction != Direction::Down);
    match up {
        None => Ok(()),
        Some((revision, partly)) => {
            let (participle, _) = partly.direction.words();
            Err(Diagnostic::error(
                Code::Partial,
                format!("revision `{revision}` is partly {participle}, so it cannot be downgraded"),
            )
            .help(partly.direction.ways_out()))
        }
    }
}
