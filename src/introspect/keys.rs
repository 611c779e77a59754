//! The keys of a table, by which its rows can be gone through in order.

use crate::{
    connection::{failure::server_error, session::Session},
    diagnostic::{Code, Diagnostic, Result},
    sql::{Ident, join},
};

/// A key with the types of its columns, as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKey {
    /// The columns, in the order of the index.
    pub columns: Vec<Ident>,
    /// Their types.
    pub types: Vec<String>,
}

impl Session {
    /// The key of a table with these columns. `rows_of` is what is read, the table or `ONLY` the table.
    ///
    /// # Errors
    /// [`Code::NoKey`] with the keys that there are.
    pub async fn key(&self, relation: &str, rows_of: &str, columns: &[Ident]) -> Result<TableKey> {
        let rows = self
            .client()
            .query(include_str!("keys.sql"), &[&relation])
            .await
            .map_err(|error| server_error(&error))?;
        let mut known = Vec::new();
        for row in &rows {
            let names: Vec<String> = row.get("columns");
            let key = TableKey {
                columns: names.into_iter().map(Ident::new).collect(),
                types: row.get("types"),
            };
            if key.columns != columns {
                known.push(format!("({})", join(&key.columns, ", ")));
            } else if row.get("own_rows_only") && relation == rows_of {
                return Err(Diagnostic::error(
                    Code::NoKey,
                    format!("the key of `{relation}` isn't one of the tables that inherit from it"),
                )
                .help(format!(
                    "write `ONLY {relation}` in the statement, and a step for each table that inherits"
                )));
            } else {
                return Ok(key);
            }
        }
        let diagnostic = Diagnostic::error(
            Code::NoKey,
            format!("`{relation}` has no key ({})", join(columns, ", ")),
        )
        .note("a key is a primary key or a unique index over columns that are never null");
        Err(if known.is_empty() {
            diagnostic.help(
                "add a key first, or take `-- forge:batch` away: then the statement is carried out as a whole",
            )
        } else {
            diagnostic
                .note(format!("its keys: {}", known.join(", ")))
                .help("name one of them after `key=`, in a plan that isn't approved yet")
        })
    }
}
