//! Rows that programs of the tree have written: they aren't schema.

use tokio_postgres::Client;

use super::broken::broken;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    source::Statement,
    sql::{self, Ident},
};

/// Checks that no table has rows after the statements, some of which are programs, were loaded.
pub(super) async fn check_empty(client: &Client, statements: &[&Statement]) -> Result<()> {
    let filled = filled(client).await?;
    if filled.is_empty() {
        return Ok(());
    }
    let programs: Vec<&Statement> = statements
        .iter()
        .copied()
        .filter(|statement| statement.is_program())
        .collect();
    let names: Vec<String> = filled
        .iter()
        .map(|table| format!("`{}`", sql::dotted(table)))
        .collect();
    let error = Diagnostic::error(
        Code::NotSchema,
        format!("loading the schema tree has written rows into {}", names.join(", ")),
    )
    .note("rows aren't schema: a schema tree declares what the database looks like; it is never run against the database itself")
    .help("write rows in a step of a plan (`forge plan`, then edit the draft), or let the application do it");
    let mentions = |statement: &Statement| {
        let mut names = statement.needs.iter().chain(statement.body_needs());
        names.any(|need| filled.iter().any(|[_, table]| need.name == *table))
    };
    let suspects: Vec<&Statement> = match programs.as_slice() {
        [only] => vec![only],
        several => several
            .iter()
            .copied()
            .filter(|statement| mentions(statement))
            .collect(),
    };
    let error = suspects.iter().fold(error, |error, statement| {
        error.at(
            &statement.file,
            statement.head(),
            "this may be what writes them",
        )
    });
    Err(if suspects.is_empty() {
        error.note(format!(
            "one of the {} DO blocks and calls of the tree writes them",
            programs.len()
        ))
    } else {
        error
    })
}

/// The tables that have rows, with their schemas.
async fn filled(client: &Client) -> Result<Vec<[Ident; 2]>> {
    let candidates = client
        .query(include_str!("rows.sql"), &[])
        .await
        .map_err(|error| broken(&error))?;
    let mut filled = Vec::new();
    for row in candidates {
        let table = ["schema", "name"].map(|part| Ident::new(row.get::<_, String>(part)));
        let query = format!(
            "SELECT EXISTS (SELECT FROM ONLY {}) AS filled",
            sql::dotted(&table)
        );
        let answer = client
            .query_one(&query, &[])
            .await
            .map_err(|error| broken(&error))?;
        if answer.get("filled") {
            filled.push(table);
        }
    }
    Ok(filled)
}
