//! `NOT NULL`, and the constraint that stands behind it from PostgreSQL 18 on.

use serde::{Deserialize, Serialize};

use super::{Column, alter_column};
use crate::{
    kinds::{Change, HazardKind, Lock, ObjectId, Step, names},
    sql::Ident,
};

/// The constraint behind `NOT NULL`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotNull {
    /// Its name; none where it is inherited.
    pub name: Option<Ident>,
    /// Its name while it is inherited, which no statement changes, so that it decides nothing.
    #[serde(default, skip_serializing)]
    pub inherited_name: Option<Ident>,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// Whether the rows that were there before it were checked.
    pub valid: bool,
}

impl PartialEq for NotNull {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.no_inherit, self.valid) == (&other.name, other.no_inherit, other.valid)
    }
}

impl Column {
    /// The name that PostgreSQL gives the constraint behind `NOT NULL`.
    pub(super) fn usual_not_null(id: &ObjectId) -> Ident {
        names::chosen(id.path[1].as_str(), &[id.name().clone()], "not_null")
    }

    /// `SET NOT NULL`, or the constraint where there is more to say of it.
    pub(super) fn set_not_null(&self, id: &ObjectId) -> Step {
        let scanned = |step: Step| {
            step.hazard(
                HazardKind::BlocksReads,
                format!("{} is scanned for NULLs", id.container()),
            )
            .hazard(HazardKind::MayFail, "a NULL in the column stops it")
        };
        let Some(constraint) = &self.not_null_constraint else {
            return scanned(alter_column(id, "SET NOT NULL").because("refuse NULL"));
        };
        let name = constraint
            .name
            .clone()
            .unwrap_or_else(|| Self::usual_not_null(id));
        if constraint.valid && !constraint.no_inherit && name == Self::usual_not_null(id) {
            return scanned(alter_column(id, "SET NOT NULL").because("refuse NULL"));
        }
        let table = id.container();
        let inherit = if constraint.no_inherit {
            " NO INHERIT"
        } else {
            ""
        };
        let valid = if constraint.valid { "" } else { " NOT VALID" };
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {}{inherit}{valid}",
            id.name()
        );
        let step = Step::alter(id, add)
            .because("refuse NULL")
            .lock(Lock::AccessExclusive, table);
        if constraint.valid {
            scanned(step)
        } else {
            step
        }
    }
}

/// Changes the constraint behind `NOT NULL`, which is there before and after.
pub(super) fn change_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let Change {
        live, desired, id, ..
    } = change;
    let (Some(old), Some(new)) = (&live.not_null_constraint, &desired.not_null_constraint) else {
        return Vec::new();
    };
    if old.valid && !new.valid {
        return vec![
            alter_column(id, "DROP NOT NULL").because("it shall not be valid"),
            desired.set_not_null(id),
        ];
    }
    let table = id.container();
    let alter = |action: String| Step::alter(id, format!("ALTER TABLE {table} {action}"));
    let mut steps = Vec::new();
    let name = new
        .name
        .clone()
        .unwrap_or_else(|| Column::usual_not_null(id));
    // One that was inherited keeps the name that the whole gave it.
    let held = old.name.as_ref().or(old.inherited_name.as_ref());
    if let (Some(from), Some(to)) = (held, &new.name)
        && from != to
    {
        let rename = format!("RENAME CONSTRAINT {from} TO {to}");
        steps.push(
            alter(rename)
                .because("rename its constraint")
                .lock(Lock::AccessExclusive, &table),
        );
    }
    if old.no_inherit != new.no_inherit {
        let inherit = if new.no_inherit {
            "NO INHERIT"
        } else {
            "INHERIT"
        };
        let action = format!("ALTER CONSTRAINT {name} {inherit}");
        steps.push(
            alter(action)
                .because("change who inherits it")
                .lock(Lock::AccessExclusive, &table),
        );
    }
    if !old.valid && new.valid {
        steps.push(
            alter(format!("VALIDATE CONSTRAINT {name}"))
                .because("check the rows that are there, while reads and writes go on")
                .lock(Lock::ShareUpdateExclusive, &table)
                .hazard(HazardKind::MayFail, "a NULL in the column stops it"),
        );
    }
    steps
}
