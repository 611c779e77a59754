//! Columns that are filled before they refuse NULL.

use super::{model::Column, statement::alter_column};
use crate::kinds::{
    Context, Fragment, HazardKind, Lock, Mode, ObjectId, ObjectKind as _, Step, filling::again,
};

/// Whether the column is changed in a transaction that mustn't end before something is in its place again: the old type that
/// stands aside, or the table that is detached from its whole and attached to another.
pub(super) fn is_held(id: &ObjectId, cx: &Context<'_>) -> bool {
    let table = cx.world.parent(id);
    cx.world.is_repointed(id) || table.is_some_and(|table| cx.world.changes_whole(table))
}

/// A fill within the transaction of its neighbours.
fn within(fill: Step, id: &ObjectId) -> Step {
    let mut step = fill
        .mode(Mode::Transaction)
        .hazard(HazardKind::BlocksReads, format!("until the rows of {} are filled", id.container()));
    step.batching = None;
    step
}

impl Column {
    /// Adds the column without a value, fills it, and only then lets it refuse NULL.
    pub(super) fn create_filled(
        &self,
        id: &ObjectId,
        parts: &[Fragment],
        fill: Step,
        cx: &Context<'_>,
    ) -> Vec<Step> {
        let table = id.container();
        let bare = Self {
            not_null: false,
            not_null_constraint: None,
            identity: None,
            ..self.clone()
        };
        let add = format!(
            "ALTER TABLE {table} ADD COLUMN {}",
            bare.definition(id, &[], cx)
        );
        let mut create = Step::create(id, add).lock(Lock::AccessExclusive, &table);
        for part in parts {
            // Rows that come meanwhile get it; those that are there don't.
            create
                .sql
                .extend(alter_column(id, &format!("SET {}", part.sql)).sql);
        }
        let mut steps = vec![create];
        if !self.facts().takes_null {
            steps.extend(self.fill_and_refuse(id, fill, cx));
        } else if is_held(id, cx) {
            steps.push(within(fill, id));
        } else {
            steps.push(fill);
        }
        steps.extend(
            self.identity
                .iter()
                .flat_map(|identity| identity.add_to(id, cx)),
        );
        steps
    }

    /// Fills the rows that have no value and then lets the column refuse NULL. Rows that are written without one meanwhile are
    /// filled once the first step refuses more of them, so that the next one, which reads all rows, finds none.
    ///
    /// In a transaction that mustn't end meanwhile, whose lock keeps writers out, they are filled once.
    pub(super) fn fill_and_refuse(
        &self,
        id: &ObjectId,
        fill: Step,
        cx: &Context<'_>,
    ) -> Vec<Step> {
        if is_held(id, cx) {
            return vec![within(fill, id), self.set_not_null_at_once(id, cx)];
        }
        let refuse = self.set_not_null(id, cx);
        let second = (refuse.len() > 1).then(|| again(fill.clone()));
        let mut refuse = refuse.into_iter();
        let mut steps = vec![fill];
        steps.extend(refuse.next());
        steps.extend(second);
        steps.extend(refuse);
        steps
    }
}
