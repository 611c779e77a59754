//! Is the database what the history says it is?

use super::{facts, line::Line};
use crate::{
    catalog::{Catalog, Scope},
    connection::session::Session,
    diagnostic::Result,
    history::{self, Owed, Revisions},
};

/// Looks at the history, the catalog as it is, `live`, and what unfinished work has left.
///
/// # Errors
/// If the server can't be asked.
pub async fn verify(
    session: &Session,
    scope: &Scope,
    revisions: &Revisions,
    live: &Catalog,
) -> Result<Vec<Line>> {
    let leftovers = facts::leftovers(session).await?;
    // Where the catalog is as the plans promised, so is a constraint that they left NOT VALID.
    let is_as_left = history::is_as_left(session, scope, &revisions.journal, live).await?;
    let found = leftovers
        .iter()
        .filter(|leftover| {
            let schema = leftover.schema.as_deref();
            let managed = schema.is_none_or(|schema| scope.holds_schema(schema));
            managed && !(is_as_left && leftover.may_be_meant)
        })
        .map(|leftover| format!("{}: {}", leftover.what, leftover.name));
    Ok(vec![
        bodies(session, revisions).await?,
        finished(revisions),
        as_left(revisions, is_as_left),
        Line::of(
            "leftovers",
            found.collect(),
            "no invalid index, no constraint that is NOT VALID by accident, no pending detach, no prepared transaction",
        ),
    ])
}

/// What the target remembers of each applied revision is what was approved.
pub(super) async fn bodies(session: &Session, revisions: &Revisions) -> Result<Line> {
    let mut wrong = Vec::new();
    for revision in &revisions.applied {
        let recorded = &revisions.journal.revisions[revision].sha256;
        let same = match history::remembered(revision, session).await {
            Ok(filed) => filed.plan.sha256()? == *recorded,
            Err(_) => false,
        };
        if !same {
            wrong.push(format!(
                "the body of revision {revision} in `forge.revision` is not what was approved"
            ));
        }
    }
    let count = revisions.applied.len();
    let by = revisions.journal.last_settled();
    let by = by.map_or(String::new(), |event| {
        format!(", the last change by {}", event.by())
    });
    Ok(Line::of(
        "history",
        wrong,
        &format!("{count} applied, each as it was approved{by}"),
    ))
}

/// No revision is half done.
pub(super) fn finished(revisions: &Revisions) -> Line {
    let partly = revisions.journal.partly();
    let halves = partly.iter().map(|(revision, partly)| {
        let (participle, _) = partly.direction.words();
        format!(
            "revision {revision} is partly {participle}, {} of its steps stand: {}",
            partly.done.len(),
            partly.direction.ways_out()
        )
    });
    Line::of("runs", halves.collect(), "none was interrupted")
}

/// The live catalog is what the last revision left.
pub(super) fn as_left(revisions: &Revisions, is_as_left: bool) -> Line {
    let journal = &revisions.journal;
    if journal.promised().is_none() {
        return Line::good(
            "catalog",
            "nothing has been applied, so nothing is promised",
        );
    }
    if let Some(owed) = journal.owed().filter(|_| !is_as_left) {
        return Line::bad(
            "catalog",
            vec![format!("{}: {}", owed.words(), Owed::WAYS_OUT)],
        );
    }
    if is_as_left {
        let taken = journal.taken.as_ref();
        let since = taken.map_or(String::new(), |taken| {
            format!(", noted {}", taken.at.strftime("%Y-%m-%d %H:%M UTC"))
        });
        return Line::good("catalog", format!("as the last revision left it{since}"));
    }
    Line::bad(
        "catalog",
        vec!["not as the last revision left it: `forge drift` shows what changed".to_owned()],
    )
}
