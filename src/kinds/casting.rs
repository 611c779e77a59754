//! How values get from one type to another (PostgreSQL docs: CREATE CAST, ALTER TABLE … TYPE).

use super::{Context, Model, ObjectId};

mod loss;
mod types;

use self::types::CHAR;
pub(super) use self::{
    loss::loss_between,
    types::{Cast, Stored, Type},
};

/// The cast between two types that go by these names; user-defined ones meet in text.
pub(super) fn between_types(from: &str, to: &str) -> Option<Cast> {
    let (from, to) = (Type::parse(from), Type::parse(to));
    if from.is_user_defined() || to.is_user_defined() {
        return Some(Cast::ThroughText);
    }
    from.cast_to(&to)
}

/// The cast between two types by whose rules values are stored.
pub(super) fn between(from: &Stored, to: &Stored) -> Option<Cast> {
    let (source, target) = (Type::parse(&from.name), Type::parse(&to.name));
    let is_told = |sort: &Type<'_>| sort.element().is_text() && sort.name != CHAR;
    // A row has casts to and from text only, unless somebody makes one.
    let (from_row, to_row) = (
        from.is_row && !is_told(&target),
        to.is_row && !is_told(&source),
    );
    if from_row != to_row && !(source.is_user_defined() && target.is_user_defined()) {
        return None;
    }
    // An enum has casts to and from text only.
    match (from.is_enum, to.is_enum) {
        (true, true) => (source.array == target.array).then_some(Cast::ThroughText),
        (true, false) if !is_told(&target) || (target.array && !source.array) => None,
        (true, false) => Some(if target.array {
            Cast::Explicit
        } else {
            Cast::Assignment
        }),
        (false, true) => {
            let leads = is_told(&source) && (target.array || !source.array);
            leads.then_some(Cast::Explicit)
        }
        (false, false) => source.cast_to(&target),
    }
}

/// The type that an explicit cast of values of `from` names, so that a value which is too long for the wanted one is an error
/// of the assignment: a cast to `character varying(3)` cuts it (PostgreSQL docs: 8.3 Character Types, 8.10 Bit String Types).
pub(super) fn cast_target<'t>(from: &str, to: &'t str) -> &'t str {
    let (source, target) = (Type::parse(from), Type::parse(to));
    if source.is_whole() && target.name == "bit" {
        return to; // Numbers have no cast to `bit varying`, and only the length tells how many of their bits are meant.
    }
    match (&*target.name, target.array, target.modifier.is_some()) {
        ("character varying" | "character", false, true) => "text",
        ("character varying" | "character", true, true) => "text[]",
        ("bit varying" | "bit", false, true) => "bit varying",
        ("bit varying" | "bit", true, true) => "bit varying[]",
        _ => to,
    }
}

/// The type by whose rules values are stored that `owner` has of this type as the plan leaves it: what its domain is made of.
pub(super) fn base_after(type_name: &str, owner: &ObjectId, cx: &Context<'_>) -> Stored {
    base(type_name, owner, &|id| {
        (cx.world.dependencies(id), cx.world.desired(id))
    })
}

/// As [`base_after`], before the plan.
pub(super) fn base_before(type_name: &str, owner: &ObjectId, cx: &Context<'_>) -> Stored {
    base(type_name, owner, &|id| {
        (cx.world.live_dependencies(id), cx.world.live(id))
    })
}

/// What an object needs, and the object, in one of the two catalogs.
type Look<'l, 'a> = &'l dyn Fn(&ObjectId) -> (Vec<&'a ObjectId>, Option<&'a dyn Model>);

fn base(type_name: &str, owner: &ObjectId, look: Look<'_, '_>) -> Stored {
    let element = type_name.trim_end_matches("[]");
    let needed = look(owner).0.into_iter();
    let types = needed.filter(|needed| needed.sql() == element);
    for found in types {
        let Some(object) = look(found).1 else {
            continue;
        };
        if let Some(restricted) = object.facts().restricts {
            let base = base(restricted, found, look);
            let name = format!("{}{}", base.name, &type_name[element.len()..]);
            return Stored { name, ..base };
        }
        if object.facts().has_labels || object.facts().has_fields {
            return Stored {
                name: type_name.to_owned(),
                is_enum: object.facts().has_labels,
                is_row: object.facts().has_fields,
            };
        }
    }
    Stored {
        name: type_name.to_owned(),
        is_enum: false,
        is_row: false,
    }
}

/// A value on its way through text to a type that `owner` has. An explicit cast would cut what is too long; the assignment that
/// follows rejects it.
pub(super) fn through_text(
    value: &str,
    wanted: &str,
    owner: &ObjectId,
    cx: &Context<'_>,
) -> String {
    let base = base_after(wanted, owner, cx).name;
    match cast_target("text", &base) {
        "text" => format!("{value}::text"),
        target if target == base => format!("{value}::text::{wanted}"),
        target => format!("{value}::text::{target}"),
    }
}

/// Whether the plan replaces the type of the values that `owner` has, and makes a cast for them then.
pub(super) fn replaced(type_name: &str, owner: &ObjectId, cx: &Context<'_>) -> Option<bool> {
    let element = type_name.trim_end_matches("[]");
    let needed = cx.world.live_dependencies(owner).into_iter();
    let mut replaced = needed.filter(|needed| cx.world.is_created(needed));
    let found = replaced.find(|needed| needed.sql() == element)?;
    Some(cx.world.live(found)?.makes_cast(found, cx))
}

/// How a type stores its values by default; `EXTENDED` for those of variable length.
pub(super) fn default_storage(type_name: &str) -> &'static str {
    match &*Type::parse(type_name).name {
        _ if type_name.ends_with("[]") => "EXTENDED",
        "numeric" | "inet" | "cidr" => "MAIN",
        "smallint" | "integer" | "bigint" | "boolean" | "real" | "double precision" | "date"
        | "uuid" | "oid" => "PLAIN",
        name if name.starts_with("time") || name == "interval" || name == "name" => "PLAIN",
        _ => "EXTENDED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_that_cut_nothing() {
        fn check(from: &str, to: &str, target: &str) {
            assert_eq!(cast_target(from, to), target);
        }
        check("text[]", "character varying(3)", "text");
        check("text", "character(3)[]", "text[]");
        check("text", "bit(3)", "bit varying");
        check("integer", "bit(3)", "bit(3)");
        check("bigint[]", "bit(3)[]", "bit(3)[]");
        check("text[]", "character varying", "character varying");
        check("text", "numeric(10,2)", "numeric(10,2)");
        check("text", "app.a", "app.a");
    }

    #[test]
    fn a_modifier_may_stand_inside() {
        let (one, other) = (
            "timestamp(3) without time zone",
            "timestamp(3) with time zone",
        );
        assert_eq!(between_types(one, other), Some(Cast::Assignment));
        assert_eq!(between_types(one, one), Some(Cast::Free));
    }
}
