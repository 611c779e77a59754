//! How the values of a column get from one type to another.

use super::Column;
use crate::{
    kinds::{
        Context, HazardKind, ObjectId, Step,
        casting::{Cast, Type, base_after, base_before, cast_target, is_user_defined, loss_between},
    },
    source::casts_of,
};

/// The cast from the live column's type to the desired one's; `None` where there is none.
pub(super) fn between(live: &Column, desired: &Column) -> Option<Cast> {
    if live.type_name == desired.type_name {
        return Some(Cast::Free); // Only the collation changes.
    }
    let (from, to) = (type_of(live), type_of(desired));
    if from.array == to.array && (live.is_enum || desired.is_enum) {
        return of_enums(live, desired);
    }
    from.cast_to(&to)
}

/// What the cast takes from the column's values without an error.
pub(super) fn loss(live: &Column, desired: &Column, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
    if live.is_enum || desired.is_enum {
        return None;
    }
    let loss = loss_between(&base_before(&live.type_name, id, cx), &base_after(&desired.type_name, id, cx))?;
    Some(format!("of values of {}, {loss}", id.sql()))
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
    let wanted = base_after(&desired.type_name, id, cx);
    let mut from = base_before(&live.type_name, id, cx);
    let mut is_enum = live.is_enum;
    let casts = casts_of(using, id.name()).filter(|casts| {
        casts.iter().all(|cast| {
            let (to, becomes_enum) = if *cast == desired.type_name {
                (wanted.clone(), desired.is_enum)
            } else {
                (cast.clone(), false)
            };
            // An explicit cast cuts what is too long. Of types that users made, only the labels of enums are known to go
            // through text as they are.
            let is_known = becomes_enum || is_enum || !(is_user_defined(&from) || is_user_defined(&to));
            let keeps = is_known && cast_target(&to) == to && loss_between(&from, &to).is_none();
            (from, is_enum) = (to, becomes_enum);
            keeps
        })
    });
    let keeps = casts.is_some() && (from == wanted || loss_between(&from, &wanted).is_none());
    (!keeps).then(|| format!("of values of {}, what `{using}` does not keep", id.sql()))
}

/// Whether statements that work with the column's values go on working.
pub(super) fn serves(live: &Column, desired: &Column) -> bool {
    live.type_name == desired.type_name
        || (live.is_enum == desired.is_enum && type_of(live).serves_as(&type_of(desired)))
}

fn of_enums(live: &Column, desired: &Column) -> Option<Cast> {
    if live.is_enum && desired.is_enum {
        return Some(Cast::ThroughText);
    }
    // An enum has casts to and from text only.
    match (type_of(live).is_text(), type_of(desired).is_text()) {
        (_, true) => Some(Cast::Assignment),
        (true, _) => Some(Cast::Explicit),
        (false, false) => None,
    }
}

fn type_of(column: &Column) -> Type<'_> {
    Type::parse(column.base_type.as_deref().unwrap_or(&column.type_name))
}
