//! Roles that plans name: a step that names one which the server does not have fails.

use std::collections::BTreeSet;

use crate::{
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    history::{Filed, Journal},
    kinds::Rollout,
    source::needed_roles,
    sql::Ident,
};

/// A role that the server does not have, with what makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRole(Ident);

impl MissingRole {
    /// What a person is told.
    pub fn words(&self) -> String {
        format!(
            "role `{}` does not exist: CREATE ROLE {}",
            self.0.as_str(),
            self.0
        )
    }
}

/// The roles that statements name, which are run in this order, and that the server does not have.
pub async fn missing_roles<'a>(
    session: &Session,
    statements: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<MissingRole>> {
    let (mut named, mut made) = (BTreeSet::new(), BTreeSet::new());
    for sql in statements {
        let roles = needed_roles(sql);
        named.extend(roles.named.difference(&made).cloned());
        made.extend(roles.made);
    }
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let list = serde_json::to_string(&named).expect("names are JSON");
    let settings = [("forge.named_roles", list.as_str())];
    let answers = session
        .snapshot_under(&settings, &[include_str!("sql/missing_roles.sql")])
        .await?;
    let rows = answers.into_iter().flatten();
    Ok(rows
        .map(|row| MissingRole(Ident::new(row.get::<_, String>("role"))))
        .collect())
}

/// The statements of the steps that are left of plans that run in this order, up to a part of them.
pub fn statements_left<'a>(
    journal: &Journal,
    plans: impl IntoIterator<Item = &'a Filed>,
    last: Option<Rollout>,
) -> impl Iterator<Item = &'a String> {
    plans.into_iter().flat_map(move |filed| {
        let done = journal.done(filed.revision());
        let steps = (1..).zip(filed.plan.plan.steps());
        let left = steps.filter(move |(number, step)| {
            !done.contains(number) && last.is_none_or(|last| step.rollout <= last)
        });
        left.flat_map(|(_, step)| &step.sql)
    })
}

/// Refuses to run steps that name roles which the server does not have.
///
/// # Errors
/// [`Code::TargetChanged`], or [`Code::Partial`] where some steps stand, with what makes each role.
pub async fn check_roles<'a>(
    session: &Session,
    statements: impl IntoIterator<Item = &'a String>,
    is_begun: bool,
) -> Result<()> {
    let missing = missing_roles(session, statements).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let code = if is_begun {
        Code::Partial
    } else {
        Code::TargetChanged
    };
    let error = Diagnostic::error(
        code,
        "steps name roles that the server does not have, so none of them was run",
    );
    Err(missing
        .iter()
        .fold(error, |error, role| error.note(role.words()))
        .help("create the roles, as they are to be, then run the command again"))
}
