//! Values for the rows that are there: what the author says with `backfill` and `using`.

use super::{Column, alter_column};
use crate::{
    kinds::{Action, Batching, Context, Fragment, HazardKind, Lock, Mode, ObjectId, Step, Values},
    sql::Ident,
};

/// The step that gives the rows without a value one, if the author says which.
pub(super) fn fill(id: &ObjectId, cx: &Context<'_>) -> Option<Step> {
    let values = cx.world.values(id)?;
    let (table, column) = (id.container(), id.name());
    let sql = format!(
        "UPDATE {table} SET {column} = {} WHERE {column} IS NULL",
        values.backfill.as_ref()?
    );
    // No lock of another step is held while it runs; what is filled already isn't filled again.
    let step = Step::new(Action::Data, id, sql)
        .because("fill the rows that have no value")
        .lock(Lock::RowExclusive, &table)
        .hazard(
            HazardKind::Rewrites,
            format!("each row of {table} that has no value is written anew"),
        )
        .mode(Mode::Alone);
    let step = match row_key(id, cx) {
        Some(key) => step.in_batches(Batching::by(key.iter().cloned())),
        None => step,
    };
    Some(waiting(step, Some(values)))
}

/// Fills the rows that have no value and then lets the column refuse NULL. Rows that are written without one meanwhile are
/// filled once the first step refuses more of them, so that the next one, which reads all rows, finds none.
pub(super) fn then_refuse(fill: Step, refuse: Vec<Step>) -> Vec<Step> {
    let again = fill
        .clone()
        .because("fill the rows that were written without a value meanwhile");
    let reads_later = refuse.len() > 1;
    let mut refuse = refuse.into_iter();
    let mut steps = vec![fill];
    steps.extend(refuse.next());
    steps.extend(reads_later.then_some(again));
    steps.extend(refuse);
    steps
}

/// The key by which the column's table can be gone through in parts: one that is there while the plan runs.
fn row_key<'a>(id: &ObjectId, cx: &Context<'a>) -> Option<&'a [Ident]> {
    let world = cx.world;
    let children = world.live_children(world.parent(id)?);
    children.into_iter().find_map(|child| {
        let stays = world.desired(child).is_some() && !world.is_created(child);
        let key = world.live(child)?.row_key()?;
        stays.then_some(key)
    })
}

/// Lets a step run while what the author's expressions name is there.
pub(super) fn waiting(step: Step, values: Option<&Values>) -> Step {
    let needs = values.into_iter().flat_map(|values| &values.needs);
    needs.cloned().fold(step, Step::after)
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
        if self.not_null || self.not_null_constraint.is_some() {
            steps.extend(then_refuse(fill, self.set_not_null(id, cx)));
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
}
