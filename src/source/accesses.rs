//! Which relations and types a statement accesses: what the server does there by itself is for a catalog to say.

use std::collections::BTreeSet;

use pg_query::{
    Node, NodeEnum,
    protobuf::{AlterDomainStmt, AlterTableType, Constraint, VacuumStmt},
};
use serde_json::{Map, Value};

use super::{
    ast::{self, tree},
    references::strings,
    syntax,
};
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
    /// Rows are deleted, and added to another partition instead.
    Moves,
    /// All rows are deleted; also those of tables that refer to this one, if it is so.
    Truncates {
        /// `CASCADE`.
        cascades: bool,
    },
    /// A materialized view is filled.
    Refreshes,
    /// What is computed of rows is computed for those that are there: a definition changes, or an index is built.
    Computes,
    /// Statistics are computed of the rows.
    Analyzes,
    /// What indexes say of ranges of rows is computed.
    Vacuums,
    /// Defaults are computed for rows that are there.
    Defaults,
    /// Values become values of the type.
    Casts,
}

impl Access {
    /// Whether rows come, change or go.
    pub fn writes(&self) -> bool {
        match self {
            Self::Inserts
            | Self::Updates(_)
            | Self::Deletes
            | Self::Moves
            | Self::Truncates { .. } => true,
            Self::Reads
            | Self::Refreshes
            | Self::Computes
            | Self::Analyzes
            | Self::Vacuums
            | Self::Defaults
            | Self::Casts => false,
        }
    }

    /// Whether values are stored: checked against constraints, indexed, and made values of the columns' types.
    pub fn stores(&self) -> bool {
        match self {
            Self::Inserts | Self::Updates(_) | Self::Computes => true,
            Self::Reads
            | Self::Deletes
            | Self::Moves
            | Self::Truncates { .. }
            | Self::Refreshes
            | Self::Analyzes
            | Self::Vacuums
            | Self::Defaults
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
        | NodeEnum::ExecuteStmt(_)
        | NodeEnum::ExplainStmt(_)
        | NodeEnum::PrepareStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::CreateTableAsStmt(_) => of_text(&tree(node), found),
        NodeEnum::CopyStmt(copy) => {
            of_text(&tree(&copy.query), found);
            of_text(&tree(&copy.where_clause), found);
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
            if checks_values(alter) {
                found
                    .types
                    .extend(type_name(&ast::strings(&alter.type_name)));
            }
        }
        // Of the rows only what its text says is computed.
        NodeEnum::IndexStmt(_) => {
            found.of_definition = true;
            types(&tree(node), &mut found.types);
        }
        NodeEnum::CreateStmt(create) if create.partbound.is_some() => {
            // The rows of the default partition are looked through.
            found.of_definition = true;
            for whole in &create.inh_relations {
                if let Some(NodeEnum::RangeVar(whole)) = ast::kind(whole) {
                    found
                        .relations
                        .extend(named(&tree(whole), Access::Computes));
                }
            }
        }
        NodeEnum::VacuumStmt(vacuum) => {
            let access = vacuum_computes(vacuum);
            for table in &vacuum.rels {
                if let Some(NodeEnum::VacuumRelation(table)) = ast::kind(table) {
                    found
                        .relations
                        .extend(named(&tree(&table.relation), access.clone()));
                }
            }
        }
        NodeEnum::ReindexStmt(reindex) => {
            found
                .relations
                .extend(named(&tree(&reindex.relation), Access::Computes));
        }
        NodeEnum::ClusterStmt(cluster) => {
            found
                .relations
                .extend(named(&tree(&cluster.relation), Access::Computes));
        }
        _ => {}
    }
}

/// Whether a command of ALTER TABLE may compute anything for rows that are there, other than what its text says.
fn computes(command: &NodeEnum) -> bool {
    use AlterTableType as At;
    let NodeEnum::AlterTableCmd(command) = command else {
        return true;
    };
    !matches!(
        command.subtype(),
        At::AtAddConstraint
            | At::AtAddIdentity
            | At::AtAddInherit
            | At::AtAddOf
            | At::AtAlterConstraint
            | At::AtChangeOwner
            | At::AtClusterOn
            | At::AtColumnDefault
            | At::AtDetachPartition
            | At::AtDetachPartitionFinalize
            | At::AtDisableRowSecurity
            | At::AtDisableRule
            | At::AtDisableTrig
            | At::AtDisableTrigAll
            | At::AtDisableTrigUser
            | At::AtDropCluster
            | At::AtDropColumn
            | At::AtDropConstraint
            | At::AtDropExpression
            | At::AtDropIdentity
            | At::AtDropInherit
            | At::AtDropNotNull
            | At::AtDropOf
            | At::AtEnableAlwaysRule
            | At::AtEnableAlwaysTrig
            | At::AtEnableReplicaRule
            | At::AtEnableReplicaTrig
            | At::AtEnableRowSecurity
            | At::AtEnableRule
            | At::AtEnableTrig
            | At::AtEnableTrigAll
            | At::AtEnableTrigUser
            | At::AtForceRowSecurity
            | At::AtGenericOptions
            | At::AtNoForceRowSecurity
            | At::AtReplicaIdentity
            | At::AtResetOptions
            | At::AtResetRelOptions
            | At::AtSetCompression
            | At::AtSetIdentity
            | At::AtSetOptions
            | At::AtSetRelOptions
            | At::AtSetStatistics
            | At::AtSetStorage
            | At::AtSetTableSpace
    )
}

/// What runs of a statement or an expression.
fn of_text(text: &Value, found: &mut Accesses) {
    of_nodes(text, &BTreeSet::new(), &mut found.relations);
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

/// What the nodes in a value access, where WITH gives these names.
fn of_nodes(value: &Value, given: &BTreeSet<String>, found: &mut BTreeSet<(String, Access)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| of_nodes(item, given, found)),
        Value::Object(fields) => {
            let with = fields.get("with_clause").filter(|with| with.is_object());
            let given = &with.map_or_else(|| given.clone(), |with| of_with(with, given, found));
            for (kind, field) in fields.iter().filter(|(kind, _)| *kind != "with_clause") {
                of_node(kind, field, given, found);
                of_nodes(field, given, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the queries of a WITH access, each of which sees those before it, or all if they may be recursive. Returns the names
/// that the statement sees.
fn of_with(
    with: &Value,
    given: &BTreeSet<String>,
    found: &mut BTreeSet<(String, Access)>,
) -> BTreeSet<String> {
    let mut given = given.clone();
    let queries = with.get("ctes").and_then(Value::as_array);
    let queries = || queries.into_iter().flatten();
    let name = |query: &Value| {
        let name = query["node"]["CommonTableExpr"]["ctename"].as_str()?;
        Some(Ident::new(name).to_string())
    };
    if with["recursive"] == Value::Bool(true) {
        given.extend(queries().filter_map(name));
    }
    for query in queries() {
        of_nodes(query, &given, found);
        given.extend(name(query));
    }
    given
}

/// What a node of this kind accesses by itself. What a statement writes to is no node of its own.
fn of_node(
    kind: &str,
    node: &Value,
    given: &BTreeSet<String>,
    found: &mut BTreeSet<(String, Access)>,
) {
    let accesses = match kind {
        "RangeVar" => {
            let read = named(node, Access::Reads);
            let is_table = node["schemaname"].as_str().is_some_and(|it| !it.is_empty());
            found.extend(read.filter(|(name, _)| is_table || !given.contains(name)));
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
            // `SET a = DEFAULT` computes the default, too.
            let defaults = list.is_some_and(|list| list.to_string().contains("SetToDefault"));
            let updates = Access::Updates(columns(list));
            [updates]
                .into_iter()
                .chain(defaults.then_some(Access::Defaults))
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

/// The name of a relation, as SQL. A temporary one has no schema: it is found without, before those of every other one.
pub(super) fn relation_name(relation: &Value) -> Option<String> {
    let text = |key: &str| relation.get(key).and_then(Value::as_str);
    let name = Ident::new(text("relname")?);
    let schema = text("schemaname")
        .filter(|schema| !schema.is_empty() && *schema != "pg_temp")
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
        Access::Moves => has(DELETE) || has(INSERT),
        Access::Truncates { .. } => has(TRUNCATE),
        Access::Reads
        | Access::Refreshes
        | Access::Computes
        | Access::Analyzes
        | Access::Vacuums
        | Access::Defaults
        | Access::Casts => false,
    }
}

/// Whether an update may move rows to other partitions of a table that is partitioned by this key: `LIST (a)`.
pub fn moves(key: &str, access: &Access) -> bool {
    let parsed = syntax::parse(&format!("CREATE TABLE t () PARTITION BY {key}")).ok();
    let node = parsed
        .as_ref()
        .and_then(|parsed| ast::kind(parsed.stmts.first()?.stmt.as_deref()?));
    let columns: Option<Vec<&str>> = match node {
        Some(NodeEnum::CreateStmt(create)) => create.partspec.as_ref().and_then(|by| {
            let parts = by.part_params.iter().map(|part| match ast::kind(part) {
                // An expression may be of any column.
                Some(NodeEnum::PartitionElem(part)) if part.expr.is_none() => Some(&*part.name),
                _ => None,
            });
            parts.collect()
        }),
        _ => None,
    };
    access.updates_one_of(&columns.unwrap_or_default())
}

/// What a foreign key does to the rows of its own table when those that they refer to are accessed. `definition` is what
/// follows the constraint's name.
pub fn passed_on(definition: &str, access: &Access) -> Vec<Access> {
    let keys = foreign_keys(&format!("ALTER TABLE t ADD {definition}"));
    let keys = keys.iter();
    keys.flat_map(|(_, key)| passed_on_by(key, access))
        .collect()
}

/// What the foreign keys to a table that a statement defines do to the rows of its own table when the other's are accessed.
pub fn passes_on(sql: &str, to: &str, access: &Access) -> Vec<Access> {
    let keys = foreign_keys(sql);
    let keys = keys.iter().filter(|(table, _)| table == to);
    keys.flat_map(|(_, key)| passed_on_by(key, access))
        .collect()
}

/// The foreign keys that a statement defines, with the tables that they refer to.
fn foreign_keys(sql: &str) -> Vec<(String, Constraint)> {
    let Ok(parsed) = syntax::parse(sql) else {
        return Vec::new();
    };
    let statements = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
    let mut open: Vec<&NodeEnum> = statements.filter_map(ast::kind).collect();
    let mut found = Vec::new();
    while let Some(node) = open.pop() {
        match node {
            NodeEnum::CreateStmt(create) => {
                open.extend(create.table_elts.iter().filter_map(ast::kind));
            }
            NodeEnum::AlterTableStmt(alter) => open.extend(alter.cmds.iter().filter_map(ast::kind)),
            NodeEnum::AlterTableCmd(command) => {
                open.extend(command.def.as_deref().and_then(ast::kind));
            }
            NodeEnum::ColumnDef(column) => {
                open.extend(column.constraints.iter().filter_map(ast::kind));
            }
            NodeEnum::Constraint(key) => {
                let table = relation_name(&tree(&key.pktable));
                found.extend(table.map(|table| (table, (**key).clone())));
            }
            _ => {}
        }
    }
    found
}

fn passed_on_by(key: &Constraint, access: &Access) -> Vec<Access> {
    // That of a column does not name it.
    let columns = (!key.fk_attrs.is_empty()).then(|| strings_of(&key.fk_attrs));
    let own = || Access::Updates(columns.clone());
    // The parser's letters: `c`ascade, set `n`ull, set `d`efault; otherwise the statement fails.
    let updated = |action: &str| match action {
        "c" | "n" => vec![own()],
        "d" => vec![own(), Access::Defaults],
        _ => Vec::new(),
    };
    match access {
        // A move is a delete for a key that refers to the partition, and on 14 for every one.
        Access::Deletes | Access::Moves if key.fk_del_action == "c" => vec![Access::Deletes],
        Access::Deletes | Access::Moves => updated(&key.fk_del_action),
        Access::Updates(_) if access.updates_one_of(&ast::strings(&key.pk_attrs)) => {
            updated(&key.fk_upd_action)
        }
        Access::Truncates { cascades: true } => vec![access.clone()],
        Access::Updates(_)
        | Access::Inserts
        | Access::Truncates { cascades: false }
        | Access::Reads
        | Access::Refreshes
        | Access::Computes
        | Access::Analyzes
        | Access::Vacuums
        | Access::Defaults
        | Access::Casts => Vec::new(),
    }
}

fn strings_of(nodes: &[Node]) -> BTreeSet<String> {
    ast::strings(nodes)
        .into_iter()
        .map(ToOwned::to_owned)
        .collect()
}

/// Whether a change of a domain checks the values that are there, or makes new ones.
pub(super) fn checks_values(alter: &AlterDomainStmt) -> bool {
    let is_valid = || match alter.def.as_deref().and_then(ast::kind) {
        Some(NodeEnum::Constraint(check)) => check.skip_validation,
        _ => false,
    };
    match alter.subtype.as_str() {
        // A default, DROP NOT NULL, DROP CONSTRAINT.
        "T" | "N" | "X" => false,
        "C" => !is_valid(),
        _ => true,
    }
}

/// What is computed of the rows of the tables that a VACUUM or ANALYZE names.
pub(super) fn vacuum_computes(vacuum: &VacuumStmt) -> Access {
    let has = |name| vacuum.options.iter().any(|option| is_on(option, name));
    if has("full") {
        Access::Computes
    } else if !vacuum.is_vacuumcmd || has("analyze") {
        Access::Analyzes
    } else {
        Access::Vacuums
    }
}

/// Whether an option is given and not switched off.
pub(super) fn is_on(option: &Node, name: &str) -> bool {
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

#[cfg(test)]
mod tests;
