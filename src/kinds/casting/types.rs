//! Types by their names, and which casts PostgreSQL has between them.

use std::borrow::Cow;

/// A type of a single byte, which has casts of its own only.
pub(in crate::kinds) const CHAR: &str = "\"char\"";

/// The way from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kinds) enum Cast {
    /// Neither a rewrite nor a scan: the same bytes (safety table, rows 92–127).
    Free,
    /// PostgreSQL casts by itself.
    Assignment,
    /// An explicit cast is needed.
    Explicit,
    /// Only text leads from one to the other: between enums.
    ThroughText,
}

/// The type by whose rules values are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kinds) struct Stored {
    /// Its name with modifiers.
    pub(in crate::kinds) name: String,
    /// Whether values, or the elements of an array, are labels of an enum.
    pub(in crate::kinds) is_enum: bool,
    /// Whether values, or the elements of an array, are rows of a composite type.
    pub(in crate::kinds) is_row: bool,
}

/// A type's name taken apart: `character varying(20)[]`.
pub(in crate::kinds) struct Type<'a> {
    /// Without the modifier: `timestamp without time zone`.
    pub(in crate::kinds) name: Cow<'a, str>,
    pub(in crate::kinds) modifier: Option<Vec<i64>>,
    pub(in crate::kinds) array: bool,
}

impl<'a> Type<'a> {
    pub(in crate::kinds) fn parse(text: &'a str) -> Self {
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

    pub(in crate::kinds) fn cast_to(&self, to: &Type<'_>) -> Option<Cast> {
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
    pub(in crate::kinds) fn serves_as(&self, to: &Type<'_>) -> bool {
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

    pub(in crate::kinds) fn is_text(&self) -> bool {
        !self.array
            && matches!(
                &*self.name,
                "text" | "character varying" | "character" | "name" | CHAR
            )
    }

    pub(in crate::kinds) fn element(&self) -> Self {
        Self {
            name: self.name.clone(),
            modifier: self.modifier.clone(),
            array: false,
        }
    }

    pub(in crate::kinds) fn is_user_defined(&self) -> bool {
        self.name.contains('.')
    }

    pub(in crate::kinds) fn is_whole(&self) -> bool {
        matches!(&*self.name, "smallint" | "integer" | "bigint")
    }

    pub(in crate::kinds) fn is_number(&self) -> bool {
        self.is_whole() || matches!(&*self.name, "real" | "double precision" | "numeric")
    }

    pub(in crate::kinds) fn is_time(&self) -> bool {
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
