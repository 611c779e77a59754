//! Whether the plans are sound.

use serde::Serialize;

use super::{project::Project, revisions, target::OpenTarget};
use crate::{
    diagnostic::Result,
    history::{self, Journal, Revisions},
};

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the database is left alone, if one is named.
    pub files_alone: bool,
}

/// Whether the plans are sound. What was found is told meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing of them was edited or lost.
    pub sound: bool,
    /// How many there are.
    pub plans: usize,
}

/// Checks that no plan was edited or lost, and that they lead on from each other; with a database, that they are the plans that
/// were applied there, too. Changes nothing.
pub async fn validate(project: &Project<'_>, options: Options) -> Result<Report> {
    let folder = revisions::files(project)?;
    let journal = if options.files_alone || project.settings.target.is_none() {
        Journal::default()
    } else {
        let target = OpenTarget::open_to_read(project, "validate").await?;
        revisions::tell_target(project, &target.url);
        let journal = history::load(&target.session).await;
        target.close().await;
        journal?
    };
    let revisions = Revisions::ever(folder, journal)?;
    let found = history::validate(&revisions, project.signers())?;
    for diagnostic in &found {
        project.listener.diagnostic(diagnostic);
    }
    let sound = !history::is_broken(&found);
    if sound {
        tell_signers(project, &revisions)?;
    }
    Ok(Report {
        sound,
        plans: revisions.folder.plans.len(),
    })
}

/// Who has signed each approved plan, where that is required.
fn tell_signers(project: &Project<'_>, revisions: &Revisions) -> Result<()> {
    let Some(signers) = project.signers() else {
        return Ok(());
    };
    for filed in revisions.folder.plans.values() {
        if filed.plan.header.approval.is_some() {
            let signer = signers.signer(filed)?;
            let path = &filed.path;
            project
                .listener
                .note(format_args!("`{path}` is signed by {signer}"));
        }
    }
    Ok(())
}
