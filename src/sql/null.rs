//! How SQL asks whether a value is NULL.

use std::fmt::Display;

/// A test for NULL that is what `NOT NULL` means.
///
/// `IS NULL` asks a row about its fields: `ROW(NULL)` is such a NULL, and `ROW(1, NULL)` is neither `NULL` nor `NOT NULL`.
/// A column that is `NOT NULL` takes both. The server stores `IS [NOT] DISTINCT FROM NULL` as a test of the value itself, by
/// which `SET NOT NULL` knows that it needn't look at the rows. (PostgreSQL docs: 9.2 Comparison Functions and Operators;
/// measured on 15.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NullTest {
    /// Of a value without fields.
    #[default]
    Plain,
    /// Of a value that may be a row.
    Row,
}

impl NullTest {
    /// The test for values of which it is known whether they are rows.
    pub fn of_rows(are_rows: bool) -> Self {
        if are_rows { Self::Row } else { Self::Plain }
    }

    /// The condition that the value is NULL.
    pub fn is_null(self, value: impl Display) -> String {
        match self {
            Self::Plain => format!("{value} IS NULL"),
            Self::Row => format!("{value} IS NOT DISTINCT FROM NULL"),
        }
    }

    /// The condition that the value isn't NULL.
    pub fn is_not_null(self, value: impl Display) -> String {
        match self {
            Self::Plain => format!("{value} IS NOT NULL"),
            Self::Row => format!("{value} IS DISTINCT FROM NULL"),
        }
    }
}
