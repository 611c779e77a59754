//! Runs a plan that nobody reviews, on a database whose rows nobody needs.

use super::work::Work;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    kinds::ObjectId,
    listener::Status,
    plan::{Plan, file::SETTINGS},
};

/// Runs the steps, and records nothing. The caller holds the lock.
///
/// # Errors
/// [`Code::StepFailed`] with the step and the server's words; what stood in its transaction doesn't stand.
pub async fn sync(work: &Work<'_>, plan: &Plan) -> Result<()> {
    work.session.run(&SETTINGS.join(";")).await?;
    for batch in &plan.batches {
        let statements: Vec<(&ObjectId, &str)> = batch
            .steps
            .iter()
            .flat_map(|step| step.sql.iter().map(|sql| (&step.object, sql.as_str())))
            .collect();
        let texts: Vec<&str> = statements.iter().map(|(_, sql)| *sql).collect();
        let ran = work.session.run_all(&texts, batch.transactional).await;
        ran.map_err(|rejection| {
            let (object, sql) = statements[rejection.number];
            let error = rejection.diagnostic;
            let diagnostic = Diagnostic::error(
                Code::StepFailed,
                format!("`{object}` can't be brought to what the schema tree declares"),
            )
            .note(format!("the server says: {}", error.message()));
            error
                .notes()
                .iter()
                .fold(diagnostic, |diagnostic, note| diagnostic.note(note.clone()))
                .note(format!("in the statement: {sql}"))
                .help("`forge reset --dev` begins anew")
        })?;
        for step in &batch.steps {
            work.listener.status(
                Status::Applied,
                format_args!("{} {}", step.action, step.object),
            );
        }
    }
    Ok(())
}
