//! `NOT NULL`, and the constraint that stands behind it from PostgreSQL 18 on.

use super::{
    model::{Column, NotNull},
    statement::alter_column,
};
use crate::{
    kinds::{Change, Context, HazardKind, Lock, Mode, ObjectId, ObjectKind as _, Step},
    sql::{Ident, NullTest, chosen_name},
};

impl Column {
    /// The name that PostgreSQL gives the constraint behind `NOT NULL`.
    pub(super) fn usual_not_null(id: &ObjectId) -> Ident {
        chosen_name(id.path[1].as_str(), &[id.name().clone()], "not_null")
    }

    /// The steps after which the column refuses NULL. In a table that isn't new, the rows are checked while reads and writes
    /// go on: `SET NOT NULL` itself would read them all behind a lock that lets nobody in.
    pub(super) fn set_not_null(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let constraint = self.not_null_constraint.as_ref();
        let checks_rows = constraint.is_none_or(|constraint| constraint.valid);
        if cx.parent_is_created(id) || !checks_rows {
            return vec![self.set_not_null_at_once(id, cx)];
        }
        let Some(constraint) = constraint else {
            return self.proved_not_null(id, cx);
        };
        let refuse = constraint.add(id, " NOT VALID").mode(Mode::CommitAfter);
        vec![refuse, validate(id, &constraint.name_of(id))]
    }

    /// The one step after which the column refuses NULL; where rows are to be checked, it reads them all.
    pub(super) fn set_not_null_at_once(&self, id: &ObjectId, cx: &Context<'_>) -> Step {
        let scanned = |step: Step| {
            if cx.parent_is_created(id) {
                return step;
            }
            let why = format!("{} is scanned for NULLs", id.container());
            step.hazard(HazardKind::BlocksReads, why)
                .hazard(HazardKind::MayFail, "a NULL in the column stops it")
        };
        match &self.not_null_constraint {
            Some(constraint) if !constraint.valid => constraint.add(id, " NOT VALID"),
            Some(constraint) if !constraint.is_usual(id) => scanned(constraint.add(id, "")),
            Some(_) | None => scanned(alter_column(id, "SET NOT NULL").because("refuse NULL")),
        }
    }

    /// Before PostgreSQL 18: a constraint proves to `SET NOT NULL` that there is no NULL, and goes. (PostgreSQL docs: ALTER
    /// TABLE, `SET NOT NULL`; measured on 14 to 18, for rows on 15.)
    fn proved_not_null(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        let name = free_name(id, cx);
        let check = NullTest::of_rows(self.is_row).is_not_null(id.name());
        let add = format!("ADD CONSTRAINT {name} CHECK ({check}) NOT VALID");
        let refuse = alter_table(id, &add)
            .because("refuse NULL in rows that come")
            .lock(Lock::AccessExclusive, id.container())
            .mode(Mode::CommitAfter);
        let settle = alter_column(id, "SET NOT NULL")
            .because("refuse NULL; the constraint shows that there is none, and goes")
            .then(format!(
                "ALTER TABLE {} DROP CONSTRAINT {name}",
                id.container()
            ));
        vec![refuse, validate(id, &name).mode(Mode::CommitAfter), settle]
    }
}

impl Column {
    /// The statement that adds its `NOT NULL`, where that has not looked at the rows that were there before it.
    pub fn unvalidated(&self, id: &ObjectId) -> Option<String> {
        let constraint = self.not_null_constraint.as_ref()?;
        let added = (!constraint.valid).then(|| constraint.add(id, " NOT VALID"))?;
        added.sql.into_iter().next()
    }
}

/// The step after which the column takes NULL, while that of a table that inherits it goes on refusing it where it shall.
pub(super) fn allow_null(id: &ObjectId, cx: &Context<'_>) -> Step {
    let refuses = |column: Option<&Column>| column.is_some_and(|column| !column.facts().takes_null);
    let heirs = cx.heirs(id).into_iter().filter(|heir| refuses(cx.live(heir)));
    let (kept, lost): (Vec<_>, Vec<_>) = heirs.partition(|heir| refuses(cx.desired(heir)));
    let drop = |table: &str, id: &ObjectId| format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", id.name());
    let table = id.container();
    let is_partitioned = cx.world.parent(id).and_then(|table| cx.world.live(table)).is_some_and(|object| object.facts().is_partitioned);
    if kept.is_empty() || is_partitioned {
        let step = Step::alter(id, drop(&table, id)).because("allow NULL").lock(Lock::AccessExclusive, table);
        // PostgreSQL takes no ONLY here.
        return kept.into_iter().fold(step, |step, heir| {
            let heirs_table = heir.container();
            let why = format!("{heirs_table} is scanned for NULLs");
            step.then(format!("ALTER TABLE {heirs_table} ALTER COLUMN {} SET NOT NULL", heir.name()))
                .lock(Lock::AccessExclusive, heirs_table)
                .hazard(HazardKind::BlocksReads, why)
        });
    }
    let only = Step::alter(id, drop(&format!("ONLY {table}"), id)).because("allow NULL").lock(Lock::AccessExclusive, table);
    lost.into_iter().fold(only, |step, heir| {
        let heirs_table = heir.container();
        step.then(drop(&heirs_table, heir)).lock(Lock::AccessExclusive, heirs_table)
    })
}

impl NotNull {
    fn name_of(&self, id: &ObjectId) -> Ident {
        let name = self.name.clone();
        name.unwrap_or_else(|| Column::usual_not_null(id))
    }

    /// Whether `SET NOT NULL` makes it.
    fn is_usual(&self, id: &ObjectId) -> bool {
        !self.no_inherit && self.name_of(id) == Column::usual_not_null(id)
    }

    fn add(&self, id: &ObjectId, validity: &str) -> Step {
        let inherit = if self.no_inherit { " NO INHERIT" } else { "" };
        let (name, column) = (self.name_of(id), id.name());
        let add = format!("ADD CONSTRAINT {name} NOT NULL {column}{inherit}{validity}");
        alter_table(id, &add)
            .because("refuse NULL")
            .lock(Lock::AccessExclusive, id.container())
    }
}

/// The name of the constraint that proves it. One that a stopped plan has left behind may still be there.
fn free_name(id: &ObjectId, cx: &Context<'_>) -> Ident {
    let table = cx.world.parent(id);
    let siblings = table.map_or_else(Vec::new, |table| cx.world.live_children(table));
    let is_free = |name: &Ident| !siblings.iter().any(|sibling| sibling.name() == name);
    let usual = proof(id.name());
    let numbered = (1..).map(|number| Ident::new(format!("{}{number}", usual.as_str())));
    std::iter::once(usual.clone())
        .chain(numbered)
        .find(is_free)
        .expect("there is no end of numbers")
}

/// Its usual name, by which two columns of a table aren't mistaken for each other: of a long name, the end.
fn proof(column: &Ident) -> Ident {
    const LONGEST: usize = 63 - "forge__not_null99".len();
    let column = column.as_str();
    let start = column.len().saturating_sub(LONGEST);
    let start = (start..=column.len()).find(|&start| column.is_char_boundary(start));
    Ident::new(format!(
        "forge_{}_not_null",
        &column[start.unwrap_or_default()..]
    ))
}

fn validate(id: &ObjectId, constraint: &Ident) -> Step {
    alter_table(id, &format!("VALIDATE CONSTRAINT {constraint}"))
        .because("check the rows that are there, while reads and writes go on")
        .lock(Lock::ShareUpdateExclusive, id.container())
        .hazard(HazardKind::MayFail, "a NULL in the column stops it")
}

fn alter_table(id: &ObjectId, action: &str) -> Step {
    Step::alter(id, format!("ALTER TABLE {} {action}", id.container()))
}

/// Changes the constraint behind `NOT NULL`, which is there before and after.
pub(super) fn change_not_null(change: &Change<'_, Column>) -> Vec<Step> {
    let Change {
        live,
        desired,
        id,
        cx,
    } = change;
    let (Some(old), Some(new)) = (&live.not_null_constraint, &desired.not_null_constraint) else {
        return Vec::new();
    };
    if old.valid && !new.valid {
        let mut steps = vec![alter_column(id, "DROP NOT NULL").because("it shall not be valid")];
        steps.extend(desired.set_not_null(id, cx));
        return steps;
    }
    let table = id.container();
    let mut steps = Vec::new();
    let name = new.name_of(id);
    // One that was inherited keeps the name that the whole gave it.
    let held = old.name.as_ref().or(old.inherited_name.as_ref());
    if let (Some(from), Some(to)) = (held, &new.name)
        && from != to
    {
        let rename = format!("RENAME CONSTRAINT {from} TO {to}");
        steps.push(
            alter_table(id, &rename)
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
            alter_table(id, &action)
                .because("change who inherits it")
                .lock(Lock::AccessExclusive, &table),
        );
    }
    if !old.valid && new.valid {
        steps.push(validate(id, &name));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_named_after_its_column() {
        fn check(column: &str, expected: &str) {
            assert_eq!(proof(&Ident::new(column)).as_str(), expected);
        }
        check("email", "forge_email_not_null");
        check(
            "a_column_of_which_there_are_several_in_one_table_the_number_1",
            "forge_ch_there_are_several_in_one_table_the_number_1_not_null",
        );
        check(
            &"ä".repeat(31),
            &format!("forge_{}_not_null", "ä".repeat(23)),
        );
    }
}
