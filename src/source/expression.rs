//! What the expressions of directives name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Sort, Symbol, ast,
    references::{references, strings},
    syntax,
};

/// What makes a statement of an expression, for the parser.
pub(super) const PREFIX: &str = "SELECT (";

/// The names in an expression.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpressionNames {
    /// The columns of its own table, and maybe of others.
    pub columns: BTreeSet<String>,
    /// Functions, types and relations.
    pub others: BTreeSet<Symbol>,
    /// Where names without a schema stand, in ascending order.
    unqualified: Vec<(usize, Symbol)>,
}

/// Reads the names in an expression; one that isn't SQL has none.
pub fn names_in(expression: &str) -> ExpressionNames {
    let mut names = ExpressionNames::default();
    let Ok(parsed) = syntax::parse(&format!("{PREFIX}{expression})")) else {
        return names;
    };
    let nodes = parsed.stmts.iter();
    for node in nodes.filter_map(|raw| raw.stmt.as_deref().and_then(ast::kind)) {
        names.others.extend(references(node).needs);
        names.read(&serde_json::to_value(node).expect("the syntax tree is plain data"));
    }
    names.unqualified.sort();
    names.unqualified.dedup();
    names
}

impl ExpressionNames {
    /// The expression with the schemas that `schema_of` knows before the names that have none.
    pub fn qualified(
        &self,
        expression: &str,
        schema_of: impl Fn(&Symbol) -> Option<String>,
    ) -> String {
        let (mut text, mut at) = (String::new(), 0);
        for (place, symbol) in &self.unqualified {
            if let Some(schema) = schema_of(symbol) {
                text.push_str(&expression[at..*place]);
                text.push_str(&schema);
                text.push('.');
                at = *place;
            }
        }
        text.push_str(&expression[at..]);
        text
    }

    fn read(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            Value::Object(fields) => {
                let parts = |name: &str| strings(fields.get(name));
                let place = fields.get("location").and_then(Value::as_u64);
                let place = place
                    .and_then(|place| usize::try_from(place).ok())
                    .and_then(|place| place.checked_sub(PREFIX.len()));
                if let Some(column) = parts("fields").last() {
                    self.columns.insert((*column).to_owned());
                }
                let relation = fields.get("relname").and_then(Value::as_str);
                let named = [
                    (Sort::Routine, parts("funcname")),
                    (Sort::Type, parts("names")),
                    (Sort::Relation, relation.into_iter().collect()),
                ];
                let in_a_schema = fields
                    .get("schemaname")
                    .and_then(Value::as_str)
                    .is_some_and(|schema| !schema.is_empty());
                for (sort, parts) in named {
                    if let ([name], Some(place), false) = (parts.as_slice(), place, in_a_schema) {
                        self.unqualified.push((place, Symbol::new(sort, *name)));
                    }
                }
                fields.values().for_each(|field| self.read(field));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_expressions() {
        fn check(expression: &str, columns: &[&str], qualified: &str) {
            let names = names_in(expression);
            let found: Vec<&str> = names.columns.iter().map(String::as_str).collect();
            assert_eq!(found, columns, "{expression}");
            let text = names.qualified(expression, |symbol| {
                matches!(symbol.name.as_str(), "f" | "kind" | "t").then(|| "app".to_owned())
            });
            assert_eq!(text, qualified);
        }
        check("'active'", &[], "'active'");
        check(
            "lower(first) || f(last)",
            &["first", "last"],
            "lower(first) || app.f(last)",
        );
        check("code::integer", &["code"], "code::integer");
        check("CAST(a AS kind)", &["a"], "CAST(a AS app.kind)");
        check("a::kind[]", &["a"], "a::app.kind[]");
        check("app.f('f(é)')", &[], "app.f('f(é)')");
        check(
            "(SELECT max(t.n) FROM t WHERE t.id = f(é))",
            &["id", "n", "é"],
            "(SELECT max(t.n) FROM app.t WHERE t.id = app.f(é))",
        );
    }
}
