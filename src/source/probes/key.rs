//! Partition keys.

use pg_query::protobuf::PartitionStrategy;

use crate::sql::Ident;

/// By what the rows of a partitioned table are told apart, written with the names of one moment.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) strategy: PartitionStrategy,
    pub(super) parts: Vec<KeyPart>,
}

/// A column or an expression of a partition key.
#[derive(Debug, Clone)]
pub(super) struct KeyPart {
    pub(super) sql: String,
    /// The column, where it is one.
    pub(super) column: Option<Ident>,
    /// Whether values are compared as `=` and `<` of its type do.
    pub(super) is_usual: bool,
}
