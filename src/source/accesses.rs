//! Which relations and types a statement accesses: what the server does there by itself is for a catalog to say.

use std::collections::BTreeSet;

use pg_query::{NodeEnum, protobuf::AlterTableType};
use serde_json::{Map, Value};

use super::{ast, effects::tree, references::strings, syntax};
use crate::sql::{Ident, dotted};

/// How the rows of a relation, or the values of a type, are accessed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Rows are read.
    Reads,
    /// Rows are added.
    Inserts,
    /// These columns of rows are changed; `None` where the text does not name them.
    Updates(Option<BTreeSet<String>>),
    /// Rows are deleted.
    Deletes,
    /// All rows are deleted; also those of tables that refer to this one, if it is so.
    Truncates {
        /// `CASCADE`.
        cascades: bool,
    },
    /// A materialized view is filled.
    Refreshes,
    /// What is computed of rows is computed for those that are there: a definition changes, or an index is built.
    Computes,
    /// Values become values of the type.
    Casts,
}

impl Access {
    /// Whether rows come, change or go.
    pub fn writes(&self) -> bool {
        match self {
            Self::Inserts | Self::Updates(_) | Self::Deletes | Self::Truncates { .. } => true,
            Self::Reads | Self::Refreshes | Self::Computes | Self::Casts => false,
        }
    }

    /// Whether values are stored: checked against constraints, indexed, and made values of the columns' types.
    pub fn stores(&self) -> bool {
        match self {
            Self::Inserts | Self::Updates(_) | Self::Computes => true,
            Self::Reads
            | Self::Deletes
            | Self::Truncates { .. }
            | Self::Refreshes
            | Self::Casts => false,
        }
    }

    /// Whether an update may change one of these columns, or none is named.
    fn updates_one_of(&self, columns: &[&str]) -> bool {
        match self {
            Self::Updates(Some(changed)) => {
                columns.is_empty() || columns.iter().any(|column| changed.contains(*column))
            }
            Self::Updates(None) => true,
            _ => false,
        }
    }
}

/// What a statement accesses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accesses {
    /// Relations by name, as SQL: `app.users`. One without a schema is temporary, or PostgreSQL's own.
    pub relations: BTreeSet<(String, Access)>,
    /// Types other than PostgreSQL's own to which values are cast, as SQL.
    pub types: BTreeSet<String>,
    /// Whether the statement is a definition: what it accesses it has to compute for rows that are there.
    pub of_definition: bool,
}

impl Accesses {
    /// Whether it is a statement about rows, and none that defines something.
    pub fn of_rows(&self) -> bool {
        !self.of_definition && !self.relations.is_empty()
    }
}

/// What a statement accesses when it runs. What cannot be read accesses nothing: [`super::effects()`] says so.
pub fn accesses(sql: &str) -> Accesses {
    let mut found = Accesses::default();
    if let Ok(parsed) = syntax::parse(sql) {
        let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
        for node in nodes.filter_map(ast::kind) {
            of_statement(node, &mut found);
        }
    }
    found
}

/// The tables from which a statement deletes rows, and what it drops, as SQL.
pub fn deleted_from(sql: &str) -> BTreeSet<String> {
    let deletes = |access: &Access| matches!(access, Access::Deletes | Access::Truncates { .. });
    let mut tables = written(sql, deletes);
    let parsed = syntax::parse(sql);
    let nodes = parsed.iter().flat_map(|parsed| &parsed.stmts);
    for node in nodes.filter_map(|raw| raw.stmt.as_deref().and_then(ast::kind)) {
        if let NodeEnum::DropStmt(drop) = node {
            for object in drop.objects.iter().filter_map(ast::kind) {
                if let NodeEnum::List(path) = object {
                    let path: Vec<Ident> = ast::strings(&path.items)
                        .into_iter()
                        .map(Ident::new)
                        .collect();
                    tables.insert(dotted(&path));
                }
            }
        }
    }
    tables
}

/// The tables whose rows a statement adds or changes, as SQL.
pub fn changed_in(sql: &str) -> BTreeSet<String> {
    written(sql, |access| {
        matches!(access, Access::Inserts | Access::Updates(_))
    })
}

fn written(sql: &str, how: impl Fn(&Access) -> bool) -> BTreeSet<String> {
    let relations = accesses(sql).relations.into_iter();
    let written = relations.filter(|(_, access)| how(access));
    written.map(|(name, _)| name).collect()
}

/// What the query of a view accesses: `sql` is the query, or the statement that creates the view.
pub fn query_accesses(sql: &str) -> Accesses {
    let mut found = Accesses::default();
    if let Ok(parsed) = syntax::parse(sql) {
        let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
        for node in nodes.filter_map(ast::kind) {
            match node {
                NodeEnum::ViewStmt(view) => of_text(&tree(&view.query), &mut found),
                node => of_text(&tree(node), &mut found),
            }
        }
    }
    found
}

fn of_statement(node: &NodeEnum, found: &mut Accesses) {
    match node {
        NodeEnum::SelectStmt(_)
        | NodeEnum::DeclareCursorStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::ExplainStmt(_)
        | NodeEnum::PrepareStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::CreateTableAsStmt(_) => of_text(&tree(node), found),
        NodeEnum::CopyStmt(copy) => {
            of_text(&tree(&copy.query), found);
            let access = if copy.is_from {
                Access::Inserts
            } else {
                Access::Reads
            };
            found.relations.extend(named(&tree(&copy.relation), access));
        }
        NodeEnum::TruncateStmt(truncate) => {
            let cascades = truncate.behavior() == pg_query::protobuf::DropBehavior::DropCascade;
            for relation in &truncate.relations {
                if let Some(NodeEnum::RangeVar(relation)) = ast::kind(relation) {
                    let access = Access::Truncates { cascades };
                    found.relations.extend(named(&tree(relation), access));
                }
            }
        }
        NodeEnum::RefreshMatViewStmt(refresh) => {
            let relation = tree(&refresh.relation);
            found.relations.extend(named(&relation, Access::Refreshes));
        }
        NodeEnum::AlterTableStmt(alter) => {
            found.of_definition = true;
            let commands = || alter.cmds.iter().filter_map(ast::kind);
            if commands().any(computes) {
                let relation = tree(&alter.relation);
                found.relations.extend(named(&relation, Access::Computes));
            }
            commands().for_each(|command| types(&tree(command), &mut found.types));
        }
        NodeEnum::AlterDomainStmt(alter) => {
            found.of_definition = true;
            found
                .types
                .extend(type_name(&ast::strings(&alter.type_name)));
        }
        NodeEnum::ReindexStmt(reindex) => {
            found.of_definition = true;
            found
                .relations
                .extend(named(&tree(&reindex.relation), Access::Computes));
        }
        NodeEnum::ClusterStmt(cluster) => {
            found.of_definition = true;
            found
                .relations
                .extend(named(&tree(&cluster.relation), Access::Computes));
        }
        _ => {}
    }
}

/// Whether a command of ALTER TABLE computes anything for rows that are there.
fn computes(command: &NodeEnum) -> bool {
    let NodeEnum::AlterTableCmd(command) = command else {
        return false;
    };
    matches!(
        command.subtype(),
        AlterTableType::AtAddColumn
            | AlterTableType::AtAlterColumnType
            | AlterTableType::AtValidateConstraint
            | AlterTableType::AtAttachPartition
            | AlterTableType::AtSetAccessMethod
    )
}

/// What runs of a statement or an expression.
fn of_text(text: &Value, found: &mut Accesses) {
    let own = common_tables(text);
    let mut relations = BTreeSet::new();
    of_nodes(text, &mut relations);
    relations.retain(|(name, access)| *access != Access::Reads || !own.contains(name));
    found.relations.extend(relations);
    types(text, &mut found.types);
}

/// The relations that a query reads, other than PostgreSQL's own.
pub(super) fn read_by(query: &Value) -> BTreeSet<String> {
    let mut found = Accesses::default();
    of_text(query, &mut found);
    let reads = found
        .relations
        .into_iter()
        .filter(|(_, access)| *access == Access::Reads);
    reads
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("pg_catalog."))
        .collect()
}

/// The names that WITH gives to queries of the statement.
pub(super) fn common_tables(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(common_tables).collect(),
        Value::Object(fields) => {
            let name = fields.get("ctename").and_then(Value::as_str);
            let inner = fields.values().flat_map(common_tables);
            inner.chain(name.map(ToOwned::to_owned)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}

fn of_nodes(value: &Value, found: &mut BTreeSet<(String, Access)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| of_nodes(item, found)),
        Value::Object(fields) => {
            for (kind, field) in fields {
                of_node(kind, field, found);
                of_nodes(field, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a node of this kind accesses by itself. What a statement writes to is no node of its own.
fn of_node(kind: &str, node: &Value, found: &mut BTreeSet<(String, Access)>) {
    let accesses = match kind {
        "RangeVar" => {
            found.extend(named(node, Access::Reads));
            return;
        }
        "InsertStmt" => {
            let conflict = node.get("on_conflict_clause").filter(|it| !it.is_null());
            let updated =
                conflict.map(|clause| Access::Updates(columns(clause.get("target_list"))));
            [Access::Inserts].into_iter().chain(updated).collect()
        }
        "UpdateStmt" => {
            let list = node.get("target_list");
            // `SET a = DEFAULT` computes the default, as INSERT does.
            let defaults = list.is_some_and(|list| list.to_string().contains("SetToDefault"));
            let updates = Access::Updates(columns(list));
            [updates]
                .into_iter()
                .chain(defaults.then_some(Access::Inserts))
                .collect()
        }
        "DeleteStmt" => vec![Access::Deletes],
        "MergeStmt" => vec![Access::Inserts, Access::Updates(None), Access::Deletes],
        _ => return,
    };
    if let Some(relation) = node.get("relation") {
        found.extend(
            accesses
                .into_iter()
                .filter_map(|access| named(relation, access)),
        );
    }
}

/// A relation with how it is accessed.
fn named(relation: &Value, access: Access) -> Option<(String, Access)> {
    relation_name(relation).map(|name| (name, access))
}

/// The name of a relation, as SQL.
pub(super) fn relation_name(relation: &Value) -> Option<String> {
    let text = |key: &str| relation.get(key).and_then(Value::as_str);
    let name = Ident::new(text("relname")?);
    let schema = text("schemaname")
        .filter(|schema| !schema.is_empty())
        .map(Ident::new);
    let path: Vec<Ident> = schema.into_iter().chain([name]).collect();
    Some(dotted(&path))
}

/// The columns that a list of new values names.
fn columns(list: Option<&Value>) -> Option<BTreeSet<String>> {
    let targets = list.and_then(Value::as_array)?.iter();
    targets
        .map(|target| {
            let target = target.get("node")?.get("ResTarget")?;
            target
                .get("name")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        })
        .collect()
}

/// The types that a part of a statement names, other than PostgreSQL's own.
fn types(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| types(item, found)),
        Value::Object(fields) => {
            found.extend(type_of(fields));
            fields.values().for_each(|field| types(field, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The type that a node names which is the name of one.
fn type_of(fields: &Map<String, Value>) -> Option<String> {
    let names_a_type = fields.contains_key("pct_type") && fields.contains_key("typmods");
    names_a_type.then(|| type_name(&strings(fields.get("names"))))?
}

fn type_name(names: &[&str]) -> Option<String> {
    match names {
        [] | [_] | ["pg_catalog", _] => None,
        names => {
            let path: Vec<Ident> = names.iter().map(Ident::new).collect();
            Some(dotted(&path))
        }
    }
}

/// Whether a trigger fires: `definition` is the statement that creates it. One that cannot be read fires at every change.
pub fn fires(definition: &str, access: &Access) -> bool {
    // The server's bits for the events, of `pg_trigger.tgtype`.
    const INSERT: i32 = 1 << 2;
    const DELETE: i32 = 1 << 3;
    const UPDATE: i32 = 1 << 4;
    const TRUNCATE: i32 = 1 << 5;
    let parsed = syntax::parse(definition).ok();
    let node = parsed
        .as_ref()
        .and_then(|parsed| ast::kind(parsed.stmts.first()?.stmt.as_deref()?));
    let Some(NodeEnum::CreateTrigStmt(trigger)) = node else {
        return access.writes();
    };
    let has = |event: i32| trigger.events & event != 0;
    match access {
        Access::Inserts => has(INSERT),
        Access::Updates(_) => has(UPDATE) && access.updates_one_of(&ast::strings(&trigger.columns)),
        Access::Deletes => has(DELETE),
        Access::Truncates { .. } => has(TRUNCATE),
        Access::Reads | Access::Refreshes | Access::Computes | Access::Casts => false,
    }
}

/// What a foreign key does to the rows of its own table when those that they refer to are accessed. `definition` is what
/// follows the constraint's name.
pub fn passed_on(definition: &str, access: &Access) -> Option<Access> {
    let parsed = syntax::parse(&format!("ALTER TABLE t ADD {definition}")).ok()?;
    let NodeEnum::AlterTableStmt(alter) = ast::kind(parsed.stmts.first()?.stmt.as_deref()?)? else {
        return None;
    };
    let NodeEnum::AlterTableCmd(command) = ast::kind(alter.cmds.first()?)? else {
        return None;
    };
    let NodeEnum::Constraint(key) = ast::kind(command.def.as_deref()?)? else {
        return None;
    };
    key.pktable.as_ref()?;
    let own = || Access::Updates(Some(strings_of(&key.fk_attrs)));
    // The parser's letters: `c`ascade, set `n`ull, set `d`efault; otherwise the statement fails.
    match access {
        Access::Deletes => match key.fk_del_action.as_str() {
            "c" => Some(Access::Deletes),
            "n" | "d" => Some(own()),
            _ => None,
        },
        Access::Updates(_) => {
            let acts = matches!(key.fk_upd_action.as_str(), "c" | "n" | "d");
            (acts && access.updates_one_of(&ast::strings(&key.pk_attrs))).then(own)
        }
        Access::Truncates { cascades: true } => Some(access.clone()),
        Access::Inserts
        | Access::Truncates { cascades: false }
        | Access::Reads
        | Access::Refreshes
        | Access::Computes
        | Access::Casts => None,
    }
}

fn strings_of(nodes: &[pg_query::Node]) -> BTreeSet<String> {
    ast::strings(nodes)
        .into_iter()
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
