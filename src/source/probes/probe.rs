//! Rows in a statement's way, and the query that finds them.

use super::tables::{Reach, Relation, Value, is_named};
use crate::sql::Ident;

/// As many rows are counted: more don't say more.
pub const ENOUGH: u32 = 1000;

/// As many rows are shown by the query that finds them.
pub const SHOWN: u32 = 10;

/// The rows in a statement's way.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What would be in the way: `NULL in app.users (email)`.
    pub what: String,
    /// The SQLSTATE with which the server rejects such a row.
    pub state: &'static str,
    /// Why the rows can't be looked at before the plan runs, if they can't.
    pub unknown: Option<&'static str>,
    /// Why there may be such rows when the statement runs even if there are none now.
    pub more: Option<&'static str>,
    /// The table from which the rows come, as the database has it now, and the columns of its primary key.
    pub table: String,
    /// The columns of that table's primary key.
    pub key: Vec<Ident>,
    /// What is selected of the rows, and which rows they are: `FROM app.users WHERE email IS NULL`.
    pub(super) selected: String,
    pub(super) relation: Relation,
    pub(super) reach: Reach,
    pub(super) alias: Ident,
    pub(super) rest: String,
    /// An expression whose evaluation fails for the rows in the way: no condition finds them.
    pub(super) evaluated: Option<String>,
    /// The condition that finds them nevertheless, on servers that have a function for it.
    pub(super) sifted: Option<String>,
    /// Whether the table has no rows: the plan creates it.
    pub(super) is_about_none: bool,
}

impl Probe {
    /// The query that counts the rows: one row with the column `found`. Where the rows make an expression fail, it fails.
    /// `limit` is a condition on the rows of the table as it is now.
    pub fn count(&self, limit: Option<&str>) -> String {
        let rows = self.rows(limit);
        match &self.evaluated {
            Some(expression) => format!(
                "SELECT count(value) * 0 AS found FROM (SELECT {expression} AS value {rows}) AS rows"
            ),
            None => format!("SELECT count(*) AS found FROM (SELECT {rows} LIMIT {ENOUGH}) AS rows"),
        }
    }

    /// The query with which a person finds the rows.
    pub fn find(&self) -> String {
        let (selected, rows) = (&self.selected, self.rows(None));
        if self.evaluated.is_some() {
            format!("SELECT {selected} {rows}")
        } else {
            format!("SELECT {selected} {rows} LIMIT {SHOWN}")
        }
    }

    /// The same rows by a condition in place of an expression that fails, for a server that has `pg_input_is_valid`
    /// (PostgreSQL 16).
    pub fn sifted(&self) -> Option<Self> {
        let sifted = self.sifted.as_ref()?;
        let joined = if self.rest.is_empty() {
            " WHERE"
        } else {
            " AND"
        };
        Some(Self {
            evaluated: None,
            sifted: None,
            selected: "*".to_owned(),
            rest: format!("{}{joined} {sifted}", self.rest),
            ..self.clone()
        })
    }

    /// Whether it is about values that earlier statements compute.
    pub fn is_of_computed(&self) -> bool {
        self.relation.computes()
    }

    pub(super) fn rows(&self, limit: Option<&str>) -> String {
        let from = self.relation.sql(&self.alias, self.reach, limit);
        format!("FROM {from}{}", self.rest)
    }

    /// The probe without what its query doesn't need.
    pub(super) fn reduced(mut self) -> Self {
        // All columns, which `*` stands for, are those that there are.
        let selected = if self.selected == "*" {
            ""
        } else {
            &self.selected
        };
        let text = format!("{selected} {}", self.rest);
        self.relation = self.relation.for_text(&self.alias, &text);
        self
    }

    /// Turns it into one that evaluates an expression.
    pub(super) fn evaluating(self, expression: String) -> Self {
        Self {
            evaluated: Some(expression.clone()),
            selected: expression,
            ..self
        }
    }
}

/// Why a query's rows can't be told beforehand: it names a column whose values can't.
pub(super) fn unknown_value(relation: &Relation, text: &str) -> Option<&'static str> {
    relation
        .columns
        .iter()
        .find_map(|column| match column.value {
            Value::Unknown(why) if is_named(&column.name.to_string(), text) => Some(why),
            Value::Unknown(_) | Value::Of(_) | Value::Computed(_) => None,
        })
}

/// SQLSTATEs of rows in the way (PostgreSQL docs: Appendix A).
pub(super) mod state {
    /// `data_exception`: the class, where only the server knows which one it is.
    pub(in super::super) const DATA: &str = "22000";
    pub(in super::super) const TOO_LONG: &str = "22001";
    pub(in super::super) const OUT_OF_RANGE: &str = "22003";
    pub(in super::super) const NO_SUCH_LABEL: &str = "22P02";
    /// `invalid_parameter_value`.
    pub(in super::super) const PARAMETER: &str = "22023";
    pub(in super::super) const NULL: &str = "23502";
    pub(in super::super) const ORPHAN: &str = "23503";
    pub(in super::super) const DUPLICATE: &str = "23505";
    pub(in super::super) const EXCLUDED: &str = "23P01";
    pub(in super::super) const CHECK: &str = "23514";
}
