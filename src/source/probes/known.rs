//! What the database holds, as far as rows can be in a statement's way.

use crate::sql::Ident;

/// What the database holds before the statements.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its tables.
    pub tables: Vec<KnownTable>,
    /// Its sequences.
    pub sequences: Vec<KnownSequence>,
    /// Its domains.
    pub domains: Vec<KnownDomain>,
    /// The statements that add their CHECK constraints.
    pub domain_checks: Vec<String>,
    /// The statements that create its unique indexes.
    pub unique_indexes: Vec<String>,
    /// The statements that add the constraints to which all rows keep.
    pub validated: Vec<String>,
    /// The statements that add the constraints which have not been validated.
    pub unvalidated: Vec<String>,
}

/// A domain of the database.
#[derive(Debug, Clone)]
pub struct KnownDomain {
    /// Its name as SQL.
    pub name: String,
    /// The type that it restricts, as PostgreSQL prints it.
    pub type_name: String,
    /// Whether its values are rows.
    pub is_row: bool,
    /// Its default.
    pub default: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
}

/// A table of the database.
#[derive(Debug, Clone)]
pub struct KnownTable {
    /// The schema.
    pub schema: Ident,
    /// The name.
    pub name: Ident,
    /// The columns in their order.
    pub columns: Vec<KnownColumn>,
    /// The columns of the primary key.
    pub key: Vec<Ident>,
    /// How rows are told apart, if it is partitioned: `RANGE (at)`.
    pub partition_key: Option<String>,
    /// What it is a partition of, or inherits from: schema and name.
    pub parents: Vec<(Ident, Ident)>,
    /// Which rows it holds as a partition: `FOR VALUES IN (1)`.
    pub partition_bound: Option<String>,
    /// Whether it has triggers.
    pub has_triggers: bool,
}

/// A sequence of the database.
#[derive(Debug, Clone)]
pub struct KnownSequence {
    /// The schema.
    pub schema: Ident,
    /// The name.
    pub name: Ident,
    /// The type: `bigint`.
    pub type_name: String,
    /// By how much it moves on.
    pub increment: i64,
    /// Its least and its largest value.
    pub limits: (i64, i64),
    /// The column that it goes with: schema, table and name.
    pub owner: Option<(Ident, Ident, Ident)>,
    /// Whether that column is an identity.
    pub is_identity: bool,
}

/// A column of a table of the database.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct KnownColumn {
    /// The name.
    pub name: Ident,
    /// The type, as PostgreSQL prints it.
    pub type_name: String,
    /// Whether the values are rows.
    pub is_row: bool,
    /// Whether the type is a domain.
    pub is_domain: bool,
    /// Whether it is computed from other columns.
    pub is_generated: bool,
    /// `NOT NULL`.
    pub not_null: bool,
}
