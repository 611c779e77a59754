//! Queries that look for rows: each within a time, and what their errors say of values.

use std::time::Duration;

use crate::{
    connection::session::Session,
    diagnostic::{Diagnostic, Result},
};

/// Counts the rows that a query finds, within a time.
pub(super) async fn count(session: &Session, query: &str, limit: Duration) -> Result<i64> {
    let rows = ask_within(session, query, limit).await?;
    Ok(rows.first().map_or(0, |row| row.get("found")))
}

/// Asks a query in a read-only transaction, within a time.
pub(super) async fn ask_within(
    session: &Session,
    query: &str,
    limit: Duration,
) -> Result<Vec<tokio_postgres::Row>> {
    let limit = format!("{}ms", limit.as_millis().max(1));
    let limit = [("statement_timeout", limit.as_str())];
    let answers = session.snapshot_under(&limit, &[query]).await?;
    Ok(answers.into_iter().next().unwrap_or_default())
}

/// The SQLSTATE that an error names.
pub(super) fn state(error: &Diagnostic) -> Option<&str> {
    let mut notes = error.notes().iter();
    notes.find_map(|note| note.strip_prefix("SQLSTATE "))
}

/// Whether an error is about a value: class 22, data exception, or 23 of a domain, integrity constraint violation.
pub(super) fn is_of_value(state: &str) -> bool {
    state.starts_with("22") || state.starts_with("23")
}
