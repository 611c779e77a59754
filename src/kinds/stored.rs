//! Where values of a type are stored.

use super::{Context, Model, ObjectId};

/// Whether columns hold values of the type: itself, its arrays, domains over it, types that have it for an attribute.
pub(super) fn is_stored(id: &ObjectId, cx: &Context<'_>) -> bool {
    cx.world.live_dependents(id).into_iter().any(|other| {
        let Some(object) = cx.world.live(other) else {
            return false;
        };
        object.facts().holds_values
            || !object.facts().value_types.is_empty()
            || (is_type(object) && is_stored(other, cx))
    })
}

/// Whether values of the domain are stored as parts of others, in arrays and rows: PostgreSQL does not look into those, and
/// refuses to check the domain's values (0A000, measured on 15).
pub(super) fn is_contained(id: &ObjectId, cx: &Context<'_>) -> bool {
    let list = format!("{}[]", id.sql());
    cx.world.live_dependents(id).into_iter().any(|other| {
        let Some(object) = cx.world.live(other) else {
            return false;
        };
        if object.facts().value_types.contains(&&*list) {
            return true;
        }
        if object.facts().restricts == Some(&*id.sql()) {
            return is_contained(other, cx);
        }
        is_type(object) && is_stored(other, cx)
    })
}

fn is_type(object: &dyn Model) -> bool {
    object.facts().privilege_class == Some("TYPES")
}
