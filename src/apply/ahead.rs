//! Whether plans would go through that run one after the other, as far as the database shows it before the first step.

use std::collections::BTreeSet;

use super::{
    check::{check_partitions, refuse_misfits},
    roles::{check_roles, statements_left},
    rows::{Remaining, look_for_rows, refuse},
};
use crate::{
    catalog::Catalog,
    connection::session::Session,
    diagnostic::Result,
    history::{Filed, Journal, Standing},
    kinds::ObjectId,
    plan::misfits,
};

/// Checks ways back that are run one after the other. What an earlier one changes, only the run of the next can look at.
/// Returns what couldn't be looked at of rows.
///
/// # Errors
/// What a run refuses before its first step: [`Code::TargetChanged`](crate::diagnostic::Code::TargetChanged),
/// [`Code::RowsInTheWay`](crate::diagnostic::Code::RowsInTheWay), and
/// [`Code::Partial`](crate::diagnostic::Code::Partial) of a rest.
pub async fn check_ways_back(
    session: &Session,
    live: &Catalog,
    journal: &Journal,
    ways_back: &[&Filed],
    looks_for_rows: bool,
) -> Result<Vec<String>> {
    let mut changed: BTreeSet<&ObjectId> = BTreeSet::new();
    let mut done_of_each = Vec::new();
    for file in ways_back {
        let plan = &file.plan.plan;
        let done = match journal.standing(file.revision()) {
            Standing::Partly(partly) => {
                check_partitions(&file.path, plan, &partly.done, live)?;
                Some(partly.done)
            }
            Standing::Applied | Standing::Absent => {
                let mut wrong = misfits(plan, live);
                wrong.retain(|misfit| !misfit.is_about(&changed));
                refuse_misfits(&file.path, &wrong)?;
                None
            }
        };
        changed.extend(plan.steps().map(|step| &step.object));
        done_of_each.push(done);
    }
    let is_begun = matches!(done_of_each[..], [Some(_), ..]);
    let left = statements_left(journal, ways_back.iter().copied(), None);
    check_roles(session, left, is_begun).await?;
    if !looks_for_rows {
        return Ok(Vec::new());
    }
    let nothing = BTreeSet::new();
    let each = ways_back.iter().zip(&done_of_each);
    let remaining = each.map(|(file, done)| Remaining {
        plan: &file.plan.plan,
        done: done.as_ref().unwrap_or(&nothing),
    });
    let looked = look_for_rows(session, live, remaining).await;
    let revisions: Vec<&str> = ways_back.iter().map(|file| file.revision()).collect();
    refuse(&revisions.join(", "), is_begun, &looked)?;
    Ok(looked.skipped)
}
