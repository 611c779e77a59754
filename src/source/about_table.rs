//! The one table that a statement is about.

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableType, RangeVar},
};

use super::{ast, syntax};

/// What a statement does to the one table that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// It creates the table, which is empty.
    Creates(String),
    /// It changes the table, or builds an index of it.
    Alters(String),
    /// Rows may come into the table.
    Fills(String),
}

/// The table that a statement is about, if it is about one.
pub fn about_table(sql: &str) -> Option<About> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    let name = |relation: &Option<RangeVar>| {
        let relation = relation.as_ref()?;
        Some(format!("{}.{}", relation.schemaname, relation.relname))
    };
    match ast::kind(statement.stmt.as_deref()?)? {
        NodeEnum::CreateStmt(create) => name(&create.relation).map(About::Creates),
        NodeEnum::IndexStmt(index) => name(&index.relation).map(About::Alters),
        NodeEnum::AlterTableStmt(alter) => {
            let table = name(&alter.relation)?;
            let attaches = alter.cmds.iter().filter_map(ast::kind).any(|command| {
                matches!(command, NodeEnum::AlterTableCmd(command)
                    if command.subtype() == AlterTableType::AtAttachPartition)
            });
            Some(if attaches {
                About::Fills(table)
            } else {
                About::Alters(table)
            })
        }
        NodeEnum::InsertStmt(insert) => name(&insert.relation).map(About::Fills),
        NodeEnum::CopyStmt(copy) => name(&copy.relation).map(About::Fills),
        _ => None,
    }
}
