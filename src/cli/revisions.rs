//! What the commands about revisions have in common.

use std::collections::BTreeMap;

use super::Context;
use crate::{
    diagnostic::Result,
    history::{Filed, Folder},
    settings::Settings,
};

/// The plans folder of the project, for commands that build on all plans.
///
/// # Errors
/// Also if a file in it is a plan, or may be one, and can't be read.
pub(super) fn folder(context: &Context<'_>, settings: &Settings) -> Result<Folder> {
    let folder = files(settings)?;
    folder.expect_whole()?;
    tell_strays(context, &folder);
    Ok(folder)
}

/// The plans folder of the project, for commands that go on without what can't be read, and say so.
pub(super) fn readable_folder(context: &Context<'_>, settings: &Settings) -> Result<Folder> {
    let folder = files(settings)?;
    tell_strays(context, &folder);
    Ok(folder)
}

/// The plans folder of the project, for what applies plans: it goes on without what is no plan, or is one that says where it
/// belongs.
pub(super) fn placed_folder(context: &Context<'_>, settings: &Settings) -> Result<Folder> {
    let folder = files(settings)?;
    folder.expect_placed()?;
    tell_strays(context, &folder);
    Ok(folder)
}

/// The plans folder of the project, for commands that tell by themselves what is wrong in it.
pub(super) fn files(settings: &Settings) -> Result<Folder> {
    let project = settings.project()?;
    Folder::read(&project.files, &project.plans.value)
}

fn tell_strays(context: &Context<'_>, folder: &Folder) {
    for stray in &folder.strays {
        let warning = stray.problem.clone().into_warning();
        context.reporter.diagnostic(&warning);
    }
}

/// Says which target a command works on.
pub(super) fn tell_target(context: &Context<'_>, settings: &Settings, url: &str) {
    let environment = settings.environment.as_ref();
    let environment = environment.map_or(String::new(), |name| format!(" ({})", name.value));
    context
        .reporter
        .note(format_args!("target: {url}{environment}"));
}

/// Counts as English does: `1 plan`, `2 plans`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The plans by the word that names them.
pub(super) fn plans_named<'a>(
    folder: &'a Folder,
    words: &[String],
) -> Result<BTreeMap<&'a str, &'a Filed>> {
    let mut chosen = BTreeMap::new();
    for word in words {
        let filed = folder.named(word)?;
        chosen.insert(filed.revision(), filed);
    }
    Ok(chosen)
}
