//! How values get from one type to another (PostgreSQL docs: CREATE CAST, ALTER TABLE … TYPE).

use std::borrow::Cow;

use super::{Context, Object, ObjectId};

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

/// Whether a type goes by the name of a schema: PostgreSQL's own do not.
pub(super) fn is_user_defined(type_name: &str) -> bool {
    Type::parse(type_name).is_user_defined()
}

/// What a cast between two types that go by these names takes from a value without an error.
pub(super) fn loss_between(from: &str, to: &str) -> Option<&'static str> {
    Type::parse(from).loss_to(&Type::parse(to))
}

/// The type that an explicit cast names, so that a value which is too long for the wanted one is an error of the assignment: a
/// cast to `character varying(3)` cuts it (PostgreSQL docs: 8.3 Character Types, 8.10 Bit String Types).
pub(super) fn cast_target(to: &str) -> &str {
    let target = Type::parse(to);
    match (&*target.name, target.array, target.modifier.is_some()) {
        ("character varying" | "character", false, true) => "text",
        ("character varying" | "character", true, true) => "text[]",
        ("bit varying" | "bit", false, true) => "bit varying",
        ("bit varying" | "bit", true, true) => "bit varying[]",
        _ => to,
    }
}

/// The type by whose rules values are stored that `owner` has of this type as the plan leaves it: what its domain is made of.
pub(super) fn base_after(type_name: &str, owner: &ObjectId, cx: &Context<'_>) -> String {
    base(type_name, owner, &|id| {
        (cx.world.dependencies(id), cx.world.desired(id))
    })
}

/// As [`base_after`], before the plan.
pub(super) fn base_before(type_name: &str, owner: &ObjectId, cx: &Context<'_>) -> String {
    base(type_name, owner, &|id| {
        (cx.world.live_dependencies(id), cx.world.live(id))
    })
}

/// What an object needs, and the object, in one of the two catalogs.
type Look<'l, 'a> = &'l dyn Fn(&ObjectId) -> (Vec<&'a ObjectId>, Option<&'a Object>);

fn base(type_name: &str, owner: &ObjectId, look: Look<'_, '_>) -> String {
    let element = type_name.trim_end_matches("[]");
    let needed = look(owner).0.into_iter();
    let mut domains = needed.filter(|needed| needed.sql() == element);
    let found = domains.find_map(|domain| Some((domain, look(domain).1?.restricts()?)));
    found.map_or_else(
        || type_name.to_owned(),
        |(domain, restricted)| {
            format!(
                "{}{}",
                base(restricted, domain, look),
                &type_name[element.len()..]
            )
        },
    )
}

/// A value on its way through text to a type that `owner` has. An explicit cast would cut what is too long; the assignment that
/// follows rejects it.
pub(super) fn through_text(
    value: &str,
    wanted: &str,
    owner: &ObjectId,
    cx: &Context<'_>,
) -> String {
    let base = base_after(wanted, owner, cx);
    match cast_target(&base) {
        "text" => format!("{value}::text"),
        target if target == base => format!("{value}::text::{wanted}"),
        target => format!("{value}::text::{target}"),
    }
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

    pub(super) fn cast_to(&self, to: &Type<'_>) -> Option<Cast> {
        if self.array != to.array {
            return self
                .is_text()
                .then_some(Cast::Explicit)
                .or(to.is_text().then_some(Cast::Assignment));
        }
        if self.is_user_defined() || to.is_user_defined() {
            return Some(Cast::Explicit);
        }
        self.to(to)
    }

    /// What the cast takes from a value without an error: a clause about a column's values.
    pub(super) fn loss_to(&self, to: &Type<'_>) -> Option<&'static str> {
        if self.is_user_defined() || to.is_user_defined() {
            return None;
        }
        let is_clock = |name: &str| name == "date" || name.starts_with("time");
        match (&*self.name, &*to.name) {
            (from, to) if self.is_text() && matches!(to, "name" | "\"char\"") => {
                (from != to && from != "\"char\"").then_some("the end of longer texts is cut off")
            }
            (_, name) if self.is_text() && (is_clock(name) || to.scale().is_some()) => {
                Some("what the new type has no place for is cut off")
            }
            ("interval", name) if name.starts_with("time") => Some("the days are cut off"),
            (from, "date") if from.starts_with("timestamp") => Some("the time of day is cut off"),
            (from, name) if from.starts_with("timestamp") && !name.starts_with("timestamp") => {
                name.starts_with("time").then_some("the day is cut off")
            }
            ("time with time zone", "time without time zone") => Some("the zone is cut off"),
            (from, name) if from.starts_with("interval") && name.starts_with("interval") => {
                let is_less = from != name && name != "interval";
                (is_less || to.precision() < self.precision())
                    .then_some("what the new type has no place for is cut off")
            }
            (from, name) if is_clock(from) && is_clock(name) => {
                let is_less = from != "date" && to.precision() < self.precision();
                is_less.then_some("seconds are rounded")
            }
            ("json", "jsonb") => Some("the order of keys, and keys that occur twice, are not kept"),
            ("inet", "cidr") => Some("the bits right of the netmask are cleared"),
            _ => self.is_rounded_to(to).then_some("digits are rounded off"),
        }
    }

    fn is_rounded_to(&self, to: &Type<'_>) -> bool {
        let is_float = |name: &str| matches!(name, "real" | "double precision");
        let is_whole = |name: &str| matches!(name, "smallint" | "integer" | "bigint");
        match (&*self.name, &*to.name) {
            ("numeric", "numeric") => to
                .scale()
                .is_some_and(|to| self.scale().is_none_or(|from| to < from)),
            ("numeric", "money") => self.scale().is_none_or(|scale| scale > 2),
            ("numeric", name) => is_float(name) || (is_whole(name) && self.scale() != Some(0)),
            ("integer" | "double precision", "real") | ("bigint", "real" | "double precision") => {
                true
            }
            (from, name) if is_float(from) => is_whole(name) || name == "numeric",
            ("jsonb", name) => is_float(name) || is_whole(name),
            _ => false,
        }
    }

    /// The digits behind the point of a `numeric` that has a limit.
    fn scale(&self) -> Option<i64> {
        let modifier = self.modifier.as_ref().filter(|_| self.name == "numeric")?;
        Some(modifier.get(1).copied().unwrap_or(0))
    }

    /// The digits of fractions of a second.
    fn precision(&self) -> i64 {
        let modifier = self.modifier.as_ref().and_then(|numbers| numbers.first());
        modifier.copied().unwrap_or(6)
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
                "text" | "character varying" | "character" | "name" | "\"char\""
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

    fn is_number(&self) -> bool {
        matches!(
            &*self.name,
            "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric"
        )
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
            | ("interval", "time without time zone")
            | ("time without time zone", "interval")
            | (
                "jsonb",
                "boolean" | "smallint" | "integer" | "bigint" | "real" | "double precision",
            ) => Some(Cast::Explicit),
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
    fn what_casts_take_from_values() {
        fn check(from: &str, to: &str, loses: bool) {
            assert_eq!(loss_between(from, to).is_some(), loses, "{from} to {to}");
        }
        check("timestamp without time zone", "date", true);
        check(
            "timestamp with time zone",
            "timestamp(3) with time zone",
            true,
        );
        check(
            "timestamp(3) with time zone",
            "timestamp with time zone",
            false,
        );
        check("date", "timestamp(0) without time zone", false);
        check("time with time zone", "time without time zone", true);
        check("interval", "interval day to second(3)", true);
        check("interval(3)", "interval", false);
        check("numeric", "numeric(10,2)", true);
        check("numeric(10,2)", "numeric(12,2)", false);
        check("numeric(10,2)", "integer", true);
        check("numeric(10)", "bigint", false);
        check("bigint", "integer", false);
        check("bigint", "double precision", true);
        check("integer", "double precision", false);
        check("double precision", "numeric", true);
        check("double precision[]", "integer[]", true);
        check("text", "name", true);
        check("text", "date", true);
        check("text", "numeric(10,2)", true);
        check("text", "character varying(3)", false);
        check("text", "integer", false);
        check("json", "jsonb", true);
        check("jsonb", "json", false);
        check("inet", "cidr", true);
        check("app.a", "integer", false);
    }

    #[test]
    fn casts_that_cut_nothing() {
        fn check(to: &str, target: &str) {
            assert_eq!(cast_target(to), target);
        }
        check("character varying(3)", "text");
        check("character(3)[]", "text[]");
        check("bit(3)", "bit varying");
        check("character varying", "character varying");
        check("numeric(10,2)", "numeric(10,2)");
        check("app.a", "app.a");
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
