//! What casts take from values without an error (measured by `tests/lifecycle/casts.rs`).
//!
//! A cast keeps values where it is known to: from the new value the old one can be told. Every other one is a loss.

use super::types::{CHAR, Stored, Type};

/// What a cast takes from a value without an error: a clause about a column's values.
pub(in super::super) fn loss_between(from: &Stored, to: &Stored) -> Option<&'static str> {
    if from == to {
        return None;
    }
    let (source, target) = (Type::parse(&from.name), Type::parse(&to.name));
    let keeps = match (from.is_enum, to.is_enum) {
        (true, true) => source.array == target.array,
        (true, false) if source.array == target.array => {
            target.takes_any_text_in_array() || target.name == "name"
        }
        (true, false) => target.takes_any_text(),
        // A text that is no label is an error.
        (false, true) => source.is_texts() && source.array == target.array,
        (false, false) => source.keeps(&target),
    };
    (!keeps).then(|| source.taken_by(&target))
}

impl Type<'_> {
    /// Whether the cast is known to keep each value or to fail.
    fn keeps(&self, to: &Type<'_>) -> bool {
        if to.takes_any_text() {
            return true;
        }
        if self.array != to.array {
            return false;
        }
        let is_fine_enough = to.precision() >= self.precision();
        match (&*self.name, &*to.name) {
            _ if to.takes_any_text_in_array() => true,
            ("character", "character")
            | ("text" | "character varying" | "jsonb", "json")
            | (CHAR, "name")
            | ("integer", CHAR | "double precision" | "money")
            | ("smallint", "real" | "double precision")
            | ("bigint", "money")
            | ("boolean", "integer")
            | ("real", "double precision")
            | ("bit" | "bit varying", "bit" | "bit varying")
            | ("bit", "integer" | "bigint")
            | ("oid", "bigint")
            | ("date", "timestamp without time zone")
            | ("cidr", "inet") => true,
            (from, "name") => self.is_whole() || from == "boolean",
            _ if self.is_texts() => false,
            // Whatever ends in a blank loses it.
            (_, "character") => self.is_written_without_blanks(),
            _ if self.is_whole() && to.is_whole() => true,
            ("integer", "bit") => to.length() == Some(32),
            ("bigint", "bit") => to.length() == Some(64),
            (_, "numeric") if self.is_whole() => to.scale().is_none_or(|scale| scale >= 0),
            ("numeric", "numeric") => {
                let keeps = |to| self.scale().is_some_and(|from| to >= from);
                to.scale().is_none_or(keeps)
            }
            ("numeric", _) if to.is_whole() => self.scale().is_some_and(|scale| scale <= 0),
            // The currencies of most values of lc_monetary have two digits.
            ("numeric", "money") => self.scale().is_some_and(|scale| scale <= 2),
            ("money", "numeric") => to.scale().is_none_or(|scale| scale >= 2),
            ("time without time zone", "time with time zone" | "interval") => is_fine_enough,
            (from, name) if from.starts_with("interval") => {
                (name == from || name == "interval") && is_fine_enough
            }
            (from, name) if from.starts_with("time") => name == from && is_fine_enough,
            (from, name) => from == name && to.modifier.is_none(),
        }
    }

    /// What a cast that doesn't keep each value takes from some.
    fn taken_by(&self, to: &Type<'_>) -> &'static str {
        let is_clock =
            |name: &str| name == "date" || name.starts_with("time") || name.starts_with("interval");
        let is_float = |name: &str| matches!(name, "real" | "double precision");
        match (&*self.name, &*to.name) {
            _ if self.array != to.array && !self.is_texts() => "the cast does not keep everything",
            (_, "name" | CHAR) => "the end of longer texts is cut off",
            (_, "character") => "blanks at the end are cut off",
            (_, name) if self.is_texts() && (is_clock(name) || to.scale().is_some()) => {
                "what the new type has no place for is cut off"
            }
            (_, name) if self.is_texts() && is_float(name) => "digits are rounded off",
            _ if self.is_texts() => "the spelling is not kept: `007` becomes 7, for example",
            (_, "boolean") if self.is_whole() => "each number but 0 becomes true",
            (_, "bit") if self.is_whole() => "bits on the left are cut off or added",
            (_, "oid") if self.is_whole() => "numbers below 0 become large ones",
            ("oid", _) if to.is_whole() => "large numbers become negative ones",
            (from, "time without time zone") if from.starts_with("interval") => {
                "the days are cut off"
            }
            (from, "date") if from.starts_with("timestamp") => "the time of day is cut off",
            (from, name) if from.starts_with("timestamp") && !name.starts_with("timestamp") => {
                "the day is cut off"
            }
            ("date" | "timestamp without time zone", "timestamp with time zone")
            | ("timestamp with time zone", "timestamp without time zone") => {
                "the time zone of the session that casts them decides, and hours that a change of the clock skips or repeats \
                 are not kept"
            }
            ("time with time zone", "time without time zone") => "the zone is cut off",
            (from, name) if from.starts_with("interval") || name.starts_with("interval") => {
                "what the new type has no place for is cut off"
            }
            (from, name) if is_clock(from) && is_clock(name) => "seconds are rounded",
            ("json", "jsonb") => "the order of keys, and keys that occur twice, are not kept",
            ("jsonb", _) if to.is_number() => {
                "digits are rounded off, and the null of JSON becomes NULL"
            }
            ("jsonb", "boolean") => "the null of JSON becomes NULL",
            ("inet", "cidr") => "the bits right of the netmask are cleared",
            _ if (self.is_number() || &*self.name == "money")
                && (to.is_number() || &*to.name == "money") =>
            {
                "digits are rounded off"
            }
            _ => "the cast does not keep everything",
        }
    }

    /// Whether values of every type can be told by their text in this one; one that is too long is an error.
    fn takes_any_text(&self) -> bool {
        !self.array && self.takes_any_text_in_array()
    }

    /// As [`takes_any_text`](Self::takes_any_text), for the elements of an array.
    fn takes_any_text_in_array(&self) -> bool {
        matches!(&*self.name, "text" | "character varying") || self.name.ends_with(".citext")
    }

    fn is_texts(&self) -> bool {
        self.element().is_text() || self.name.ends_with(".citext")
    }

    fn is_written_without_blanks(&self) -> bool {
        let is_plain = matches!(
            &*self.name,
            "boolean"
                | "money"
                | "uuid"
                | "inet"
                | "cidr"
                | "bit"
                | "bit varying"
                | "interval"
                | "date"
                | "oid"
        );
        is_plain || self.is_number() || self.name.starts_with("time")
    }

    /// The digits behind the point of a `numeric` that has a limit.
    fn scale(&self) -> Option<i64> {
        let modifier = self.modifier.as_ref().filter(|_| self.name == "numeric")?;
        Some(modifier.get(1).copied().unwrap_or(0))
    }

    /// The digits of fractions of a second.
    fn precision(&self) -> i64 {
        self.length().unwrap_or(6)
    }

    /// The modifier, where it is a single number.
    fn length(&self) -> Option<i64> {
        self.modifier.as_ref()?.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: &str) -> Stored {
        Stored {
            name: name.trim_start_matches("enum ").to_owned(),
            is_enum: name.starts_with("enum "),
            is_row: false,
        }
    }

    #[test]
    fn what_casts_take_from_values() {
        fn check(from: &str, to: &str, is_loss: bool) {
            let told = loss_between(&stored(from), &stored(to));
            assert_eq!(told.is_some(), is_loss, "{from} to {to}: {told:?}");
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
        check(
            "timestamp without time zone",
            "timestamp with time zone",
            true,
        );
        check("date", "timestamp(0) without time zone", false);
        check("date", "timestamp with time zone", true);
        check("time with time zone", "time without time zone", true);
        check("interval", "interval day to second(3)", true);
        check("interval(3)", "interval", false);
        check("interval day to second", "time without time zone", true);
        check("numeric", "numeric(10,2)", true);
        check("numeric(10,2)", "numeric(12,2)", false);
        check("numeric(10,2)", "integer", true);
        check("numeric(10)", "bigint", false);
        check("bigint", "integer", false);
        check("bigint", "numeric(20,2)", false);
        check("bigint", "numeric(20,-2)", true);
        check("bigint", "double precision", true);
        check("integer", "double precision", false);
        check("integer", "boolean", true);
        check("integer", "bit(4)", true);
        check("integer", "bit(32)", false);
        check("double precision", "numeric", true);
        check("double precision", "real", true);
        check("double precision[]", "integer[]", true);
        check("smallint[]", "bigint[]", false);
        check("money", "numeric(20,0)", true);
        check("money", "numeric", false);
        check("text", "name", true);
        check("name", "\"char\"", true);
        check("text", "date", true);
        check("text", "numeric(10,2)", true);
        check("text", "character varying(3)", false);
        check("text[]", "character varying(3)[]", false);
        check("text", "text[]", true);
        check("integer[]", "text", false);
        check("text", "character(3)", true);
        check("character(3)", "text", false);
        check("integer", "character(3)", false);
        check("text", "integer", true);
        check("json", "jsonb", true);
        check("jsonb", "json", false);
        check("inet", "cidr", true);
        check("app.a", "integer", true);
        check("app.a", "text", false);
        check("text", "app.a", true);
        check("text", "ext.citext", false);
        check("ext.citext", "text", false);
        check("ext.geometry(Point,4326)", "ext.geometry", false);
        check("enum app.a", "enum app.b", false);
        check("text", "enum app.a", false);
        check("enum app.a[]", "text[]", false);
        check("enum app.a", "character(9)", true);
    }
}
