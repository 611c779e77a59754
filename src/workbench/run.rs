//! Runs a plan in a database of the shadow server, and compares what it led to.

use std::collections::BTreeSet;

use crate::{
    build::{ORDINARY, Scratch},
    catalog::Catalog,
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    diff::{Catalogs, Diff},
    kinds::{Batching, ObjectId, Step},
    plan::Plan,
    source::Bounded,
};

/// What to do about a change that PostgreSQL refuses as forge makes it.
const WAY_ON: &str = "no plan was written; write the statements for this object yourself (`forge plan --empty` makes a file for them, \
     `forge approve` proves it), and plan the rest with `forge plan --only NAME`";

/// Runs every statement of a plan. `what` says what an error means.
pub(super) async fn run(scratch: &mut Scratch, plan: &Plan, what: &str) -> Result<()> {
    for batch in &plan.batches {
        for step in &batch.steps {
            has_key(scratch.session(), step).await?;
        }
        let statements: Vec<(&ObjectId, &str)> = batch
            .steps
            .iter()
            .flat_map(|step| step.sql.iter().map(|sql| (&step.object, sql.as_str())))
            .collect();
        let texts: Vec<&str> = statements.iter().map(|(_, sql)| *sql).collect();
        scratch
            .run_all(&texts, batch.transactional)
            .await
            .map_err(|rejection| {
                let (object, sql) = statements[rejection.number];
                if rejection.overdue {
                    return rejection
                        .diagnostic
                        .note(format!("{what}: `{object}`"))
                        .note(format!("in the statement: {sql}"));
                }
                let diagnostic = Diagnostic::error(Code::Unproved, format!("{what}: `{object}`"))
                    .note(format!(
                        "the server says: {}",
                        rejection.diagnostic.message()
                    ));
                let notes = rejection.diagnostic.notes().iter();
                let diagnostic = notes
                    .fold(diagnostic, |diagnostic, note| diagnostic.note(note.clone()))
                    .note(format!("in the statement: {sql}"));
                if rejection.lacks_privilege {
                    return diagnostic
                        .note(ORDINARY)
                        .help("let the schema do without; no plan was written");
                }
                diagnostic.help(WAY_ON)
            })?;
    }
    Ok(())
}

/// On the shadow a statement is carried out as a whole, and its key would not be missed.
async fn has_key(session: &Session, step: &Step) -> Result<()> {
    let Some(Batching { key, .. }) = &step.batching else {
        return Ok(());
    };
    for sql in &step.sql {
        let bounded = Bounded::read(sql, key).map_err(|error| {
            let message = format!("the statement can't go in batches: {error}");
            Diagnostic::error(Code::Unproved, message).note(format!("in the statement: {sql}"))
        })?;
        session
            .key(&bounded.relation, &bounded.rows_of, key)
            .await?;
    }
    Ok(())
}

/// The objects in which two catalogs differ, if they do.
pub(super) fn differing(one: &Catalog, other: &Catalog) -> Option<BTreeSet<ObjectId>> {
    let diff = Diff::new(Catalogs {
        live: one,
        desired: other,
    });
    (!diff.is_empty()).then(|| diff.fates.into_keys().collect())
}

/// The error of a plan that led elsewhere: what differs, and in what.
pub(super) fn unproved(
    what: &str,
    left: &BTreeSet<ObjectId>,
    reached: &Catalog,
    wanted: &Catalog,
) -> Diagnostic {
    let diagnostic = left.iter().take(20).fold(
        Diagnostic::error(Code::Unproved, what.to_string()),
        |diagnostic, id| {
            let why = match (reached.get(id), wanted.get(id)) {
                (None, _) => "is missing".to_string(),
                (_, None) => "is there and shouldn't be".to_string(),
                (Some(reached), Some(wanted)) => {
                    format!("differs in {}", reached.differences(wanted).join(", "))
                }
            };
            diagnostic.note(format!("`{id}` {why}"))
        },
    );
    diagnostic.help(WAY_ON)
}
