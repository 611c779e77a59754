//! Compares the database with what the last plan left.

use super::{
    super::{project::Project, target::OpenTarget},
    found::Found,
    report::{Looked, Report, Unmodelled, VERSION},
};
use crate::{
    apply,
    catalog::{self, Catalog, Unlike},
    diagnostic::{Code, Diagnostic, Result},
    drift::{Change, compare},
    history::{self, Journal},
};

pub(super) async fn look(project: &Project<'_>, target: &OpenTarget<'_>) -> Result<Looked> {
    let session = &target.session;
    apply::acquire_shared(session).await?;
    let journal = history::load(session).await?;
    whole(&journal)?;
    let mut report = Report {
        version: VERSION,
        drift: false,
        left_by: left_by(&journal),
        revision: journal.at().map(ToOwned::to_owned),
        since: journal.taken.as_ref().map(|taken| taken.at.to_string()),
        differs: None,
        found: String::new(),
        objects: Vec::new(),
        unmodelled: Vec::new(),
    };
    let nothing = |report| Looked {
        report,
        found: None,
    };
    let Some(promised) = journal.promised() else {
        return Ok(nothing(report));
    };
    let progress = project.listener.progress("reading the database");
    let live = target.catalog().await?;
    drop(progress);
    let left = history::snapshot(session, &target.scope).await?;
    // Nobody holds a lock there.
    if session.pooling().is_shared() {
        apply::acquire_shared(session).await?;
        if history::load(session).await? != journal {
            return Err(Diagnostic::error(
                Code::Busy,
                "another forge has changed the database while it was read",
            )
            .help("run the command again"));
        }
    }
    let Some(left) = left else {
        return untold(&journal, live.fingerprint() == promised).map(|()| nothing(report));
    };
    // What no kind models isn't part of the state that a plan promises, nor does a scope know where it lives.
    if target.scope.holds_every_schema() {
        report.unmodelled = unmodelled(&left, &live);
    }
    let owed = history::owed(session, &target.scope, &journal).await?;
    let is_as_owed = owed.is_some_and(|owed| owed.is_settled_by(live.fingerprint()));
    if let Some(owed) = owed.filter(|_| !is_as_owed) {
        report.differs = Some(owed.event.revision.clone());
        report.found = owed.found();
    }
    if live.fingerprint() != promised && !is_as_owed {
        if !journal.is_settled() {
            project.listener.warn(
                "forge was stopped before it noted what the last revision left, so its own changes are listed too; \
                 `forge apply` notes it",
            );
        }
        report.objects = compare(&left, &live);
    }
    report.drift = report.changed() > 0 || report.differs.is_some();
    let unmodelled = report.unmodelled.iter().map(|it| it.object.clone());
    let found = Found {
        left_by: report.left_by.clone().unwrap_or_default(),
        unmodelled: unmodelled.collect(),
        settled: journal.is_settled(),
        left,
        live,
    };
    Ok(Looked {
        report,
        found: Some(found),
    })
}

/// What left the state that the history promises, in words. A revision that was taken back or undone is not there.
fn left_by(journal: &Journal) -> Option<String> {
    journal.last_settled()?;
    Some(match journal.at() {
        Some(revision) => format!("revision {revision}"),
        None => "the return to base".to_owned(),
    })
}

/// While a plan is half done, its own changes can't be told from others'.
fn whole(journal: &Journal) -> Result<()> {
    let Some((revision, partly)) = journal.partly().into_iter().next() else {
        return Ok(());
    };
    let (participle, _) = partly.direction.words();
    Err(Diagnostic::error(
        Code::Partial,
        format!("revision `{revision}` is partly {participle}, so nothing can be said of drift"),
    )
    .help(format!(
        "`forge status` shows what stands; {}",
        partly.direction.ways_out()
    )))
}

/// Without a snapshot, only whether something is different can be told, not what.
fn untold(journal: &Journal, same: bool) -> Result<()> {
    if same || journal.is_settled() {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::TargetChanged,
        "the database is not as the last revision left it",
    )
    .note("forge was stopped before it noted that state, so what is different isn't known")
    .help("`forge apply` notes the state as it is now"))
}

fn unmodelled(left: &Catalog, live: &Catalog) -> Vec<Unmodelled> {
    let Unlike { gone, new, changed } = Unlike::between(&left.unmodelled, &live.unmodelled);
    let sides = [
        (Change::Added, new),
        (Change::Removed, gone),
        (Change::Changed, changed),
    ];
    let of = |(change, objects): (Change, Vec<&catalog::Unmodelled>)| -> Vec<Unmodelled> {
        let named = objects.into_iter().map(|object| Unmodelled {
            change,
            object: object.to_string(),
        });
        named.collect()
    };
    sides.into_iter().flat_map(of).collect()
}
