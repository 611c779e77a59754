//! Copies of the rows and values that steps drop.
//!
//! A copy is made in the transaction that drops, after the table has been locked, so that it holds all that is lost or isn't
//! there at all. It stands in the schema `forge`, which no plan manages, and depends on nothing that the plan may drop: values
//! of types that aren't PostgreSQL's own are kept as text.

use super::{
    cause::{Cause, unless_cancelled},
    work::Work,
};
use crate::{
    connection::failure::server_error,
    history::{self, Entry, EventKind, StepOf},
    kinds::{Action, HazardKind, Step},
    sql::{Ident, Literal, join},
};

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    table: String,
    rows: u64,
    what: String,
}

impl Copy {
    /// Where the rows are, and how to get rid of them.
    pub(super) fn words(&self) -> String {
        let Self { table, rows, what } = self;
        format!(
            "{rows} rows of {what} are kept in {table}; `DROP TABLE {table}` when nobody needs them"
        )
    }
}

/// What of a step's object is lost.
enum Loss<'a> {
    /// The rows of this relation.
    Rows(&'a str),
    /// The values of a part of this relation.
    Values(&'a str),
}

/// Copies what the step drops. The caller has begun the transaction in which it does so.
pub(super) async fn keep(
    work: &Work<'_>,
    of: StepOf<'_>,
    step: &Step,
) -> Result<Option<Copy>, Cause> {
    if !loses(step) {
        return Ok(None);
    }
    let Some(loss) = loss(step) else {
        work.listener.warn(format_args!(
            "what step {} loses ({} {}) is not kept: only what is dropped of tables is",
            of.number, step.action, step.object
        ));
        return Ok(None);
    };
    let client = work.session.client();
    let (Loss::Rows(relation) | Loss::Values(relation)) = loss;
    let cache = client
        .query_opt(include_str!("sql/cache.sql"), &[&relation])
        .await
        .map_err(Cause::Server)?;
    let lock = match cache {
        // LOCK TABLE takes no sequence; a change of it lets nobody draw a number until the transaction ends.
        Some(row) => format!(
            "ALTER SEQUENCE {relation} CACHE {}",
            row.get::<_, i64>("seqcache")
        ),
        None => format!("LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE"),
    };
    unless_cancelled(work, client.batch_execute(&lock)).await?;
    let columns = client
        .query(include_str!("sql/columns.sql"), &[&relation])
        .await
        .map_err(Cause::Server)?;
    let has_key = columns.iter().any(|row| row.get("is_key"));
    let wanted = columns.iter().filter(|row| match loss {
        Loss::Rows(_) => true,
        // Without a key, nothing else tells whose values these were.
        Loss::Values(_) => {
            let name: String = row.get("name");
            !has_key || row.get("is_key") || name == step.object.name().as_str()
        }
    });
    let values = wanted.map(|row| {
        let name = Ident::new(row.get::<_, String>("name"));
        if row.get("own_type") {
            format!("{name}::text AS {name}")
        } else if row.get("own_collation") {
            let default = Ident::new("default");
            format!("{name} COLLATE pg_catalog.{default} AS {name}")
        } else {
            name.to_string()
        }
    });
    let rows_of = match loss {
        // The rows of tables that inherit from it are lost, and kept, with those.
        Loss::Rows(relation) => format!("ONLY {relation}"),
        Loss::Values(relation) => relation.to_owned(),
    };
    let table = free_name(work, of).await?;
    let copy = format!(
        "CREATE TABLE {table} AS SELECT {} FROM {rows_of}",
        join(values, ", ")
    );
    let rows = unless_cancelled(work, client.execute(&copy, &[])).await?;
    let comment = format!(
        "what step {} of revision {} dropped: {}",
        of.number, of.revision, step.object
    );
    let comment = format!("COMMENT ON TABLE {table} IS {}", Literal(&comment));
    client
        .batch_execute(&comment)
        .await
        .map_err(Cause::Server)?;
    let entry = Entry {
        backup: Some(&table),
        ..Entry::of_step(of.revision, EventKind::Kept, of.number)
    };
    let recorded = history::record(work.session, work.actor, &entry).await;
    recorded.map_err(Cause::Refused)?;
    Ok(Some(Copy {
        table,
        rows,
        what: step.object.to_string(),
    }))
}

fn loses(step: &Step) -> bool {
    let mut hazards = step.hazards.iter();
    hazards.any(|hazard| hazard.kind == HazardKind::DeletesData)
}

/// What is lost: the step's own relation, or a part of the one that it locks.
fn loss(step: &Step) -> Option<Loss<'_>> {
    if step.action != Action::Drop {
        return None;
    }
    let (own, container) = (step.object.sql(), step.object.container());
    step.locks.iter().find_map(|(_, relation)| {
        if *relation == own {
            Some(Loss::Rows(relation))
        } else {
            (*relation == container).then_some(Loss::Values(relation))
        }
    })
}

async fn free_name(work: &Work<'_>, of: StepOf<'_>) -> Result<String, Cause> {
    let wanted = format!("backup_{}_{}", of.revision, of.number);
    let row = work
        .session
        .client()
        .query_one(include_str!("sql/free_name.sql"), &[&wanted])
        .await
        .map_err(|error| Cause::Refused(server_error(&error)))?;
    let name = Ident::new(row.get::<_, String>("name"));
    Ok(format!("forge.{name}"))
}
