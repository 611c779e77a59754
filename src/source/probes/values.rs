//! Values that don't fit a column's new type.

use pg_query::{
    Node, NodeEnum,
    protobuf::{ColumnDef, TypeName, a_const},
};

use super::{
    super::ast::{kind, strings},
    foresight::Foresight,
    nodes::{expression, idents},
    probe::{Probe, state, unknown_value},
    tables::{NEW_TYPE, Reach, Relation, TableId, dotted},
};
use crate::sql::{Ident, Literal, join};

impl Foresight {
    /// The values of a column that a change of its type doesn't take.
    pub(super) fn of_type(&self, table: TableId, column: &Ident, def: &ColumnDef) -> Option<Probe> {
        let type_name = def.type_name.as_ref()?;
        let whole = self.tables.get(table);
        let named = dotted(&whole.name);
        let relation = &whole.relation;
        let probe = |state, rest: String| {
            let what = format!("values of {named}.{column} that don't fit the new type");
            self.probe(
                table,
                relation.clone(),
                Reach::Heirs,
                &whole.name.1,
                state,
                what,
                rest,
            )
        };
        let Some(using) = def.raw_default.as_deref() else {
            let (state, unfit) = unfit(column, type_name)?;
            return Some(probe(state, format!(" WHERE {unfit}")));
        };
        if let Some(labels) = self.enums.get(&join(idents(&type_name.names), ".")) {
            let unfit = self.without_label(using, type_name, labels)?;
            return Some(probe(state::NO_SUCH_LABEL, format!(" WHERE {unfit}")));
        }
        let expression = self.expression(using)?;
        let mut probe = probe(state::DATA, String::new());
        probe.unknown = probe
            .unknown
            .or_else(|| unknown_value(relation, &expression))
            .or_else(|| self.is_new(type_name).then_some(NEW_TYPE));
        probe.sifted = self.sifted(relation, using);
        Some(probe.evaluating(expression))
    }

    /// The values that a new enum type has no label for, where the old type's labels become the new one's through text.
    fn without_label(
        &self,
        using: &Node,
        type_name: &TypeName,
        labels: &[String],
    ) -> Option<String> {
        let NodeEnum::TypeCast(cast) = kind(using)? else {
            return None;
        };
        let is_same = |other: &TypeName| strings(&other.names) == strings(&type_name.names);
        let value = self.expression(cast.arg.as_deref().filter(|_| {
            let target = cast.type_name.as_ref();
            target.is_some_and(is_same)
        })?)?;
        let labels = join(labels.iter().map(|label| Literal(label)), ", ");
        Some(if type_name.array_bounds.is_empty() {
            format!("({value}) <> ALL (ARRAY[{labels}]::text[])")
        } else {
            format!("NOT ({value})::text[] <@ ARRAY[{labels}]::text[]")
        })
    }

    /// The condition for texts that a type's input function rejects. A cast from text reads as that does, but for types with
    /// a length, to which an explicit cast cuts off.
    fn sifted(&self, relation: &Relation, using: &Node) -> Option<String> {
        let NodeEnum::TypeCast(cast) = kind(using)? else {
            return None;
        };
        let (value, type_name) = (cast.arg.as_deref()?, cast.type_name.as_ref()?);
        let base = *strings(&type_name.names).last()?;
        let is_text = match kind(value)? {
            NodeEnum::ColumnRef(reference) => {
                let [name] = strings(&reference.fields)[..] else {
                    return None;
                };
                let column = relation.column(&Ident::new(name))?;
                let type_name = column.type_name.as_deref()?;
                type_name == "text" || type_name.starts_with("character varying")
            }
            NodeEnum::TypeCast(inner) => strings(&inner.type_name.as_ref()?.names) == ["text"],
            _ => false,
        };
        if !is_text || CUT_OFF.contains(&base) || base.starts_with("reg") {
            return None;
        }
        let value = expression(value)?;
        let type_name = self.type_name(type_name)?;
        Some(format!(
            "NOT pg_catalog.pg_input_is_valid({value}, {})",
            Literal(&type_name)
        ))
    }
}

/// Types to whose length an explicit cast cuts off, and those with a cast of their own from text.
const CUT_OFF: [&str; 6] = ["varchar", "bpchar", "bit", "varbit", "name", "xml"];

/// The values of a column that an assignment to the type rejects, and how.
fn unfit(column: &Ident, type_name: &TypeName) -> Option<(&'static str, String)> {
    if !type_name.array_bounds.is_empty() {
        return None;
    }
    let modifiers: Vec<i32> = type_name.typmods.iter().filter_map(integer).collect();
    let base = *strings(&type_name.names).last()?;
    if let ("varchar" | "bpchar", [length]) = (base, &modifiers[..]) {
        // Blanks at the end are cut off.
        let too_long = format!("length(rtrim({column}::text, ' ')) > {length}");
        return Some((state::TOO_LONG, too_long));
    }
    let outside = match (base, &modifiers[..]) {
        ("int2", []) => format!("{column} NOT BETWEEN -32768 AND 32767"),
        ("int4", []) => format!("{column} NOT BETWEEN -2147483648 AND 2147483647"),
        ("int8", []) => {
            format!("{column} NOT BETWEEN -9223372036854775808 AND 9223372036854775807")
        }
        ("numeric", [precision, scale]) => format!(
            "abs(round({column}::numeric, {scale})) >= 1e{} AND {column}::numeric <> 'NaN'",
            precision - scale
        ),
        ("numeric", [precision]) => {
            format!("abs(round({column}::numeric)) >= 1e{precision} AND {column}::numeric <> 'NaN'")
        }
        _ => return None,
    };
    Some((state::OUT_OF_RANGE, outside))
}

fn integer(node: &Node) -> Option<i32> {
    match kind(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(value) => Some(value.ival),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Foresight, Known};

    #[test]
    fn values_that_do_not_fit() {
        fn check(change: &str, expected: Option<&str>) {
            let mut foresight = Foresight::new(&Known::default());
            foresight.ahead("CREATE TYPE app.size AS ENUM ('small', 'big')");
            let found = foresight.ahead(&format!("ALTER TABLE app.t ALTER COLUMN c TYPE {change}"));
            let found: Vec<String> = found.iter().map(super::super::Probe::find).collect();
            let expected: Vec<String> = expected
                .map(|of| format!("SELECT {of}"))
                .into_iter()
                .collect();
            assert_eq!(found, expected, "{change}");
        }
        check(
            "character varying(5)",
            Some("* FROM app.t WHERE length(rtrim(c::text, ' ')) > 5 LIMIT 10"),
        );
        check(
            "integer",
            Some("* FROM app.t WHERE c NOT BETWEEN -2147483648 AND 2147483647 LIMIT 10"),
        );
        check(
            "numeric(8,2)",
            Some(
                "* FROM app.t WHERE abs(round(c::numeric, 2)) >= 1e6 AND c::numeric <> 'NaN' LIMIT 10",
            ),
        );
        check("text", None);
        check("integer USING c::integer", Some("c::int FROM app.t"));
        check(
            "app.size USING c::text::app.size",
            Some("* FROM app.t WHERE (c::text) <> ALL (ARRAY['small', 'big']::text[]) LIMIT 10"),
        );
        check(
            "app.size[] USING c::text::app.size[]",
            Some(
                "* FROM app.t WHERE NOT (c::text)::text[] <@ ARRAY['small', 'big']::text[] LIMIT 10",
            ),
        );
    }
}
