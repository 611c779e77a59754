//! What constraints and unique indexes demand of rows.

use std::collections::BTreeSet;

use super::tables::{ColumnId, Names, Reach, Relation, TableId, is_named};
use crate::sql::{Ident, join};

/// A demand on the rows of a table, written with the names of one moment.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    pub(super) table: TableId,
    pub(super) names: Names,
    /// Whether it is made of the rows of heirs, too.
    pub(super) reach: Reach,
    pub(super) rule: Rule,
}

#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// No NULL in these columns; the server's words for one.
    NotNull(Vec<Ident>, &'static str),
    /// No row twice.
    Unique {
        parts: Vec<String>,
        columns: Vec<Ident>,
        rows: Option<String>,
        also_nulls: bool,
    },
    Check(String),
    Foreign(Foreign),
    /// No two rows for which all of these operators are true.
    Exclusion {
        parts: Vec<Excluding>,
        rows: Option<String>,
    },
    /// No NULL in the columns of an index that isn't known.
    OfIndex(Ident),
}

/// A part of an exclusion constraint.
#[derive(Debug, Clone)]
pub(super) struct Excluding {
    pub(super) sql: String,
    /// The column, where it is one.
    pub(super) column: Option<Ident>,
    pub(super) operator: String,
}

#[derive(Debug, Clone)]
pub(super) struct Foreign {
    pub(super) own: Vec<Ident>,
    pub(super) table: TableId,
    pub(super) names: Names,
    pub(super) theirs: Vec<Ident>,
    /// Whether some columns may be NULL while others aren't.
    pub(super) takes_halves: bool,
    /// Whether what refers to a row changes with it.
    pub(super) cascades: bool,
}

impl Foreign {
    /// Whether it refers to one of these columns of these tables.
    pub(super) fn refers_to(&self, tables: &[TableId], columns: &BTreeSet<ColumnId>) -> bool {
        let mut names = self.names.iter();
        tables.contains(&self.table)
            && names.any(|(id, name)| columns.contains(id) && self.theirs.contains(name))
    }
}

impl Demand {
    /// Whether it is about one of these columns.
    pub(super) fn is_of(&self, columns: &BTreeSet<ColumnId>) -> bool {
        let text = match &self.rule {
            Rule::NotNull(columns, _) => join(columns, " "),
            Rule::Unique { parts, rows, .. } => join(parts.iter().chain(rows), " "),
            Rule::Check(rule) => rule.clone(),
            Rule::Foreign(foreign) => join(&foreign.own, " "),
            Rule::Exclusion { parts, rows } => {
                join(parts.iter().map(|part| &part.sql).chain(rows), " ")
            }
            Rule::OfIndex(_) => return false,
        };
        let mut names = self.names.iter();
        names.any(|(id, name)| columns.contains(id) && is_named(&name.to_string(), &text))
    }

    /// The foreign key, if it is one.
    pub(super) fn foreign(&self) -> Option<&Foreign> {
        match &self.rule {
            Rule::Foreign(foreign) => Some(foreign),
            Rule::NotNull(..)
            | Rule::Unique { .. }
            | Rule::Check(_)
            | Rule::Exclusion { .. }
            | Rule::OfIndex(_) => None,
        }
    }

    /// The name that a column of it has now.
    pub(super) fn now(&self, column: &Ident, relation: &Relation) -> Option<Ident> {
        let (id, _) = self.names.iter().find(|(_, name)| *name == column)?;
        relation.names().get(id).cloned()
    }
}
