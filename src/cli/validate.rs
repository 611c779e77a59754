//! `forge validate`: whether the plans are sound.

use super::Context;
use crate::{
    commands::{Project, revisions, target::OpenTarget},
    diagnostic::{Exit, Result},
    history::{self, Journal, Revisions},
};

/// Check the plans: that none was edited or lost, and that they lead on from each other
///
/// With a database, that they are the plans that were applied there, too. Changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at the files alone
    #[arg(long)]
    files: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::files(&project)?;
    let journal = if args.files || project.settings.target.is_none() {
        Journal::default()
    } else {
        let target = OpenTarget::open_to_read(&project, "validate").await?;
        revisions::tell_target(&project, &target.url);
        let journal = history::load(&target.session).await;
        target.close().await;
        journal?
    };
    let revisions = Revisions::ever(folder, journal)?;
    let found = history::validate(&revisions, project.signers())?;
    for diagnostic in &found {
        context.reporter.diagnostic(diagnostic);
    }
    if history::is_broken(&found) {
        return Ok(Exit::Refused);
    }
    tell_signers(context, &project, &revisions)?;
    let plans = revisions::counted(revisions.folder.plans.len(), "plan");
    context.reporter.note(format_args!("{plans}, all sound"));
    Ok(Exit::Done)
}

/// Who has signed each approved plan, where that is required.
fn tell_signers(context: &Context<'_>, project: &Project<'_>, revisions: &Revisions) -> Result<()> {
    let Some(signers) = project.signers() else {
        return Ok(());
    };
    for filed in revisions.folder.plans.values() {
        if filed.plan.header.approval.is_some() {
            let signer = signers.signer(filed)?;
            let path = &filed.path;
            context
                .reporter
                .note(format_args!("`{path}` is signed by {signer}"));
        }
    }
    Ok(())
}
