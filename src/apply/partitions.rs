//! The partitions of the tables that a plan's steps are spread over, while the plan runs.
//!
//! What a step does to a partitioned table alone, with a step of its own for each partition, leaves out a partition that is
//! made after the plan: an index stays invalid. The check before the first step knows the sets; a step that comes hours later
//! looks again, behind the lock that its statement takes anyway, under which no partition comes or goes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cause::{Cause, unless_cancelled},
    work::Work,
};
use crate::{
    catalog::Families,
    connection::{failure::server_error, session::Session},
    diagnostic::{Code, Diagnostic, Result},
    kinds::{ObjectId, Step},
    plan::Plan,
    sql::{Ident, dotted, escaped, join},
};

/// The partitioned tables that a plan's steps are spread over.
#[derive(Debug, Default)]
pub(super) struct Partitioned {
    /// Their OIDs by the names that they had when the run began.
    tables: BTreeMap<ObjectId, u32>,
    /// The OIDs of each table's partitions, of any depth, when the run began.
    known: BTreeMap<u32, BTreeSet<u32>>,
    /// The names of the tables that the plan itself makes or attaches.
    own: BTreeSet<String>,
}

impl Partitioned {
    /// Reads what the plan's tables are and have when its run begins.
    pub(super) async fn read(session: &Session, plan: &Plan) -> Result<Self> {
        let ids: BTreeSet<&ObjectId> = plan.steps().flat_map(tables_of).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = ids.iter().map(|id| id.sql()).collect();
        let rows = session
            .client()
            .query(include_str!("sql/oids.sql"), &[&names])
            .await
            .map_err(|error| server_error(&error))?;
        let oids = rows.iter().map(|row| row.get::<_, Option<u32>>("oid"));
        let mut tables = BTreeMap::new();
        for (id, oid) in ids.into_iter().zip(oids) {
            let oid = match oid {
                Some(oid) => Some(oid),
                // In a run that goes on, the plan has renamed it already.
                None => renamed(session, plan, id).await?,
            };
            tables.extend(oid.map(|oid| (id.clone(), oid)));
        }
        let found = partitions(session, &tables.values().copied().collect::<Vec<_>>()).await;
        let mut known: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for partition in found.map_err(|error| server_error(&error))? {
            known.entry(partition.of).or_default().insert(partition.oid);
        }
        let own = plan.steps().map(|step| step.object.sql()).collect();
        Ok(Self { tables, known, own })
    }

    /// Locks the tables that a step is spread over as the step will, and looks whether they have partitions that they had not
    /// when the run began. To be called in the step's transaction.
    pub(super) async fn look_again(&self, work: &Work<'_>, step: &Step) -> Result<(), Cause> {
        for (id, oid) in tables_of(step).filter_map(|id| self.tables.get_key_value(id)) {
            self.lock(work, step, *oid).await?;
            let found = partitions(work.session, &[*oid]).await;
            let known = self.known.get(oid);
            let is_new = |oid: &u32| known.is_none_or(|known| !known.contains(oid));
            let mut new = found.map_err(Cause::Server)?;
            new.retain(|it| is_new(&it.oid) && !self.own.contains(&it.name));
            if !new.is_empty() {
                return Err(Cause::Refused(came_meanwhile(id, &new)));
            }
        }
        Ok(())
    }

    async fn lock(&self, work: &Work<'_>, step: &Step, oid: u32) -> Result<(), Cause> {
        let names: Vec<&str> = step.locks.iter().map(|(_, name)| name.as_str()).collect();
        let client = work.session.client();
        let found = client.query(include_str!("sql/oids.sql"), &[&names]).await;
        let found = found.map_err(Cause::Server)?;
        let locked = step.locks.iter().zip(&found);
        let locked = locked.filter(|(_, row)| row.get::<_, Option<u32>>("oid") == Some(oid));
        let strongest = locked.max_by_key(|((mode, _), _)| *mode);
        let Some(((mode, _), row)) = strongest else {
            return Ok(());
        };
        let name: String = row.get("name");
        let sql = format!("LOCK TABLE ONLY {name} IN {} MODE", mode.sql());
        let locking = work.session.execute_as_parsed(&sql);
        unless_cancelled(work, locking).await.map(drop)
    }
}

/// The table that a plan has renamed: a later step that is about its partitions locks it by its new name.
async fn renamed(session: &Session, plan: &Plan, id: &ObjectId) -> Result<Option<u32>> {
    let about = plan
        .steps()
        .filter(|step| tables_of(step).any(|it| it == id));
    let names: Vec<&str> = about
        .flat_map(|step| step.locks.iter().map(|(_, name)| name.as_str()))
        .collect();
    let query = include_str!("sql/partitioned.sql");
    let rows = session.client().query(query, &[&names]).await;
    let rows = rows.map_err(|error| server_error(&error))?;
    Ok(rows.first().map(|row| row.get("oid")))
}

/// A partition of a table, or of one of its partitions.
struct Partition {
    of: u32,
    oid: u32,
    /// With its schema, as SQL.
    name: String,
}

async fn partitions(
    session: &Session,
    tables: &[u32],
) -> Result<Vec<Partition>, tokio_postgres::Error> {
    let query = include_str!("sql/partitions.sql");
    let rows = session.client().query(query, &[&tables]).await?;
    let partitions = rows.iter().map(|row| Partition {
        of: row.get("root"),
        oid: row.get("oid"),
        name: dotted(&["schema", "relation"].map(|part| Ident::new(row.get::<_, String>(part)))),
    });
    Ok(partitions.collect())
}

/// The tables whose sets of partitions a step expects.
fn tables_of(step: &Step) -> impl Iterator<Item = &ObjectId> {
    let expects = step.expects.iter();
    let spread = expects.filter(|(_, state)| Families::is_of_partitions(state));
    spread.map(|(id, _)| id)
}

fn came_meanwhile(table: &ObjectId, new: &[Partition]) -> Diagnostic {
    let names = join(
        new.iter().map(|it| format!("`{}`", escaped(&it.name))),
        ", ",
    );
    Diagnostic::error(
        Code::TargetChanged,
        format!("`{table}` has got partitions since the plan was begun: {names}"),
    )
    .note("the plan has no steps for them, and what it makes of the table would stay incomplete")
    .help("run `forge apply --abort` where steps of the plan stand, then `forge plan`: a plan that is made now knows them")
}
