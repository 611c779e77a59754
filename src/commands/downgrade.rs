//! Takes revisions back.

use serde::Serialize;

use super::{
    allow::{self, Allow},
    locked,
    project::Project,
    revisions,
    ways_back::{WayBack, check, ways_back},
};
use crate::{
    apply::{self, Dropped, Reached, Script, Target, Work},
    catalog::Catalog,
    connection::session::Session,
    diagnostic::Result,
    history::{self, Direction, Folder, Reference, Revisions},
    kinds::Step,
};

/// How far plans are taken back, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The revision to go back to.
    pub to: Reference,
    /// The hazards that are allowed.
    pub allow: Vec<Allow>,
    /// What becomes of rows that steps drop.
    pub dropped: Dropped,
    /// Whether rows are looked for on which a step fails.
    pub looks_for_rows: bool,
}

impl Options {
    /// Goes back to this revision, and allows no hazard.
    pub fn to(to: Reference) -> Self {
        Self {
            to,
            allow: Vec::new(),
            dropped: Dropped::default(),
            looks_for_rows: true,
        }
    }
}

/// What was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The revisions, the newest first; none where there was nothing to do.
    pub revisions: Vec<String>,
}

/// Takes applied plans back: runs the way back that was recorded with each plan, the newest first.
pub async fn downgrade(project: &Project<'_>, options: &Options) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    locked::on_target(project, "downgrade", async |target, work| {
        let reconnect = async || target.another_session(project, "downgrade").await;
        let work = Work {
            dropped: options.dropped,
            looks_for_rows: options.looks_for_rows,
            ..*work
        };
        with_target(options, folder, &work, reconnect).await
    })
    .await
}

async fn with_target(
    options: &Options,
    folder: Folder,
    work: &Work<'_>,
    reconnect: impl AsyncFn() -> Result<Session>,
) -> Result<Report> {
    let journal = history::load(work.session).await?;
    let revisions = Revisions::new(folder, journal)?;
    let ways_back = ways_back(&revisions, &options.to, work.session).await?;
    if ways_back.is_empty() {
        return Ok(Report::default());
    }
    let live = apply::read_target(work).await?;
    are_allowed(options, &live, &ways_back)?;
    let journal = &revisions.journal;
    // The rows are looked at by the run where there is one alone.
    let looks_for_rows = work.looks_for_rows && ways_back.len() > 1;
    check(work.session, &live, journal, &ways_back, looks_for_rows).await?;
    for lost in ways_back.iter().flat_map(WayBack::not_restored) {
        work.listener.note(format_args!("not restored: {lost}"));
    }
    apply::outlast(work, reconnect, async |work| {
        take_back(work, &ways_back).await
    })
    .await?;
    let reverted = ways_back
        .iter()
        .map(|way_back| way_back.down.revision().to_owned());
    Ok(Report {
        revisions: reverted.collect(),
    })
}

/// Checks that the hazards of the ways back are allowed.
fn are_allowed(options: &Options, live: &Catalog, ways_back: &[WayBack]) -> Result<()> {
    for way_back in ways_back {
        let judge = way_back.judge(live);
        let (down, risks) = (&way_back.down, |step: &Step| judge.risks(step));
        allow::check(&down.path, &down.plan.plan, &options.allow, risks)?;
    }
    Ok(())
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
