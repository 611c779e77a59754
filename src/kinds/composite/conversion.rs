//! Replacing a type whose values are stored: they are cast to the new one, attribute by attribute.

use super::model::{Composite, TypeAttribute};
use crate::{
    kinds::{
        Action, Aside, Context, HazardKind, ObjectId, Step,
        casting::{Cast, base_after, base_before, between_types, cast_target, loss_between, replaced, through_text},
        stored::is_stored,
    },
    sql::{Ident, Literal, join},
};

/// Whether there are tables of the type.
pub(super) fn is_typed(id: &ObjectId, cx: &Context<'_>) -> bool {
    cx.world.live_dependents(id).into_iter().any(|other| {
        let mut parts = cx.world.live_children(other).into_iter();
        let object = cx.world.live(other);
        object.is_some_and(|object| object.stands_aside(other, cx))
            && parts.any(|part| cx.world.live(part).is_some_and(|object| object.facts().holds_values))
    })
}

/// What is lost where an attribute is dropped.
pub(super) fn loss(id: &ObjectId, attribute: &Ident) -> String {
    format!("deletes all values of the attribute {}.{attribute}", id.sql())
}

/// The steps around the creation of the new type.
pub(super) fn keep_values(
    live: &Composite,
    desired: &Composite,
    id: &ObjectId,
    cx: &Context<'_>,
) -> Aside {
    let aside = |end: &str| id.renamed(Ident::new(format!("{}__forge_{end}", id.name().as_str())));
    let (old, function) = (aside("old"), aside("cast"));
    let rename = format!("ALTER TYPE {} RENAME TO {}", id.sql(), old.name());
    let away = Step::new(Action::Rename, id, rename).because("rename the old type");
    let mut remove =
        Step::drop(id, format!("DROP TYPE {}", old.sql())).because("drop the old type");
    if !is_stored(id, cx) {
        return Aside {
            away: vec![away],
            carry: Vec::new(),
            remove: vec![remove],
        };
    }
    let mut lost: Vec<&Ident> = live.attributes.iter().map(|attribute| &attribute.name).collect();
    let values = desired.attributes.iter().map(|after| {
        let before = live.attributes.iter().find(|before| before.name == after.name);
        let value = before.and_then(|before| value(before, after, id, cx));
        if value.is_some() {
            lost.retain(|name| **name != after.name);
        }
        value.unwrap_or_else(|| format!("NULL::{}", after.type_name))
    });
    let body = format!("SELECT {}", join(values.collect::<Vec<_>>(), ", "));
    let cut = desired.attributes.iter().filter_map(|after| {
        let before = live.attributes.iter().find(|before| before.name == after.name)?;
        value(before, after, id, cx)?; // All of them are lost, and told.
        let (from, to) = (base_before(&before.type_name, id, cx), base_after(&after.type_name, id, cx));
        let what = loss_between(&from, &to)?;
        Some(format!("of values of the attribute {}.{}, {what}", id.sql(), after.name))
    });
    let cut: Vec<String> = cut.collect();
    for attribute in lost {
        remove = remove.hazard(HazardKind::DeletesData, loss(id, attribute));
    }
    // A strict function leaves NULL as it is, and tells it from a row of NULLs. The values of its result are assigned, so
    // that one which doesn't fit is an error.
    let create = format!(
        "CREATE FUNCTION {}({}) RETURNS {} LANGUAGE sql IMMUTABLE STRICT AS {}",
        function.sql(),
        old.sql(),
        id.sql(),
        Literal(&body)
    );
    let signature = format!("{}({})", function.sql(), old.sql());
    let cast = format!("({} AS {})", old.sql(), id.sql());
    let carry = Step::new(Action::Alter, id, create)
        .then(format!("CREATE CAST {cast} WITH FUNCTION {signature}"))
        .because("convert values of the old type, attribute by attribute");
    let carry = cut.into_iter().fold(carry, |carry, why| carry.hazard(HazardKind::DeletesData, why));
    remove.sql.splice(
        0..0,
        [
            format!("DROP CAST {cast}"),
            format!("DROP FUNCTION {signature}"),
        ],
    );
    Aside {
        away: vec![away],
        carry: vec![carry],
        remove: vec![remove],
    }
}

/// The value of an attribute for that of the old one; none where no cast leads there.
fn value(
    before: &TypeAttribute,
    after: &TypeAttribute,
    id: &ObjectId,
    cx: &Context<'_>,
) -> Option<String> {
    let (value, wanted) = (format!("($1).{}", before.name), &after.type_name);
    if before.type_name == *wanted {
        return Some(match replaced(wanted, id, cx) {
            None => value,
            Some(true) => format!("{value}::{wanted}"),
            Some(false) => through_text(&value, wanted, id, cx),
        });
    }
    Some(match between_types(&before.type_name, wanted)? {
        Cast::Free | Cast::Assignment => value,
        Cast::Explicit => format!("{value}::{}", cast_target(&before.type_name, wanted)),
        Cast::ThroughText => through_text(&value, wanted, id, cx),
    })
}
