//! What statements of a plan make that later ones may meet.

use pg_query::{NodeEnum, protobuf::RangeVar};

use super::{accesses::relation_name, ast, effects::tree, syntax};
use crate::sql::{Ident, dotted};

/// What a statement of a plan makes that later ones may meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Makes {
    /// A table, which nothing is said of.
    Table(String),
    /// A view, by the statement.
    View(String),
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
    /// Another name of a relation.
    Name {
        /// What it was.
        from: String,
        /// What it is called now.
        to: String,
    },
}

/// What a statement makes that later statements may meet.
pub fn makes(sql: &str) -> Option<Makes> {
    let parsed = syntax::parse(sql).ok()?;
    let relation = |relation: &Option<RangeVar>| relation_name(&tree(relation));
    let sibling = |of: &RangeVar, schema: &str, name: &str| {
        let schema = if schema.is_empty() {
            of.schemaname.as_str()
        } else {
            schema
        };
        let path = [schema, name].map(Ident::new);
        dotted(&path)
    };
    match ast::kind(parsed.stmts.first()?.stmt.as_deref()?)? {
        NodeEnum::CreateStmt(create) => relation(&create.relation).map(Makes::Table),
        NodeEnum::CreateTableAsStmt(create) => {
            relation(&create.into.as_ref()?.rel).map(Makes::Table)
        }
        NodeEnum::ViewStmt(view) => relation(&view.view).map(Makes::View),
        NodeEnum::CreateTrigStmt(trigger) => Some(Makes::Trigger {
            on: relation(&trigger.relation)?,
            name: Ident::new(&trigger.trigname).to_string(),
        }),
        NodeEnum::RuleStmt(rule) => Some(Makes::Rule {
            on: relation(&rule.relation)?,
            name: Ident::new(&rule.rulename).to_string(),
        }),
        NodeEnum::RenameStmt(rename) if rename.subname.is_empty() => {
            let of = rename.relation.as_ref()?;
            Some(Makes::Name {
                from: relation(&rename.relation)?,
                to: sibling(of, "", &rename.newname),
            })
        }
        NodeEnum::AlterObjectSchemaStmt(alter) => {
            let of = alter.relation.as_ref()?;
            Some(Makes::Name {
                from: relation(&alter.relation)?,
                to: sibling(of, &alter.newschema, &of.relname),
            })
        }
        _ => None,
    }
}
