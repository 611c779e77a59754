//! A table as the catalog has it.

use serde::{Deserialize, Serialize};

use crate::{
    kinds::ObjectId,
    sql::{Expression, Ident},
};

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct Table {
    /// `UNLOGGED`.
    #[serde(default)]
    pub unlogged: bool,
    /// The access method; none for a partitioned table that leaves it to its partitions.
    pub access_method: Option<Ident>,
    /// Storage parameters as `name=value`, those of the TOAST table with the prefix `toast.`, in the order in which they were set.
    #[serde(default)]
    pub options: Vec<String>,
    /// The partition key of a partitioned table, as `pg_get_partkeydef` prints it.
    pub partition_key: Option<Expression>,
    /// The table that this one is a partition of.
    pub partition_of_ref: Option<ObjectId>,
    /// Whether `DETACH PARTITION CONCURRENTLY` was interrupted, or still runs.
    #[serde(default)]
    pub detaching: bool,
    /// The partition's bound: `FOR VALUES …` or `DEFAULT`.
    pub partition_bound: Option<String>,
    /// The tables that this one inherits from, in order.
    pub inherits_refs: Option<Vec<ObjectId>>,
    /// The composite type of a typed table.
    pub of_type: Option<String>,
    /// The tablespace, where it isn't the database's.
    pub tablespace: Option<Ident>,
    /// Whether row-level security is on.
    #[serde(default)]
    pub row_security: bool,
    /// Whether it holds for the owner too.
    #[serde(default)]
    pub force_row_security: bool,
    /// `NOTHING`, `FULL`, or `INDEX` where an index says that it is the one; none for the primary key.
    pub replica_identity: Option<String>,
}
