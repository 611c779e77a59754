//! What statements of a plan make that later ones may meet.

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableType, ColumnDef, ConstrType, ObjectType, RangeVar},
};

use super::{accesses::relation_name, ast, casts::name_of, syntax};
use crate::sql::{Ident, dotted};

/// What a statement of a plan makes that later ones may meet. Relations and types are named as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Makes {
    /// A table.
    Table(String),
    /// A view, by the statement.
    View(String),
    /// A type whose values are checked by nothing but what the statement says.
    Type(String),
    /// Something of a relation or a domain that the statement defines: a default, a constraint, an index, a policy.
    Part(String),
    /// Columns have other names, or are computed of others.
    Columns(String),
    /// A table has to do with another one: it is a partition of it, inherits from it, or is made like it.
    Kin {
        /// The table.
        part: String,
        /// The other one.
        whole: String,
    },
    /// A trigger on the relation.
    Trigger {
        /// The relation.
        on: String,
        /// The trigger's name.
        name: String,
    },
    /// A rule on the relation.
    Rule {
        /// The relation.
        on: String,
        /// The rule's name.
        name: String,
    },
    /// A cast.
    Cast {
        /// The type that is cast.
        from: String,
        /// The type that it becomes.
        to: String,
    },
    /// An operator class.
    OperatorClass(String),
    /// An event trigger.
    EventTrigger(String),
    /// Names without a schema have another meaning.
    Path,
    /// Another name of a relation.
    Name {
        /// What it was.
        from: String,
        /// What it is called now.
        to: String,
    },
}

/// What a statement makes that later statements may meet.
pub fn makes(sql: &str) -> Vec<Makes> {
    let parsed = syntax::parse(sql);
    let nodes = parsed.iter().flat_map(|parsed| &parsed.stmts);
    let nodes = nodes.filter_map(|raw| ast::kind(raw.stmt.as_deref()?));
    nodes.flat_map(made_by).collect()
}

fn made_by(node: &NodeEnum) -> Vec<Makes> {
    let relation = |relation: &Option<RangeVar>| relation_name(&ast::tree(relation));
    let one = |made: Option<Makes>| made.into_iter().collect();
    let part = |of: &Option<RangeVar>| one(relation(of).map(Makes::Part));
    match node {
        NodeEnum::CreateStmt(create) => {
            let Some(table) = relation(&create.relation) else {
                return Vec::new();
            };
            let likes = create
                .table_elts
                .iter()
                .filter_map(|element| match ast::kind(element)? {
                    NodeEnum::TableLikeClause(like) => relation(&like.relation),
                    _ => None,
                });
            let wholes = create.inh_relations.iter().filter_map(ast::kind);
            let wholes = wholes.filter_map(|whole| match whole {
                NodeEnum::RangeVar(whole) => relation_name(&ast::tree(whole)),
                _ => None,
            });
            let kin = wholes.chain(likes).map(|whole| kin(&table, whole));
            let kin: Vec<Makes> = kin.collect();
            // Columns of another table may be computed, as its own may.
            let is_unclear = !kin.is_empty() || create.table_elts.iter().any(is_computed);
            let columns = is_unclear.then(|| Makes::Columns(table.clone()));
            let own = [Makes::Table(table.clone()), Makes::Part(table)];
            own.into_iter().chain(columns).chain(kin).collect()
        }
        NodeEnum::CreateTableAsStmt(create) => {
            let into = create.into.as_ref();
            one(into.and_then(|into| relation(&into.rel)).map(Makes::Table))
        }
        NodeEnum::SelectStmt(select) => {
            let into = select.into_clause.as_ref();
            one(into.and_then(|into| relation(&into.rel)).map(Makes::Table))
        }
        NodeEnum::AlterTableStmt(alter) => altered(alter.relation.as_ref(), &alter.cmds),
        NodeEnum::IndexStmt(index) => part(&index.relation),
        NodeEnum::CreatePolicyStmt(policy) => part(&policy.table),
        NodeEnum::AlterPolicyStmt(policy) => part(&policy.table),
        NodeEnum::CreateStatsStmt(statistics) => {
            let of = statistics.relations.iter().filter_map(ast::kind);
            let of = of.filter_map(|of| match of {
                NodeEnum::RangeVar(of) => relation_name(&ast::tree(of)),
                _ => None,
            });
            of.map(Makes::Part).collect()
        }
        NodeEnum::CreateEnumStmt(create) => typed(&ast::strings(&create.type_name)),
        NodeEnum::CompositeTypeStmt(create) => one(relation(&create.typevar).map(Makes::Type)),
        NodeEnum::CreateDomainStmt(create) => {
            let name = ast::strings(&create.domainname);
            [typed(&name), vec![Makes::Part(path(&name))]].concat()
        }
        NodeEnum::AlterDomainStmt(alter) => {
            vec![Makes::Part(path(&ast::strings(&alter.type_name)))]
        }
        NodeEnum::CreateCastStmt(create) => {
            let names = [create.sourcetype.as_ref(), create.targettype.as_ref()];
            let [from, to] = names.map(|name| {
                let parts = name.map(|name| ast::strings(&name.names));
                let parts = parts.unwrap_or_default();
                let plain = || path(parts.strip_prefix(&["pg_catalog"]).unwrap_or(&parts));
                name.and_then(name_of).unwrap_or_else(plain)
            });
            vec![Makes::Cast { from, to }]
        }
        NodeEnum::CreateOpClassStmt(create) => {
            vec![Makes::OperatorClass(path(&ast::strings(
                &create.opclassname,
            )))]
        }
        NodeEnum::CreateEventTrigStmt(create) => {
            vec![Makes::EventTrigger(
                Ident::new(&create.trigname).to_string(),
            )]
        }
        NodeEnum::VariableSetStmt(set) if set.name == "search_path" => vec![Makes::Path],
        NodeEnum::ViewStmt(view) => one(relation(&view.view).map(Makes::View)),
        NodeEnum::CreateTrigStmt(trigger) => one(relation(&trigger.relation).map(|on| {
            let name = Ident::new(&trigger.trigname).to_string();
            Makes::Trigger { on, name }
        })),
        NodeEnum::RuleStmt(rule) => one(relation(&rule.relation).map(|on| {
            let name = Ident::new(&rule.rulename).to_string();
            Makes::Rule { on, name }
        })),
        NodeEnum::RenameStmt(rename) => {
            let Some((from, of)) = relation(&rename.relation).zip(rename.relation.as_ref()) else {
                return Vec::new();
            };
            if rename.rename_type() == ObjectType::ObjectColumn {
                return vec![Makes::Columns(from)];
            }
            if !rename.subname.is_empty() {
                return Vec::new();
            }
            let to = sibling(of, "", &rename.newname);
            vec![Makes::Name { from, to }]
        }
        NodeEnum::AlterObjectSchemaStmt(alter) => {
            let Some((from, of)) = relation(&alter.relation).zip(alter.relation.as_ref()) else {
                return Vec::new();
            };
            let to = sibling(of, &alter.newschema, &of.relname);
            vec![Makes::Name { from, to }]
        }
        _ => Vec::new(),
    }
}

/// What ALTER TABLE makes.
fn altered(relation: Option<&RangeVar>, commands: &[pg_query::Node]) -> Vec<Makes> {
    let Some(table) = relation.and_then(|relation| relation_name(&ast::tree(relation))) else {
        return Vec::new();
    };
    let mut found = vec![Makes::Part(table.clone())];
    for command in commands.iter().filter_map(ast::kind) {
        let NodeEnum::AlterTableCmd(command) = command else {
            continue;
        };
        let definition = command.def.as_deref().and_then(ast::kind);
        match (command.subtype(), definition) {
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                found.extend(computes(column).then(|| Makes::Columns(table.clone())));
            }
            (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(attach))) => {
                let part = relation_name(&ast::tree(&attach.name));
                found.extend(part.map(|part| kin(&part, table.clone())));
            }
            (AlterTableType::AtAddInherit, Some(NodeEnum::RangeVar(whole))) => {
                found.extend(relation_name(&ast::tree(whole)).map(|whole| kin(&table, whole)));
            }
            _ => {}
        }
    }
    found
}

fn is_computed(element: &pg_query::Node) -> bool {
    matches!(ast::kind(element), Some(NodeEnum::ColumnDef(column)) if computes(column))
}

/// Whether the values of a column are computed of others.
fn computes(column: &ColumnDef) -> bool {
    let mut constraints = column.constraints.iter().filter_map(ast::kind);
    constraints.any(
        |it| matches!(it, NodeEnum::Constraint(it) if it.contype() == ConstrType::ConstrGenerated),
    )
}

fn kin(part: &str, whole: String) -> Makes {
    let part = part.to_owned();
    Makes::Kin { part, whole }
}

fn typed(name: &[&str]) -> Vec<Makes> {
    vec![Makes::Type(path(name))]
}

fn path(name: &[&str]) -> String {
    let path: Vec<Ident> = name.iter().map(Ident::new).collect();
    dotted(&path)
}

/// A relation of another name or schema.
fn sibling(of: &RangeVar, schema: &str, name: &str) -> String {
    let schema = if schema.is_empty() {
        of.schemaname.as_str()
    } else {
        schema
    };
    let path = [schema, name].map(Ident::new);
    dotted(&path)
}
