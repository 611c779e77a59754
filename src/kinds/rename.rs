//! How a rename is written: the same statements for everything that lives in a schema, and for everything that belongs to
//! a relation or a domain.

use super::{Action, HazardKind, Lock, ObjectId, Step};

/// Why a rename is a hazard to what runs meanwhile.
const OLD_NAME: &str = "statements that use the old name fail";

/// Renames an object that lives in a schema, and moves it to another one if the new name says so: `ALTER TABLE … SET
/// SCHEMA …`, `ALTER TABLE … RENAME TO …`. `address` is how `ALTER` calls it by an id.
pub(super) fn in_schema(
    id: &ObjectId,
    new: &ObjectId,
    address: impl Fn(&ObjectId) -> String,
) -> Step {
    let (mut sql, mut at) = (Vec::new(), id.clone());
    if id.schema() != new.schema() {
        let schema = new.schema();
        sql.push(format!("ALTER {} SET SCHEMA {schema}", address(&at)));
        at.path[0] = schema.clone();
    }
    if at.name() != new.name() {
        sql.push(format!("ALTER {} RENAME TO {}", address(&at), new.name()));
    }
    renaming(id, new, sql)
}

/// Renames a part of a table or domain by an action of `ALTER` on the whole: `RENAME COLUMN a TO b`.
pub(super) fn of_whole(whole: &str, id: &ObjectId, new: &ObjectId, what: &str) -> Step {
    let (container, old, name) = (id.container(), id.name(), new.name());
    let sql = format!("ALTER {whole} {container} RENAME {what} {old} TO {name}");
    renaming(id, new, vec![sql])
}

/// Renames what stands beside its table's name: `ALTER TRIGGER a ON app.users RENAME TO b`.
pub(super) fn on_table(address: &str, id: &ObjectId, new: &ObjectId) -> Step {
    let sql = format!("ALTER {address} RENAME TO {}", new.name());
    renaming(id, new, vec![sql]).lock(Lock::AccessExclusive, id.container())
}

/// Renames by statements of the kind's own.
pub(super) fn renaming(id: &ObjectId, new: &ObjectId, sql: Vec<String>) -> Step {
    let step = Step::new(Action::Rename, id, "").because(format!("to {}", new.sql()));
    Step { sql, ..step }
}

/// Says that an application which uses the old name breaks.
pub(super) fn noticed(step: Step) -> Step {
    step.hazard(HazardKind::BreaksApplication, OLD_NAME)
}
