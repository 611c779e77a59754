//! Whether an apply would go through now.

use jiff::Timestamp;

use super::{checks::Report, person, project::Project, revisions, target::OpenTarget};
use crate::{
    apply::attended,
    diagnostic::Result,
    health::{self, Ahead, Line},
    history::{self, EventKind, Journal, Reference, Revisions},
    introspect::{Cast, introspect},
    settings::Operations,
};

/// Looks whether the pending plans up to this revision would go through now. Changes nothing.
pub async fn preflight(project: &Project<'_>, to: &Reference) -> Result<Report> {
    let folder = revisions::placed_folder(project)?;
    let target = OpenTarget::open_to_read(project, "preflight").await?;
    revisions::tell_target(project, &target.url);
    let progress = project.listener.progress("looking at the database");
    let looking = Box::pin(look(to, project, &target, folder));
    let lines = attended(target.reading(), looking).await;
    drop(progress);
    target.close().await;
    lines.map(Report::of)
}

async fn look(
    to: &Reference,

    project: &Project<'_>,
    target: &OpenTarget<'_>,
    folder: history::Folder,
) -> Result<Vec<Line>> {
    let session = &target.session;
    let journal = history::load(session).await?;
    let revisions = match Revisions::new(folder, journal) {
        Ok(revisions) => revisions,
        // The files don't go with what was applied; the rest can't be judged before that is mended.
        Err(error) => return Ok(vec![Line::failed("history", &error)]),
    };
    let pending = revisions.walk().pending(to)?;
    let (ready, held) = revisions.approved(pending);
    let (mut plans, mut downs) = (Vec::new(), Vec::new());
    for revision in ready {
        let (filed, down) = revisions.pair(revision, session).await?;
        plans.push(filed);
        downs.push(down);
    }
    let mut live = introspect(session, &Cast::new()).await?;
    target.scope.restrict(&mut live);
    let ahead = Ahead {
        plans: &plans,
        downs: &downs,
        signers: project.signers(),
        held: &held,
        revisions: &revisions,
        live: &live,
        scope: &target.scope,
    };
    let mut lines = health::preflight(session, &ahead).await?;
    let now = person::clock();
    lines.push(backup(
        &project.settings.operations,
        &revisions.journal,
        now,
    ));
    lines.push(window(&project.settings.operations, now));
    Ok(lines)
}

/// Whether there is a backup to go back to, as far as forge knows.
fn backup(operations: &Operations, journal: &Journal, now: Timestamp) -> Line {
    let runs = journal.events.iter().rev();
    let mut latest = runs.filter(|event| event.kind != EventKind::Kept);
    let last = latest.find_map(|event| Some((event.backup.as_deref()?, event.at)));
    let age = |at: Timestamp| now.duration_since(at).unsigned_abs();
    let known = match last {
        Some((path, at)) => format!(
            "the last that forge had made, {path}, is {} h old",
            age(at).as_secs() / 3600
        ),
        None => "forge has had none made here".to_owned(),
    };
    let Some(backup) = operations.backup.as_ref().map(|backup| &backup.value) else {
        return Line::unknown(
            "backup",
            vec![format!("{known}, and the environment has no `backup`")],
        );
    };
    if backup.required {
        return Line::good("backup", "`forge apply` makes one first");
    }
    match last {
        Some((_, at)) if age(at) <= backup.max_age => Line::good("backup", known),
        _ => Line::bad(
            "backup",
            vec![
                known,
                "help: `forge apply --backup` makes one first".to_owned(),
            ],
        ),
    }
}

fn window(operations: &Operations, now: Timestamp) -> Line {
    match &operations.window {
        None => Line::good("window", "the environment has none: any hour will do"),
        Some(window) if window.value.contains(now) => {
            Line::good("window", format!("open: {}", window.value))
        }
        Some(window) => Line::bad(
            "window",
            vec![format!(
                "closed: {}, and it is {} there",
                window.value,
                window.value.time_of(now)
            )],
        ),
    }
}
