//! `forge validate`: whether the plans are sound.

use super::{Context, revisions, target::OpenTarget};
use crate::{
    diagnostic::{Exit, Result},
    history::{self, Journal, Revisions},
    settings::Settings,
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
    let settings = context.settings()?;
    let folder = revisions::files(&settings)?;
    let journal = if args.files || settings.target.is_none() {
        Journal::default()
    } else {
        let target = OpenTarget::open_to_read(context, &settings, "validate").await?;
        revisions::tell_target(context, &settings, &target.url);
        let journal = history::load(&target.session).await;
        target.close().await;
        journal?
    };
    let revisions = Revisions::ever(folder, journal)?;
    let found = history::validate(&revisions, context.signers(&settings))?;
    for diagnostic in &found {
        context.reporter.diagnostic(diagnostic);
    }
    if history::is_broken(&found) {
        return Ok(Exit::Refused);
    }
    tell_signers(context, &settings, &revisions)?;
    let plans = revisions::counted(revisions.folder.plans.len(), "plan");
    context.reporter.note(format_args!("{plans}, all sound"));
    Ok(Exit::Done)
}

/// Who has signed each approved plan, where that is required.
fn tell_signers(context: &Context<'_>, settings: &Settings, revisions: &Revisions) -> Result<()> {
    let Some(signers) = context.signers(settings) else {
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
