//! What is known while one goes through the statements of plans.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    demand::Demand,
    domain::{self, Domain},
    sequence::Sequence,
    tables::{Name, TableId, Tables},
};
use crate::sql::Ident;

/// Goes through the statements of plans, and says which rows would make each of them fail.
#[derive(Debug, Clone)]
pub struct Foresight {
    pub(super) tables: Tables,
    /// Those of the relations that are sequences.
    pub(super) sequences: BTreeMap<TableId, Sequence>,
    /// The labels of enum types that earlier statements create, by name.
    pub(super) enums: BTreeMap<String, Vec<String>>,
    /// The names of the composite types that earlier statements create.
    pub(super) created: BTreeSet<String>,
    /// The domains by name.
    pub(super) domains: BTreeMap<String, Domain>,
    /// The types of columns whose values are rows.
    pub(super) row_types: BTreeSet<String>,
    /// The unique indexes that no constraint owns, by name.
    pub(super) indexes: BTreeMap<Name, Index>,
    /// What constraints of tables demand of each row that is written.
    pub(super) standing: BTreeMap<(TableId, String), Vec<Demand>>,
    /// The names that functions and types have now, by those that they will have.
    pub(super) renamed: BTreeMap<Name, Name>,
    /// The same of schemas.
    pub(super) schemas: BTreeMap<Ident, Ident>,
    /// What constraints of tables demand once they are validated.
    pub(super) waiting: BTreeMap<(TableId, String), Vec<Demand>>,
    /// The same of domains, by their names.
    pub(super) waiting_of_domains: BTreeMap<(String, String), domain::Rule>,
    /// The last statement that changed each table's values: again, it changes nothing.
    pub(super) filled: BTreeMap<TableId, String>,
}

/// A unique index.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Its columns, by the names of the demand's moment.
    pub(super) columns: Vec<Ident>,
    pub(super) demand: Demand,
}
