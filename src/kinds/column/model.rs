//! A column as the catalog has it.

use serde::{Deserialize, Serialize};

use crate::{
    kinds::ObjectId,
    sql::{Expression, Ident},
};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct Column {
    /// Its number in the table.
    pub position: i32,
    /// Its type with modifiers, as `format_type` prints it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What its domain is made of.
    pub base_type: Option<String>,
    /// Whether its type is an enum.
    #[serde(default)]
    pub is_enum: bool,
    /// Whether its values are rows: those of a composite type, or of a domain over one.
    #[serde(default)]
    pub is_row: bool,
    /// Its collation, where it isn't the type's.
    pub collation: Option<String>,
    /// `NOT NULL`.
    #[serde(default)]
    pub not_null: bool,
    /// The constraint behind `NOT NULL` (PostgreSQL 18).
    pub not_null_constraint: Option<NotNull>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…)`.
    pub generated: Option<Generated>,
    /// How values are stored, where it isn't the type's way.
    pub storage: Option<String>,
    /// How values are compressed, where it isn't the default.
    pub compression: Option<String>,
    /// The statistics target, where it is set.
    pub statistics: Option<i32>,
    /// `n_distinct` and the like as `name=value`, in the order in which they were set.
    #[serde(default)]
    pub options: Vec<String>,
    /// Whether the table itself declares it (inherited or not).
    #[serde(default)]
    pub local: bool,
    /// Whether it comes with the composite type of its table.
    #[serde(default)]
    pub typed: bool,
    /// Whether its table's rows go to partitions by it: PostgreSQL changes neither its type nor drops it.
    #[serde(default)]
    pub in_partition_key: bool,
    /// The parent table's column that it is inherited from.
    pub inherited_from_ref: Option<ObjectId>,
}

/// A generated column's expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression.
    pub expression: Expression,
    /// `STORED`; otherwise `VIRTUAL` (PostgreSQL 18).
    pub stored: bool,
}

/// `GENERATED … AS IDENTITY` with every option of its sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `ALWAYS`; otherwise `BY DEFAULT`.
    pub always: bool,
    /// The sequence: schema and name.
    pub sequence: [Ident; 2],
    /// The sequence's type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `START`.
    pub start: i64,
    /// `INCREMENT`.
    pub increment: i64,
    /// `MINVALUE`.
    pub minimum: i64,
    /// `MAXVALUE`.
    pub maximum: i64,
    /// `CACHE`.
    pub cache: i64,
    /// `CYCLE`.
    pub cycle: bool,
}

/// The constraint behind `NOT NULL`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotNull {
    /// Its name; none where it is inherited.
    pub name: Option<Ident>,
    /// Its name while it is inherited, which no statement changes, so that it decides nothing.
    #[serde(default, skip_serializing)]
    pub inherited_name: Option<Ident>,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// Whether the rows that were there before it were checked.
    pub valid: bool,
}

impl PartialEq for NotNull {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.no_inherit, self.valid) == (&other.name, other.no_inherit, other.valid)
    }
}
