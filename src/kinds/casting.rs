//! How values get from one type to another (PostgreSQL docs: CREATE CAST, ALTER TABLE … TYPE).

use std::borrow::Cow;

use super::{Context, Object, ObjectId};

mod loss;

/// A type of a single byte, which has casts of its own only.
const CHAR: &str = "\"char\"";

pub(super) use loss::loss_between;

/// The way from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    /// Neither a rewrite nor a scan: the same bytes (safety table, rows 92–127).
    Free,
    /// PostgreSQL casts by itself.
    Assignment,
    /// An explicit cast is needed.
    Explicit,
    /// Only text leads from one to the other: between enums.
    ThroughText,
}

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

/// The type by whose rules values are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its name with modifiers.
    pub(super) name: String,
    /// Whether values, or the elements of an array, are labels of an enum.
    pub(super) is_enum: bool,
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
type Look<'l, 'a> = &'l dyn Fn(&ObjectId) -> (Vec<&'a ObjectId>, Option<&'a Object>);

fn base(type_name: &str, owner: &ObjectId, look: Look<'_, '_>) -> Stored {
    let element = type_name.trim_end_matches("[]");
    let needed = look(owner).0.into_iter();
    let types = needed.filter(|needed| needed.sql() == element);
    for found in types {
        let Some(object) = look(found).1 else {
            continue;
        };
        if let Some(restricted) = object.restricts() {
            let base = base(restricted, found, look);
            let name = format!("{}{}", base.name, &type_name[element.len()..]);
            return Stored { name, ..base };
        }
        if object.has_labels() {
            return Stored {
                name: type_name.to_owned(),
                is_enum: true,
            };
        }
    }
    Stored {
        name: type_name.to_owned(),
        is_enum: false,
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

/// A type's name taken apart: `character varying(20)[]`.
pub(super) struct Type<'a> {
    /// Without the modifier: `timestamp without time zone`.
    name: Cow<'a, str>,
    modifier: Option<Vec<i64>>,
    pub(super) array: bool,
}

impl<'a> Type<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (text, array) = text
            .strip_suffix("[]")
            .map_or((text, false), |element| (element, true));
        // The modifier can stand inside: `timestamp(3) without time zone`.
        let (name, modifier) = match (text.find('('), text.find(')')) {
            (Some(open), Some(close)) => {
                let numbers = text[open + 1..close]
                    .split(',')
                    .filter_map(|number| number.trim().parse().ok())
                    .collect();
                let (before, after) = (text[..open].trim_end(), &text[close + 1..]);
                let name = if after.is_empty() {
                    Cow::Borrowed(before)
                } else {
                    Cow::Owned(format!("{before}{after}"))
                };
                (name, Some(numbers))
            }
            _ => (Cow::Borrowed(text), None),
        };
        Self {
            name,
            modifier,
            array,
        }
    }

    fn cast_to(&self, to: &Type<'_>) -> Option<Cast> {
        if self.array != to.array {
            let is_told = |sort: &Type<'_>| sort.is_text() && sort.name != CHAR;
            let writes = is_told(to).then_some(Cast::Assignment);
            return is_told(self).then_some(Cast::Explicit).or(writes);
        }
        if self.is_user_defined() || to.is_user_defined() {
            return Some(Cast::Explicit);
        }
        self.to(to)
    }

    /// Whether statements that work with its values work with those of the other.
    pub(super) fn serves_as(&self, to: &Type<'_>) -> bool {
        let is_same = self.name == to.name && self.array == to.array;
        let is_built_in = !self.is_user_defined() && !to.is_user_defined();
        let (from, to) = (
            self.element(),
            (to.array == self.array).then(|| to.element()),
        );
        is_same
            || to.filter(|_| is_built_in).is_some_and(|to| {
                let bits = |sort: &Type<'_>| sort.name.starts_with("bit");
                (from.is_text() && to.is_text())
                    || (from.is_number() && to.is_number())
                    || (from.is_time() && to.is_time())
                    || (bits(&from) && bits(&to))
                    || matches!(
                        (&*from.name, &*to.name),
                        ("cidr" | "inet", "cidr" | "inet") | ("json", "jsonb")
                    )
            })
    }

    pub(super) fn is_text(&self) -> bool {
        !self.array
            && matches!(
                &*self.name,
                "text" | "character varying" | "character" | "name" | CHAR
            )
    }

    fn element(&self) -> Self {
        Self {
            name: self.name.clone(),
            modifier: self.modifier.clone(),
            array: false,
        }
    }

    fn is_user_defined(&self) -> bool {
        self.name.contains('.')
    }

    fn is_whole(&self) -> bool {
        matches!(&*self.name, "smallint" | "integer" | "bigint")
    }

    fn is_number(&self) -> bool {
        self.is_whole() || matches!(&*self.name, "real" | "double precision" | "numeric")
    }

    fn is_time(&self) -> bool {
        self.name == "date" || self.name.starts_with("timestamp")
    }

    fn to(&self, to: &Type<'_>) -> Option<Cast> {
        if self.name == to.name {
            return Some(if self.widens_to(to) {
                Cast::Free
            } else {
                Cast::Assignment
            });
        }
        if self.array {
            return self.element().to(&to.element()).map(|cast| match cast {
                Cast::Free => Cast::Assignment,
                other @ (Cast::Assignment | Cast::Explicit | Cast::ThroughText) => other,
            });
        }
        if self.name == "name" && to.name == CHAR {
            return Some(Cast::ThroughText);
        }
        if self.is_text() && to.is_text() {
            let binary = matches!(
                (&*self.name, &*to.name),
                ("text" | "character varying", "text" | "character varying")
            );
            return Some(if binary && to.modifier.is_none() {
                Cast::Free
            } else {
                Cast::Assignment
            });
        }
        if self.name == CHAR || to.name == CHAR {
            return (self.name == "integer" || to.name == "integer").then_some(Cast::Explicit);
        }
        if to.is_text() {
            return Some(if self.name == "xml" && to.modifier.is_none() {
                Cast::Free
            } else {
                Cast::Assignment
            });
        }
        if self.is_text() {
            return Some(Cast::Explicit);
        }
        if self.is_number() && to.is_number() {
            return Some(Cast::Assignment);
        }
        if self.is_time() && to.is_time() {
            return Some(Cast::Assignment);
        }
        match (&*self.name, &*to.name) {
            ("cidr", "inet") => Some(Cast::Free),
            ("inet", "cidr")
            | ("json", "jsonb")
            | ("jsonb", "json")
            | ("bit", "bit varying")
            | ("bit varying", "bit") => Some(Cast::Assignment),
            ("integer", "boolean" | "bit" | "oid" | "money")
            | ("boolean", "integer")
            | ("bit" | "oid", "integer" | "bigint")
            | ("bigint", "bit" | "oid" | "money")
            | ("money" | "jsonb", "numeric")
            | ("numeric", "money")
            | (
                "jsonb",
                "boolean" | "smallint" | "integer" | "bigint" | "real" | "double precision",
            ) => Some(Cast::Explicit),
            (from, "time without time zone") if from.starts_with("interval") => {
                Some(Cast::Explicit)
            }
            ("time without time zone", name) if name.starts_with("interval") => {
                Some(Cast::Explicit)
            }
            (from, name) if from.starts_with("interval") && name.starts_with("interval") => {
                Some(Cast::Assignment)
            }
            ("timestamp without time zone", "time with time zone") => None,
            (from, "time without time zone" | "time with time zone")
                if from.starts_with("time") =>
            {
                Some(Cast::Assignment)
            }
            _ => None,
        }
    }

    /// Whether a modifier only grows, so that the stored values are valid as they are.
    fn widens_to(&self, to: &Type<'_>) -> bool {
        match (&self.modifier, &to.modifier) {
            (_, None) => self.name != "character" && self.name != "bit",
            (None, Some(_)) => false,
            (Some(from), Some(to)) => match &*self.name {
                "character varying" | "bit varying" | "time without time zone" => from <= to,
                "numeric" => from.get(1) == to.get(1) && from.first() <= to.first(),
                _ => from == to,
            },
        }
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
