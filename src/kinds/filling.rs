//! Values for the rows that are there: what the author says with `backfill` and `using`.

use super::{Action, Batching, Context, HazardKind, Lock, Mode, ObjectId, Step, Values};
use crate::sql::{Ident, NullTest};

/// The step that gives the rows without a value one, if the author says which.
pub(super) fn fill(id: &ObjectId, cx: &Context<'_>) -> Option<Step> {
    let values = cx.world.values(id)?;
    let (table, column) = (id.container(), id.name());
    let test = NullTest::of_rows(
        cx.world
            .desired(id)
            .is_some_and(|object| object.facts().holds_rows),
    );
    let sql = format!(
        "UPDATE {table} SET {column} = {} WHERE {}",
        values.backfill.as_ref()?,
        test.is_null(column)
    );
    // No lock of another step is held while it runs; what is filled already isn't filled again.
    let step = Step::new(Action::Data, id, sql)
        .because("fill the rows that have no value")
        .lock(Lock::RowExclusive, &table)
        .hazard(
            HazardKind::Rewrites,
            format!("each row of {table} without a value"),
        )
        .mode(Mode::Alone);
    let step = match row_key(id, cx) {
        Some(key) => step.in_batches(Batching::by(key.iter().cloned())),
        None => step,
    };
    Some(waiting(step, Some(values)))
}

/// Why rows are filled that are written between the first fill and the constraint that rejects NULL.
const AGAIN: &str = "fill the rows that were written without a value meanwhile";

/// Lets a fill run a second time.
pub(super) fn again(fill: Step) -> Step {
    fill.because(AGAIN)
}

/// Fills the columns that an object of their table looks at again, where the author says how and they take NULL also after the
/// plan. One that doesn't has been filled again before it refused NULL.
pub(super) fn of_nullable(id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
    let table = cx.world.parent(id);
    let is_meant = |column: &ObjectId| {
        let object = cx.world.desired(column);
        cx.world.parent(column) == table && object.is_some_and(|object| object.facts().takes_null)
    };
    let columns = cx.world.dependencies(id).into_iter();
    columns
        .filter(|column| is_meant(column))
        .filter_map(|column| fill(column, cx))
        .map(again)
        .collect()
}

/// The key by which the column's table can be gone through in parts: one that is there while the plan runs.
fn row_key<'a>(id: &ObjectId, cx: &Context<'a>) -> Option<&'a [Ident]> {
    let world = cx.world;
    let children = world.live_children(world.parent(id)?);
    children.into_iter().find_map(|child| {
        let stays = world.desired(child).is_some() && !world.is_created(child);
        let key = world.live(child)?.facts().row_key?;
        stays.then_some(key)
    })
}

/// Lets a step run while what the author's expressions name is there.
pub(super) fn waiting(step: Step, values: Option<&Values>) -> Step {
    let needs = values.into_iter().flat_map(|values| &values.needs);
    needs.cloned().fold(step, Step::after)
}
