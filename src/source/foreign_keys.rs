//! Foreign keys inside CREATE TABLE, which can be split off where tables refer to each other.
//!
//! PostgreSQL itself adds them after everything else of the table, so a split-off key gets the name that it would have
//! got inside, as long as all keys of a table go together and in their order.

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{ColumnDef, ConstrType, Constraint, CreateStmt, ScanToken, Token},
};

use super::{
    Action, Sort, Statement, Symbol, ast,
    elements::{self, Element},
    statement::{Edit, ForeignKey, Rare, Traits},
    tokens::bounds,
};
use crate::sql::Ident;

/// The foreign keys of a table, in their order.
pub(super) fn foreign_keys(table: &CreateStmt, tokens: &[ScanToken]) -> Vec<ForeignKey> {
    let Some(name) = &table.relation else {
        return Vec::new();
    };
    let owner = ast::relation(Sort::Table, name).dotted();
    let lists = elements::lists(tokens);
    let elements = || table.table_elts.iter().filter_map(ast::kind);
    let table_keys: Vec<&Constraint> = elements()
        .filter_map(|node| match node {
            NodeEnum::Constraint(constraint)
                if constraint.contype() == ConstrType::ConstrForeign =>
            {
                Some(&**constraint)
            }
            _ => None,
        })
        .collect();
    let starts: Vec<usize> = table_keys
        .iter()
        .map(|constraint| byte(constraint.location))
        .collect();
    let mut keys: Vec<ForeignKey> = table_keys
        .iter()
        .filter_map(|constraint| table_key(constraint, &owner, &lists, &starts))
        .collect();
    for node in elements() {
        if let NodeEnum::ColumnDef(column) = node {
            column_keys(column, &owner, &lists, tokens, &mut keys);
        }
    }
    keys.sort_by_key(|key| key.cut.start);
    keys
}

fn byte(location: i32) -> usize {
    usize::try_from(location).unwrap_or(0)
}

fn target(constraint: &Constraint) -> Option<Symbol> {
    constraint
        .pktable
        .as_ref()
        .map(|table| ast::relation(Sort::Table, table))
}

/// The list element that holds a byte, and its place in its list.
fn element_at(lists: &[Vec<Element>], at: usize) -> Option<(&[Element], usize)> {
    lists.iter().find_map(|list| {
        list.iter()
            .position(|element| element.span.contains(&at))
            .map(|index| (list.as_slice(), index))
    })
}

fn table_key(
    constraint: &Constraint,
    owner: &str,
    lists: &[Vec<Element>],
    keys: &[usize],
) -> Option<ForeignKey> {
    let (list, index) = element_at(lists, byte(constraint.location))?;
    let element = &list[index];
    let follows_kept = list[..index]
        .iter()
        .any(|earlier| !keys.iter().any(|key| earlier.span.contains(key)));
    // With what stays before it, a key goes with the comma before it, else with the way to its successor.
    let cut = match (element.comma, list.get(index + 1)) {
        (Some(comma), _) if follows_kept => comma..element.span.end,
        (_, Some(next)) => element.span.start..next.span.start,
        (_, None) => element.span.clone(),
    };
    Some(ForeignKey {
        cut,
        span: element.span.clone(),
        prefix: format!("ALTER TABLE {owner} ADD "),
        target: target(constraint)?,
    })
}

fn column_keys(
    column: &ColumnDef,
    owner: &str,
    lists: &[Vec<Element>],
    tokens: &[ScanToken],
    keys: &mut Vec<ForeignKey>,
) {
    let constraints: Vec<&Constraint> = column
        .constraints
        .iter()
        .filter_map(ast::kind)
        .filter_map(|node| match node {
            NodeEnum::Constraint(constraint) => Some(&**constraint),
            _ => None,
        })
        .collect();
    // DEFERRABLE and the like belong to the constraint before them.
    let starts = constraints
        .iter()
        .filter(|constraint| !is_attribute(constraint))
        .map(|constraint| byte(constraint.location));
    let starts: Vec<usize> = starts
        .chain(
            column
                .coll_clause
                .as_ref()
                .map(|clause| byte(clause.location)),
        )
        .collect();
    for constraint in constraints
        .iter()
        .filter(|constraint| constraint.contype() == ConstrType::ConstrForeign)
    {
        let start = byte(constraint.location);
        let Some((list, index)) = element_at(lists, start) else {
            continue;
        };
        let next = starts
            .iter()
            .copied()
            .filter(|at| *at > start)
            .min()
            .unwrap_or(list[index].span.end);
        let inside = || {
            tokens
                .iter()
                .filter(|token| (start..next).contains(&bounds(token).start))
        };
        let references = inside()
            .find(|token| token.token() == Token::References)
            .map(|token| bounds(token).start);
        let end = inside().next_back().map(|token| bounds(token).end);
        let (Some(references), Some(end), Some(target)) = (references, end, target(constraint))
        else {
            continue;
        };
        let name = if constraint.conname.is_empty() {
            String::new()
        } else {
            format!("CONSTRAINT {} ", Ident::new(constraint.conname.as_str()))
        };
        keys.push(ForeignKey {
            cut: start..end,
            span: references..end,
            prefix: format!(
                "ALTER TABLE {owner} ADD {name}FOREIGN KEY ({}) ",
                Ident::new(column.colname.as_str())
            ),
            target,
        });
    }
}

fn is_attribute(constraint: &Constraint) -> bool {
    matches!(
        constraint.contype(),
        ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced
    )
}

/// Takes the foreign keys out of a CREATE TABLE: the table without them, then a statement for each.
pub(super) fn split_off(mut table: Statement) -> Vec<Statement> {
    let rare = table.rare_mut();
    let keys = std::mem::take(&mut rare.foreign_keys);
    rare.edits.extend(keys.iter().map(|key| Edit {
        span: key.cut.clone(),
        text: String::new(),
    }));
    rare.edits.sort_by_key(|edit| edit.span.start);
    let owner = table
        .subject()
        .cloned()
        .expect("a CREATE TABLE defines its table");
    let mut statements = vec![table];
    for key in keys {
        let table = &statements[0];
        let text = &table.file.text[key.span.clone()];
        statements.push(Statement {
            file: Arc::clone(&table.file),
            described: 0,
            defines: Box::default(),
            needs: [
                owner.clone(),
                Symbol {
                    sort: Sort::Key,
                    ..key.target.clone()
                },
                key.target,
            ]
            .into(),
            action: Action::Load,
            session: Arc::clone(&table.session),
            implied: Box::default(),
            traits: Traits::default(),
            rare: Rare {
                description: Some(format!(
                    "{}{}",
                    key.prefix,
                    text.lines().next().unwrap_or("")
                )),
                edits: vec![Edit {
                    span: key.span.start..key.span.start,
                    text: key.prefix,
                }],
                ..Rare::default()
            }
            .kept(),
            span: key.span,
        });
    }
    statements
}
