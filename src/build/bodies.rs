//! Checks function bodies by their languages' own validators.

use std::borrow::Cow;

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::{
    broken::broken,
    limit::overdue,
    rejection,
    tree_session::{Ended, Errand, RESET, TreeSession},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, Severity},
    source::{self, Statement},
    sql::{self, Ident, Literal},
};

/// A function body that its language's validator rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyProblem {
    /// The function's schema.
    pub schema: String,
    /// The function's name.
    pub name: String,
    /// Its argument types, as `pg_get_function_identity_arguments` writes them.
    pub identity_arguments: String,
    /// The validator's words.
    pub message: String,
    /// Its hint.
    pub hint: Option<String>,
    /// The SQLSTATE.
    pub sqlstate: String,
    /// The character of the body at which the validator stopped, counted from one.
    pub position: Option<usize>,
    /// The line of the body, counted from one, where only that is known.
    pub line: Option<usize>,
    /// The body as the catalog stores it.
    pub body: String,
}

/// Runs the validator of each function of the database, and returns what they reject.
///
/// Names in a body are looked up as at run time: along the function's own `search_path`, else along that of the file
/// which defines it. pg_dump's empty one says nothing about run time; the function's schema and `public` stand in for it.
pub(super) async fn check_bodies(
    session: &TreeSession,
    statements: &[Statement],
) -> Result<Vec<BodyProblem>> {
    let rows = session
        .client()
        .query(include_str!("bodies.sql"), &[])
        .await
        .map_err(|error| broken(&error))?;
    let functions: Vec<Function> = rows
        .iter()
        .map(|row| {
            let (schema, name, body): (String, String, String) = (row.get("schema"), row.get("name"), row.get("body"));
            let path = row.get::<_, Option<String>>("search_path").unwrap_or_else(|| search_path(statements, &schema, &name, &body));
            let validator = sql::dotted(&[Ident::new(row.get::<_, String>("validator_schema")), Ident::new(row.get::<_, String>("validator"))]);
            let oid: u32 = row.get("oid");
            Function {
                settings: format!("SET check_function_bodies = on; SELECT pg_catalog.set_config('search_path', {}, false)", Literal(&path)),
                check: format!("SELECT {validator}({oid})"),
                identity_arguments: row.get("identity_arguments"),
                schema,
                name,
                body,
            }
        })
        .collect();
    let mut problems = Vec::new();
    let mut rest = functions.as_slice();
    while let Some((passed, error)) = first_rejection(session, rest).await? {
        // The function may be another role's, and kept from this one.
        if error.code() != &SqlState::INSUFFICIENT_PRIVILEGE {
            problems.push(problem(&rest[passed], &error));
        }
        rest = &rest[passed + 1..];
    }
    session.command(RESET).await?;
    Ok(problems)
}

struct Function {
    schema: String,
    name: String,
    identity_arguments: String,
    body: String,
    /// forge's commands that set its search path.
    settings: String,
    /// The call of its validator.
    check: String,
}

/// Checks functions until one is rejected: how many passed before it, and what the validator says.
async fn first_rejection(
    session: &TreeSession,
    functions: &[Function],
) -> Result<Option<(usize, Box<DbError>)>> {
    // As many are sent at once; where one is rejected, those behind it were checked in vain.
    const BATCH: usize = 50;
    for (round, functions) in functions.chunks(BATCH).enumerate() {
        let checks: Vec<Errand<'_>> = functions
            .iter()
            .map(|function| {
                Errand::under(
                    function.settings.clone(),
                    Cow::Borrowed(function.check.as_str()),
                )
            })
            .collect();
        match session.carry_out(&checks).await? {
            Ended::Well => {}
            Ended::Rejected { number, error } => {
                return Ok(Some((round * BATCH + number, error)));
            }
            Ended::Overdue { number } => {
                let Function { schema, name, .. } = &functions[number];
                let name = sql::dotted(&[Ident::new(schema), Ident::new(name)]);
                return Err(overdue(session.limit(), Code::Rejected)
                    .note(format!("while the body of `{name}` was checked")));
            }
        }
    }
    Ok(None)
}

fn problem(function: &Function, error: &DbError) -> BodyProblem {
    let position = match error.position() {
        Some(ErrorPosition::Internal { position, query }) if *query == function.body => {
            Some(*position as usize)
        }
        Some(ErrorPosition::Internal { .. } | ErrorPosition::Original(_)) | None => None,
    };
    // plpgsql tells the line in its context: `compilation of PL/pgSQL function "f" near line 3`.
    let line = error.where_().and_then(|context| {
        let (_, rest) = context.split_once(" line ")?;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    });
    BodyProblem {
        schema: function.schema.clone(),
        name: function.name.clone(),
        identity_arguments: function.identity_arguments.clone(),
        message: error.message().to_owned(),
        hint: error.hint().map(str::to_owned),
        sqlstate: error.code().code().to_owned(),
        position,
        line,
        body: function.body.clone(),
    }
}

/// The statement that defines a function with this body.
fn definition<'a>(
    statements: &'a [Statement],
    schema: &str,
    name: &str,
    body: &str,
) -> Option<&'a Statement> {
    statements.iter().rfind(|statement| {
        statement.body() == Some(body)
            && statement.subject().is_some_and(|symbol| {
                symbol.name.as_str() == name
                    && symbol
                        .schema
                        .as_ref()
                        .is_some_and(|of| of.as_str() == schema)
            })
    })
}

fn search_path(statements: &[Statement], schema: &str, name: &str, body: &str) -> String {
    match definition(statements, schema, name, body) {
        Some(statement) if !statement.session.search_path.is_empty() => {
            sql::join(&statement.session.search_path, ", ")
        }
        Some(_) | None => sql::join([Ident::from(schema), Ident::from("public")], ", "),
    }
}

impl BodyProblem {
    /// The problem with a caret in the file that defines the function: an error where the plan creates or changes the
    /// function, a warning where it stands as it was.
    pub fn diagnostic(&self, statements: &[Statement], severity: Severity) -> Diagnostic {
        let function = format!(
            "{}({})",
            sql::dotted(&[
                Ident::from(self.schema.as_str()),
                Ident::from(self.name.as_str())
            ]),
            self.identity_arguments
        );
        let message = format!(
            "the body of `{function}` is broken: {}",
            rejection::quotes_to_backticks(&self.message)
        );
        let mut diagnostic = match severity {
            Severity::Error => Diagnostic::error(Code::BrokenBody, message),
            Severity::Warning | Severity::Advice => Diagnostic::warning(Code::BrokenBody, message),
        };
        if let Some(statement) = definition(statements, &self.schema, &self.name, &self.body) {
            let at = self
                .position
                .and_then(|position| rejection::body_place(statement, &self.body, position))
                .or_else(|| statement.body_offset(line_start(&self.body, self.line?)));
            let span = match (at, self.position) {
                (Some(at), Some(_)) => source::name_at(&statement.file.text, at),
                (Some(at), None) => line_at(&statement.file.text, at),
                (None, _) => statement.head(),
            };
            diagnostic =
                diagnostic.at(&statement.file, span, "the language's validator stops here");
        }
        match &self.hint {
            Some(hint) => diagnostic.help(hint),
            None => diagnostic,
        }
    }
}

/// The byte at which a line of the body starts. plpgsql doesn't count a line end that opens the body.
fn line_start(body: &str, line: usize) -> usize {
    let opening = if body.starts_with("\r\n") {
        2
    } else {
        usize::from(body.starts_with('\n'))
    };
    opening
        + body[opening..]
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum::<usize>()
}

/// The text of the line from a byte on, without its indentation.
fn line_at(text: &str, at: usize) -> std::ops::Range<usize> {
    let line = text[at..].lines().next().unwrap_or("");
    let indent = line.len() - line.trim_start().len();
    at + indent..at + line.trim_end().len().max(indent)
}
