//! Reading pg_query's syntax tree: names, lists and type names.

use pg_query::{
    Node, NodeEnum,
    protobuf::{FunctionParameterMode, ObjectWithArgs, RangeVar, TypeName},
};

use serde_json::Value;

use super::symbol::{Sort, Symbol};

/// The node's content.
pub(super) fn kind(node: &Node) -> Option<&NodeEnum> {
    node.node.as_ref()
}

/// The strings of a list; other nodes are left out.
pub(super) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes
        .iter()
        .filter_map(kind)
        .filter_map(|node| match node {
            NodeEnum::String(string) => Some(string.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// A dotted name's symbol: the last part is the name, the one before it the schema.
pub(super) fn named(sort: Sort, parts: &[&str]) -> Option<Symbol> {
    let (name, qualifiers) = parts.split_last()?;
    let symbol = Symbol::new(sort, *name);
    Some(match qualifiers.last() {
        Some(schema) => symbol.within(schema),
        None => symbol,
    })
}

/// A part's symbol: the last part is the member, the one before it its owner.
pub(super) fn member(sort: Sort, parts: &[&str]) -> Option<Symbol> {
    let (member, owner) = parts.split_last()?;
    Some(named(sort, owner)?.member(*member))
}

/// A relation's symbol.
pub(super) fn relation(sort: Sort, range: &RangeVar) -> Symbol {
    Symbol::new(sort, range.relname.as_str()).within(&range.schemaname)
}

/// A type's symbol.
pub(super) fn type_symbol(sort: Sort, name: &TypeName) -> Option<Symbol> {
    named(sort, &strings(&name.names))
}

/// A routine's or operator's symbol with its argument types.
pub(super) fn routine(sort: Sort, object: &ObjectWithArgs) -> Option<Symbol> {
    let symbol = named(sort, &strings(&object.objname))?;
    if object.args_unspecified {
        return Some(symbol);
    }
    Some(
        symbol.with_arguments(type_list(object.objargs.iter().filter_map(kind).map(
            |node| match node {
                NodeEnum::TypeName(name) => Some(name),
                // An absent operand.
                _ => None,
            },
        ))),
    )
}

/// The argument types that tell a routine from its namesakes: those of its input parameters.
pub(super) fn input_types(parameters: &[Node]) -> String {
    type_list(
        parameters
            .iter()
            .filter_map(kind)
            .filter_map(|node| match node {
                NodeEnum::FunctionParameter(parameter)
                    if !matches!(
                        parameter.mode(),
                        FunctionParameterMode::FuncParamOut | FunctionParameterMode::FuncParamTable
                    ) =>
                {
                    Some(parameter.arg_type.as_ref())
                }
                _ => None,
            }),
    )
}

fn type_list<'a>(types: impl Iterator<Item = Option<&'a TypeName>>) -> String {
    crate::sql::join(
        types.map(|name| name.map_or_else(|| "NONE".to_owned(), type_text)),
        ", ",
    )
}

/// A list of argument types as [`Symbol::arguments`] has them: `integer, text` is `int4, text`.
pub fn argument_types(list: &str) -> Option<String> {
    let parsed = super::syntax::parse(&format!("DROP ROUTINE f({list})")).ok()?;
    let node = parsed.stmts.first()?.stmt.as_deref().and_then(kind)?;
    let NodeEnum::DropStmt(drop) = node else {
        return None;
    };
    match drop.objects.first().and_then(kind)? {
        NodeEnum::ObjectWithArgs(object) => {
            routine(Sort::Routine, object)?.arguments.map(String::from)
        }
        _ => None,
    }
}

/// A type's name as the parser has it: PostgreSQL's own types by their internal names, so that `int` is `int4`.
fn type_text(name: &TypeName) -> String {
    let parts = strings(&name.names);
    let parts = parts.strip_prefix(&["pg_catalog"]).unwrap_or(&parts);
    let mut text = parts.join(".");
    // However many dimensions are written, an array type is one type.
    if !name.array_bounds.is_empty() {
        text.push_str("[]");
    }
    text
}

/// An identifier as the catalog would store it, from its text.
pub(super) fn identifier(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('"') {
        return Some(quoted.strip_suffix('"')?.replace("\"\"", "\""));
    }
    let plain = text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    plain.then(|| text.to_ascii_lowercase())
}

/// A part of the syntax tree as data; a node has its kind as the key.
pub(super) fn tree(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("the syntax tree is plain data")
}
