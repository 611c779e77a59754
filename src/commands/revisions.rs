//! What the commands about revisions have in common.

use std::collections::BTreeMap;

use super::project::Project;
use crate::{
    diagnostic::Result,
    history::{Filed, Folder},
};

/// The plans folder of the project, for commands that build on all plans.
///
/// # Errors
/// Also if a file in it is a plan, or may be one, and can't be read.
pub(crate) fn folder(project: &Project<'_>) -> Result<Folder> {
    let folder = files(project)?;
    folder.expect_whole()?;
    tell_strays(project, &folder);
    Ok(folder)
}

/// The plans folder of the project, for commands that go on without what can't be read, and say so.
pub(crate) fn readable_folder(project: &Project<'_>) -> Result<Folder> {
    let folder = files(project)?;
    tell_strays(project, &folder);
    Ok(folder)
}

/// The plans folder of the project, for what applies plans: it goes on without what is no plan, or is one that says where it
/// belongs.
pub(crate) fn placed_folder(project: &Project<'_>) -> Result<Folder> {
    let folder = files(project)?;
    folder.expect_placed()?;
    tell_strays(project, &folder);
    Ok(folder)
}

/// The plans folder of the project, for commands that tell by themselves what is wrong in it.
pub(crate) fn files(project: &Project<'_>) -> Result<Folder> {
    let own = project.settings.project()?;
    Folder::read(&own.files, &own.plans.value)
}

fn tell_strays(project: &Project<'_>, folder: &Folder) {
    for stray in &folder.strays {
        let warning = stray.problem.clone().into_warning();
        project.listener.diagnostic(&warning);
    }
}

/// Says which target a command works on.
pub(crate) fn tell_target(project: &Project<'_>, url: &str) {
    let environment = project.settings.environment.as_ref();
    let environment = environment.map_or(String::new(), |name| format!(" ({})", name.value));
    project
        .listener
        .note(format_args!("target: {url}{environment}"));
}

/// Counts as English does: `1 plan`, `2 plans`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The plans by the word that names them.
pub(crate) fn plans_named<'a>(
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
