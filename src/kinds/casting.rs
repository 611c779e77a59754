//! How values get from one type to another (PostgreSQL docs: CREATE CAST, ALTER TABLE … TYPE).

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

/// How a type stores its values by default; `EXTENDED` for those of variable length.
pub(super) fn default_storage(type_name: &str) -> &'static str {
    match Type::parse(type_name).name {
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
    name: &'a str,
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
                let name = if close + 1 == text.len() {
                    &text[..open]
                } else {
                    text.split('(').next().unwrap_or(text)
                };
                (name, Some(numbers))
            }
            _ => (text, None),
        };
        Self {
            name: name.trim_end(),
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

    pub(super) fn is_text(&self) -> bool {
        !self.array
            && matches!(
                self.name,
                "text" | "character varying" | "character" | "name" | "\"char\""
            )
    }

    fn is_user_defined(&self) -> bool {
        self.name.contains('.')
    }

    fn is_number(&self) -> bool {
        matches!(
            self.name,
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
            let cast = Type {
                array: false,
                modifier: self.modifier.clone(),
                ..*self
            };
            return cast
                .to(&Type {
                    array: false,
                    modifier: to.modifier.clone(),
                    ..*to
                })
                .map(|cast| match cast {
                    Cast::Free => Cast::Assignment,
                    other @ (Cast::Assignment | Cast::Explicit | Cast::ThroughText) => other,
                });
        }
        if self.is_text() && to.is_text() {
            let binary = matches!(
                (self.name, to.name),
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
        match (self.name, to.name) {
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
            (Some(from), Some(to)) => match self.name {
                "character varying" | "bit varying" | "time without time zone" => from <= to,
                "numeric" => from.get(1) == to.get(1) && from.first() <= to.first(),
                _ => from == to,
            },
        }
    }
}
