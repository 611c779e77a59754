//! Looks for drift, and does something about it.

use super::{
    super::{
        around, person,
        project::Project,
        revisions::{self, counted},
        target::OpenTarget,
    },
    adopt::{self, Adopted},
    found::Found,
    look::look,
    report::{Looked, Report},
    revert::{self, Reverted},
};
use crate::{
    diagnostic::Result,
    hooks::{Message, Outcome},
};

/// What came of a command that does something about drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended<T> {
    /// No object was changed, so there is nothing to do.
    Nothing(Report),
    /// Something was done.
    Done(T),
}

/// Says what somebody changed in the database since the last plan was applied, and posts it to the environment's webhook.
/// Changes nothing.
///
/// # Errors
/// [`Code::Partial`](crate::diagnostic::Code::Partial) while a plan is half done: its own changes can't be told from others'.
pub async fn drift(project: &Project<'_>) -> Result<Report> {
    let target = open(project).await?;
    let looked = look(project, &target).await;
    let report = match looked {
        Ok(Looked { report, .. }) => {
            tell(project, &target.url, &report).await;
            Ok(report)
        }
        Err(error) => Err(error),
    };
    target.close().await;
    report
}

/// Makes the SQL that takes the drift back, for review. Runs nothing.
pub async fn revert_drift(project: &Project<'_>) -> Result<Mended<Reverted>> {
    mend(project, async |_, found| revert::run(project, &found)).await
}

/// Edits the schema tree so that it declares what the database is.
pub async fn adopt_drift(project: &Project<'_>) -> Result<Mended<Adopted>> {
    project.settings.project()?;
    mend(project, async |target, found| {
        Box::pin(adopt::run(project, target, found)).await
    })
    .await
}

async fn mend<T>(
    project: &Project<'_>,
    work: impl AsyncFnOnce(&OpenTarget<'_>, Found) -> Result<T>,
) -> Result<Mended<T>> {
    let target = open(project).await?;
    let mended = match look(project, &target).await {
        Ok(Looked { report, found }) => {
            if let Some(found) = found.filter(|_| report.changed() > 0) {
                work(&target, found).await.map(Mended::Done)
            } else {
                tell(project, &target.url, &report).await;
                Ok(Mended::Nothing(report))
            }
        }
        Err(error) => Err(error),
    };
    target.close().await;
    mended
}

async fn open<'a>(project: &Project<'a>) -> Result<OpenTarget<'a>> {
    let target = OpenTarget::open_to_read(project, "drift").await?;
    revisions::tell_target(project, &target.url);
    Ok(target)
}

async fn tell(project: &Project<'_>, url: &str, report: &Report) {
    if !report.drift {
        return;
    }
    let revisions: Vec<String> = report.revision.iter().cloned().collect();
    let message = Message {
        text: match &report.differs {
            Some(revision) if report.changed() == 0 => {
                format!("revision {revision} has left something else than it promised")
            }
            _ => format!("{} changed by hand", counted(report.changed(), "object")),
        },
        event: "drift",
        outcome: Outcome::Drift,
        environment: None,
        target: url,
        revisions: &revisions,
        backup: None,
        error: None,
        by: None,
        at: person::now(),
    };
    around::tell(project, message).await;
}
