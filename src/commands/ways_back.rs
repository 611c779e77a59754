//! The ways back of applied plans: what `downgrade` runs and `rollback-plan` shows.

use crate::{
    apply,
    catalog::{Catalog, Judge},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Filed, Journal, Reference, Revisions, Walk},
    kinds::HazardKind,
};

/// An applied plan and its way back, as they were approved.
pub(crate) struct WayBack {
    up: Filed,
    pub(crate) down: Filed,
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
    pub(crate) fn judge<'a>(&'a self, live: &'a Catalog) -> Judge<'a> {
        Judge::new([live], self.down.plan.plan.statements())
    }

    /// What the plan has deleted or changed of rows, which its way back does not restore.
    pub(crate) fn not_restored(&self) -> Vec<String> {
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
pub(crate) async fn ways_back(
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

/// Checks that nothing stands in the way: for `downgrade`, which refuses what does, and for `rollback-plan`, which tells it.
/// Returns what couldn't be looked at of rows.
pub(crate) async fn check(
    session: &Session,
    live: &Catalog,
    journal: &Journal,
    ways_back: &[WayBack],
    looks_for_rows: bool,
) -> Result<Vec<String>> {
    let downs: Vec<&Filed> = ways_back.iter().map(|way_back| &way_back.down).collect();
    apply::check_ways_back(session, live, journal, &downs, looks_for_rows).await
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
