//! How the values of a column get from one type to another.

use super::model::Column;
use crate::{
    kinds::{
        Context, HazardKind, ObjectId, Step,
        casting::{self, Cast, Stored, Type, base_after, base_before, cast_target, loss_between},
    },
    source::casts_of,
};

/// The cast from the live column's type to the desired one's; `None` where there is none.
pub(super) fn between(live: &Column, desired: &Column, id: &ObjectId, cx: &Context<'_>) -> Option<Cast> {
    if live.type_name == desired.type_name {
        return Some(Cast::Free); // Only the collation changes.
    }
    casting::between(&before(live, id, cx), &after(desired, id, cx))
}

/// The value of the new column for that of the old one; none where no cast leads there.
pub(super) fn carried(live: &Column, desired: &Column, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
    let name = id.name().to_string();
    if let Some(using) = cx.world.values(id).and_then(|values| values.using.as_deref()) {
        return Some(format!("({using})"));
    }
    if live.type_name == desired.type_name {
        return Some(match casting::replaced(&live.type_name, id, cx) {
            None => name,
            Some(true) => format!("{name}::{}", desired.type_name),
            Some(false) => casting::through_text(&name, &desired.type_name, id, cx),
        });
    }
    let cast = between(live, desired, id, cx)?;
    Some(explicit(cast, live, desired, id, cx).unwrap_or(name))
}

/// The cast as an expression, where an assignment does not do.
pub(super) fn explicit(
    cast: Cast,
    live: &Column,
    desired: &Column,
    id: &ObjectId,
    cx: &Context<'_>,
) -> Option<String> {
    let name = id.name();
    match cast {
        Cast::Assignment | Cast::Free => None,
        Cast::Explicit => {
            let (from, base) = (before(live, id, cx).name, after(desired, id, cx).name);
            let target = Some(cast_target(&from, &base)).filter(|target| *target != base);
            Some(format!("{name}::{}", target.unwrap_or(&desired.type_name)))
        }
        Cast::ThroughText => Some(casting::through_text(&name.to_string(), &desired.type_name, id, cx)),
    }
}

/// What the cast takes from the column's values without an error.
pub(super) fn loss(live: &Column, desired: &Column, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
    if let Some(using) = cx.world.values(id).and_then(|values| values.using.as_deref()) {
        return loss_by(using, live, desired, id, cx);
    }
    let loss = loss_between(&before(live, id, cx), &after(desired, id, cx))?;
    Some(format!("of values of {}, {loss}", id.sql()))
}

/// The type by whose rules the column's values are stored, before the plan.
pub(super) fn before(column: &Column, id: &ObjectId, cx: &Context<'_>) -> Stored {
    stored(column, base_before(&column.type_name, id, cx))
}

/// As [`before`], after the plan.
pub(super) fn after(column: &Column, id: &ObjectId, cx: &Context<'_>) -> Stored {
    stored(column, base_after(&column.type_name, id, cx))
}

fn stored(column: &Column, base: Stored) -> Stored {
    // What is known of a type that isn't managed.
    let own = column.base_type.clone().filter(|_| base.name == column.type_name);
    Stored {
        is_enum: base.is_enum || column.is_enum,
        is_row: base.is_row || column.is_row,
        name: own.unwrap_or(base.name),
    }
}

/// The step with what the cast takes from the column's values without an error.
pub(super) fn tell_loss(step: Step, live: &Column, desired: &Column, id: &ObjectId, cx: &Context<'_>) -> Step {
    match loss(live, desired, id, cx) {
        Some(loss) => step.hazard(HazardKind::DeletesData, loss),
        None => step,
    }
}

/// What an expression may take from the column's values: nothing where it is known to be casts that keep each value.
pub(super) fn loss_by(
    using: &str,
    live: &Column,
    desired: &Column,
    id: &ObjectId,
    cx: &Context<'_>,
) -> Option<String> {
    let wanted = after(desired, id, cx);
    let mut from = before(live, id, cx);
    let casts = casts_of(using, id.name()).filter(|casts| {
        casts.iter().all(|cast| {
            let to = if *cast == desired.type_name {
                wanted.clone()
            } else {
                Stored { name: cast.clone(), is_enum: false, is_row: false }
            };
            // An explicit cast cuts what is too long.
            let keeps = cast_target(&from.name, &to.name) == to.name && loss_between(&from, &to).is_none();
            from = to;
            keeps
        })
    });
    let keeps = casts.is_some() && loss_between(&from, &wanted).is_none();
    (!keeps).then(|| format!("of values of {}, what `{using}` does not keep", id.sql()))
}

/// Whether statements that work with the column's values go on working.
pub(super) fn serves(live: &Column, desired: &Column) -> bool {
    live.type_name == desired.type_name
        || (live.is_enum == desired.is_enum && type_of(live).serves_as(&type_of(desired)))
}

fn type_of(column: &Column) -> Type<'_> {
    Type::parse(column.base_type.as_deref().unwrap_or(&column.type_name))
}
