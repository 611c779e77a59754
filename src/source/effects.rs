//! What a statement of a plan may do to rows, as far as its text tells: what is not known to be harmless is said.

use std::{collections::BTreeSet, sync::LazyLock};

use pg_query::{
    Node, NodeEnum,
    protobuf::{AlterTableType, CopyStmt, DropBehavior, ObjectType, VariableSetStmt},
};
use serde_json::Value;

use super::{
    accesses::read_by,
    ast,
    references::strings,
    statement_kind::{Does, StatementKind},
    syntax,
};

/// One thing that a statement may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It deletes rows or values; by this verb.
    Deletes(&'static str),
    /// It changes or adds rows; by this verb.
    Changes(&'static str),
    /// It calls a function, or an operator, that is not PostgreSQL's own.
    Calls(String),
    /// It does something whose effect its text does not tell.
    Unknown(String),
    /// It fires this trigger or rule.
    Fires(String),
    /// It changes rows of this table because of a foreign key.
    PassesOn(String),
    /// Reads and writes wait for as long as it runs.
    BlocksReads(&'static str),
    /// Writes wait for as long as it runs.
    BlocksWrites(&'static str),
    /// It writes a table, or its indexes, anew.
    Rewrites(&'static str),
}

/// What a statement may do. DDL that evaluates nothing on rows that are there does nothing; definitions do not run.
pub fn effects(sql: &str) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                of_statement(node, &mut found);
            }
        }
        Err(_) => {
            found.insert(unknown("a statement that cannot be read"));
        }
    }
    found
}

/// What evaluating an expression does, which stands in a query or in the definition of what evaluates it: a view, an index, a
/// check. Other than [`effects`], it says nothing of the relations that a query reads.
pub fn evaluated(sql: &str) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                match node {
                    NodeEnum::ViewStmt(view) => walk(&tree(&view.query), &mut found),
                    node => walk(&tree(node), &mut found),
                }
            }
        }
        Err(_) => _ = found.insert(unknown("an expression that cannot be read")),
    }
    found
}

fn unknown(what: impl Into<String>) -> Effect {
    Effect::Unknown(what.into())
}

fn of_statement(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    match StatementKind::of(node).does {
        Does::Nothing => {}
        Does::WhatItSays => walk(&tree(node), found),
        Does::Depends => of_parts(node, found),
        Does::Anything => _ = found.insert(of_kind(node)),
    }
}

/// A statement of which only its kind is known.
fn of_kind(node: &NodeEnum) -> Effect {
    unknown(format!("a statement of the kind {}", name_of(node)))
}

/// A statement whose parts decide what it does.
fn of_parts(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    let effect = match node {
        NodeEnum::SelectStmt(_) | NodeEnum::DeclareCursorStmt(_) => {
            let query = tree(node);
            walk(&query, found);
            // Only what runs code is worth a SELECT in a plan.
            let read = read_by(&query).into_iter();
            found.extend(read.map(|relation| {
                unknown(format!(
                    "a query of {relation}, which may be a view that calls functions"
                ))
            }));
            None
        }
        NodeEnum::CreateStmt(create) => {
            if let Some(bound) = &create.partbound {
                walk(&tree(bound), found);
            }
            None
        }
        NodeEnum::AlterTableStmt(alter) => {
            for command in alter.cmds.iter().filter_map(ast::kind) {
                of_command(command, found);
            }
            None
        }
        NodeEnum::AlterSeqStmt(alter) => {
            let restarts = alter.options.iter().any(restarts);
            restarts.then_some(Effect::Changes("ALTER SEQUENCE … RESTART"))
        }
        NodeEnum::TruncateStmt(_) => Some(Effect::Deletes("TRUNCATE")),
        NodeEnum::CopyStmt(copy) => Some(of_copy(copy)),
        NodeEnum::DropStmt(drop) => of_drop(drop.remove_type(), drop.behavior()),
        NodeEnum::DropOwnedStmt(_) => Some(Effect::Deletes("DROP OWNED")),
        NodeEnum::DropdbStmt(_) => Some(Effect::Deletes("DROP DATABASE")),
        // REFRESH runs the view's query with every function in it, CREATE EXTENSION and ALTER EXTENSION … UPDATE a script that
        // can do anything. By hand they need approval. Forge's own steps for a view or an extension that the tree declares do
        // not: whoever reviewed the tree has reviewed those, and the steps carry forge's mark (`forge:safe`).
        NodeEnum::RefreshMatViewStmt(refresh) => {
            let verb = "REFRESH MATERIALIZED VIEW";
            if !refresh.concurrent {
                found.extend([Effect::BlocksReads(verb), Effect::Rewrites(verb)]);
            }
            Some(unknown(format!("{verb}, which runs the view's query")))
        }
        NodeEnum::VacuumStmt(vacuum) => {
            if vacuum.options.iter().any(|option| is_on(option, "full")) {
                found.extend(rewriting("VACUUM FULL"));
            }
            None
        }
        NodeEnum::ClusterStmt(_) => {
            found.extend(rewriting("CLUSTER"));
            None
        }
        NodeEnum::ReindexStmt(reindex) => {
            // The lock on an index stops the planning of every query on its table.
            if !reindex
                .params
                .iter()
                .any(|option| is_on(option, "concurrently"))
            {
                found.extend(rewriting("REINDEX"));
            }
            None
        }
        // PostgreSQL docs: 13.3 Explicit Locking; modes count from ACCESS SHARE = 1.
        NodeEnum::LockStmt(lock) => match lock.mode {
            8.. => Some(Effect::BlocksReads("LOCK TABLE")),
            5.. => Some(Effect::BlocksWrites("LOCK TABLE")),
            _ => None,
        },
        NodeEnum::CreateExtensionStmt(create) => Some(unknown(format!(
            "the script of the extension {}",
            create.extname
        ))),
        NodeEnum::AlterExtensionStmt(alter) => Some(unknown(format!(
            "the script of the extension {}",
            alter.extname
        ))),
        NodeEnum::VariableSetStmt(set) if is_harmless_setting(set) => None,
        NodeEnum::VariableSetStmt(set) => Some(unknown(format!("SET {}", set.name))),
        node => Some(of_kind(node)),
    };
    found.extend(effect);
}

/// What writes relations anew behind a lock that lets nobody in.
fn rewriting(verb: &'static str) -> [Effect; 2] {
    [Effect::BlocksReads(verb), Effect::Rewrites(verb)]
}

/// Whether an option is given and not switched off.
fn is_on(option: &Node, name: &str) -> bool {
    let Some(NodeEnum::DefElem(option)) = ast::kind(option) else {
        return false;
    };
    let value = option
        .arg
        .as_deref()
        .map(|value| tree(value).to_string().to_lowercase());
    let is_off = value.is_some_and(|value| {
        let is = |word: &str| {
            value.contains(&format!("\"{word}\"")) || value.contains(&format!(":{word}}}"))
        };
        ["false", "off", "no", "0"].iter().any(|word| is(word))
    });
    option.defname == name && !is_off
}

fn of_copy(copy: &CopyStmt) -> Effect {
    if copy.is_program {
        unknown("COPY … PROGRAM")
    } else if copy.is_from {
        Effect::Changes("COPY")
    } else {
        unknown("COPY … TO")
    }
}

fn of_drop(sort: ObjectType, behavior: DropBehavior) -> Option<Effect> {
    match sort {
        ObjectType::ObjectTable => Some(Effect::Deletes("DROP TABLE")),
        // One with CASCADE takes columns and tables along.
        _ if behavior == DropBehavior::DropCascade => Some(Effect::Deletes("DROP … CASCADE")),
        // It may own tables.
        ObjectType::ObjectExtension => Some(Effect::Deletes("DROP EXTENSION")),
        // Its position goes with it.
        ObjectType::ObjectSequence => Some(Effect::Deletes("DROP SEQUENCE")),
        _ => None,
    }
}

/// A command of ALTER TABLE. Expressions count where they are evaluated for the rows that are there.
fn of_command(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    let NodeEnum::AlterTableCmd(command) = node else {
        return;
    };
    match command.subtype() {
        AlterTableType::AtDropColumn => {
            found.insert(Effect::Deletes("DROP COLUMN"));
        }
        _ if command.behavior() == DropBehavior::DropCascade => {
            found.insert(Effect::Deletes("DROP … CASCADE"));
        }
        // The default of rows that come.
        AlterTableType::AtColumnDefault => {}
        AlterTableType::AtAlterColumnType => {
            // USING can give any value, and a cast can round one.
            found.insert(Effect::Changes("ALTER COLUMN … TYPE"));
            walk(&tree(node), found);
        }
        AlterTableType::AtSetIdentity if command.def.as_deref().is_some_and(restarts) => {
            found.insert(Effect::Changes("ALTER COLUMN … RESTART"));
        }
        _ => walk(&tree(node), found),
    }
}

/// Whether options of a sequence give it another position: ids that were given out may be given out again.
fn restarts(options: &Node) -> bool {
    let is_restart = |option: &Node| matches!(ast::kind(option), Some(NodeEnum::DefElem(option)) if option.defname == "restart");
    match ast::kind(options) {
        Some(NodeEnum::List(list)) => list.items.iter().any(is_restart),
        _ => is_restart(options),
    }
}

/// What only limits how long a statement may take, or how much memory.
fn is_harmless_setting(set: &VariableSetStmt) -> bool {
    const HARMLESS: [&str; 8] = [
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "maintenance_work_mem",
        "max_parallel_maintenance_workers",
        "max_parallel_workers_per_gather",
        "statement_timeout",
        "transaction_timeout",
        "work_mem",
    ];
    HARMLESS.contains(&set.name.as_str())
}

/// The statement's kind, as the parser calls it.
fn name_of(node: &NodeEnum) -> String {
    match tree(node) {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// A part of the syntax tree as data; a node has its kind as the key.
pub(super) fn tree(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("the syntax tree is plain data")
}

/// Looks through a statement or an expression for what it does.
fn walk(value: &Value, found: &mut BTreeSet<Effect>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(fields) => {
            for (kind, field) in fields {
                found.extend(of_node(kind, field));
                walk(field, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a node of this kind does by itself.
fn of_node(kind: &str, fields: &Value) -> Option<Effect> {
    match kind {
        "InsertStmt" => Some(Effect::Changes("INSERT")),
        "UpdateStmt" => Some(Effect::Changes("UPDATE")),
        "MergeStmt" => Some(Effect::Deletes("MERGE")),
        "DeleteStmt" => Some(Effect::Deletes("DELETE")),
        "ExecuteStmt" => Some(unknown("EXECUTE")),
        "DoStmt" => Some(unknown("DO")),
        "CallStmt" => Some(unknown("CALL")),
        "FuncCall" => {
            let name = strings(fields.get("funcname"));
            match name[..] {
                ["pg_catalog", function] | [function] if is_harmless_function(function) => None,
                ["pg_catalog", function] | [function] => {
                    Some(unknown(format!("the function {function}")))
                }
                _ => Some(Effect::Calls(name.join("."))),
            }
        }
        "AExpr" => match strings(fields.get("name"))[..] {
            [] | [_] | ["pg_catalog", _] => None,
            [ref schema @ .., operator] => {
                Some(Effect::Calls(format!("{}.{operator}", schema.join("."))))
            }
        },
        _ => None,
    }
}

/// Functions of PostgreSQL 15's that are immutable or stable, or are known to change no row, with those of later versions.
/// What reads tables by a name in a string, as `query_to_xml`, is not among them.
static HARMLESS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("builtin_functions.txt")
        .split_whitespace()
        .collect()
});

fn is_harmless_function(name: &str) -> bool {
    HARMLESS.contains(name)
}

#[cfg(test)]
mod tests;
