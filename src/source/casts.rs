//! Expressions that are nothing but casts of a column.

use pg_query::{
    NodeEnum,
    protobuf::{Node, TypeName},
};

use super::{ast, syntax};
use crate::sql::{Ident, dotted};

/// The types to which an expression casts a column, the first one first; `None` where it is anything else than that.
pub fn casts_of(expression: &str, column: &Ident) -> Option<Vec<String>> {
    let parsed = syntax::parse(&format!("SELECT {expression}")).ok()?;
    let [statement] = &parsed.stmts[..] else {
        return None;
    };
    let NodeEnum::SelectStmt(select) = ast::kind(statement.stmt.as_deref()?)? else {
        return None;
    };
    let ([target], []) = (&select.target_list[..], &select.from_clause[..]) else {
        return None;
    };
    let NodeEnum::ResTarget(target) = ast::kind(target)? else {
        return None;
    };
    let mut types = Vec::new();
    let mut value = target.val.as_deref()?;
    loop {
        match ast::kind(value)? {
            NodeEnum::TypeCast(cast) => {
                types.push(name_of(cast.type_name.as_ref()?)?);
                value = cast.arg.as_deref()?;
            }
            NodeEnum::ColumnRef(reference) => {
                let is_meant = string(reference.fields.last()?)? == column.as_str();
                types.reverse();
                return is_meant.then_some(types);
            }
            _ => return None,
        }
    }
}

/// A type as the server prints it; `None` where it has a modifier, or is one of PostgreSQL's that is not listed here.
pub(super) fn name_of(name: &TypeName) -> Option<String> {
    if !name.typmods.is_empty() {
        return None;
    }
    let names: Vec<&str> = name.names.iter().map(string).collect::<Option<_>>()?;
    let plain = match names[..] {
        ["pg_catalog", own] | [own] => match own {
            "int2" => "smallint",
            "int4" => "integer",
            "int8" => "bigint",
            "float4" => "real",
            "float8" => "double precision",
            "bool" => "boolean",
            "varchar" => "character varying",
            "timestamp" => "timestamp without time zone",
            "timestamptz" => "timestamp with time zone",
            "time" => "time without time zone",
            "timetz" => "time with time zone",
            "text" | "numeric" | "date" | "interval" | "uuid" | "json" | "jsonb" | "inet"
            | "cidr" | "bytea" | "money" | "oid" | "xml" => own,
            _ => return None,
        }
        .to_owned(),
        _ => dotted(
            &names
                .iter()
                .map(|name| Ident::new(*name))
                .collect::<Vec<_>>(),
        ),
    };
    Some(format!(
        "{plain}{}",
        "[]".repeat(name.array_bounds.len().min(1))
    ))
}

fn string(node: &Node) -> Option<&str> {
    match ast::kind(node)? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_and_what_is_more() {
        fn check(expression: &str, types: Option<&[&str]>) {
            let found = casts_of(expression, &Ident::new("a"));
            let types = types.map(|types| types.iter().map(ToString::to_string).collect());
            assert_eq!(found, types, "{expression}");
        }
        check("a", Some(&[]));
        check("(a)::int", Some(&["integer"]));
        check("CAST(t.a AS text)::app.mood", Some(&["text", "app.mood"]));
        check("a::timestamptz[]", Some(&["timestamp with time zone[]"]));
        check("a::varchar(3)", None);
        check("b::int", None);
        check("''", None);
        check("NULL", None);
        check("left(a, 3)", None);
        check("a || ''", None);
        check("a, b", None);
        check("(SELECT a)", None);
        check("a FROM b", None);
    }
}
