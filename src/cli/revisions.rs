//! What the commands about revisions have in common.

use std::collections::BTreeMap;

use super::Context;
use crate::{
    diagnostic::Result,
    history::{Filed, Folder},
    settings::Settings,
};

/// The plans folder of the project.
pub(super) fn folder(settings: &Settings) -> Result<Folder> {
    let project = settings.project()?;
    Folder::read(&project.files, &project.plans.value)
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
