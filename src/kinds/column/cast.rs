//! How the values of a column get from one type to another.

use super::Column;
use crate::kinds::{
    HazardKind, ObjectId, Step,
    casting::{Cast, Type},
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

/// The step with what the cast takes from the column's values without an error.
pub(super) fn tell_loss(step: Step, live: &Column, desired: &Column, id: &ObjectId) -> Step {
    if live.is_enum || desired.is_enum {
        return step;
    }
    match type_of(live).loss_to(&type_of(desired)) {
        Some(loss) => {
            step.hazard(HazardKind::DeletesData, format!("of values of {}, {loss}", id.sql()))
        }
        None => step,
    }
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
