//! What the parser's nodes say.

use pg_query::{
    Node, NodeEnum,
    protobuf::{ConstrType, CreateEnumStmt, ParseResult, RangeVar, TypeCast, TypeName},
};

use super::{
    super::{
        ast::{kind, strings},
        syntax,
    },
    tables::Name,
};
use crate::sql::{Ident, join};

/// Whether a constraint of a new column gives it a value.
pub(super) fn gives(kind: ConstrType) -> bool {
    matches!(
        kind,
        ConstrType::ConstrDefault | ConstrType::ConstrIdentity | ConstrType::ConstrGenerated
    )
}

/// The enum type that a statement creates, and its labels.
pub(super) fn enum_labels(statement: &str) -> Option<(String, Vec<String>)> {
    let parsed = syntax::parse(statement).ok()?;
    nodes(&parsed).find_map(|node| match node {
        NodeEnum::CreateEnumStmt(CreateEnumStmt { type_name, vals }) => {
            let labels = strings(vals).into_iter().map(ToOwned::to_owned);
            Some((join(idents(type_name), "."), labels.collect()))
        }
        _ => None,
    })
}

pub(super) fn nodes(parsed: &ParseResult) -> impl Iterator<Item = &NodeEnum> {
    parsed
        .stmts
        .iter()
        .filter_map(|raw| kind(raw.stmt.as_deref()?))
}

pub(super) fn name(range: &RangeVar) -> Name {
    (
        Ident::new(range.schemaname.as_str()),
        Ident::new(range.relname.as_str()),
    )
}

/// The name in a list of its parts.
pub(super) fn listed_name(nodes: &[Node]) -> Option<Name> {
    match &idents(nodes)[..] {
        [name] => Some((Ident::new(""), name.clone())),
        [.., schema, name] => Some((schema.clone(), name.clone())),
        [] => None,
    }
}

pub(super) fn idents(nodes: &[Node]) -> Vec<Ident> {
    strings(nodes).into_iter().map(Ident::new).collect()
}

/// The text of an expression, as the parser prints it.
pub(super) fn expression(node: &Node) -> Option<String> {
    const BEFORE: &str = "SELECT WHERE ";
    let mut parsed = syntax::parse("SELECT WHERE true").ok()?;
    let select = parsed
        .stmts
        .first_mut()?
        .stmt
        .as_deref_mut()?
        .node
        .as_mut()?;
    if let NodeEnum::SelectStmt(select) = select {
        select.where_clause = Some(Box::new(node.clone()));
    }
    let options = pg_query::DeparseOptions::default();
    let text = pg_query::deparse(&parsed, options).ok()?;
    text.strip_prefix(BEFORE).map(str::to_owned)
}

/// The text of a type, as the parser prints it.
pub(super) fn type_text(type_name: &TypeName) -> Option<String> {
    const BEFORE: &str = "NULL::";
    let parsed = syntax::parse("SELECT WHERE NULL").ok()?;
    let select = nodes(&parsed).next()?;
    let NodeEnum::SelectStmt(select) = select else {
        return None;
    };
    let cast = TypeCast {
        arg: select.where_clause.clone(),
        type_name: Some(type_name.clone()),
        location: -1,
    };
    let cast = Node {
        node: Some(NodeEnum::TypeCast(Box::new(cast))),
    };
    expression(&cast)?.strip_prefix(BEFORE).map(str::to_owned)
}
