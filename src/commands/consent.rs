//! What the repository may not decide alone: which programs run.
//!
//! In CI, a pull request's `forge.toml` and files are a stranger's. Programs that lie in the repository run only where a flag
//! or a variable names them, and what forge keeps beside the files is refused where it came with them.

use camino::Utf8Path;

use super::{git, project::Project};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    settings::Origin,
};

/// Checks the folders from which a shadow server's programs and templates come.
pub(crate) fn to_shadow(project: &Project<'_>) -> Result<()> {
    to_programs(project)?;
    let cache = &project.settings.shadow.cache.value;
    if project.settings.project.files.holds(cache) {
        not_tracked(
            project,
            cache,
            "the cache",
            "name another folder with FORGE_CACHE_DIR, or take it out of git: `git rm -r --cached`",
        )?;
    }
    Ok(())
}

/// Checks the embedded server's folder, whose cluster has settings and functions that run.
pub(crate) fn to_cluster(project: &Project<'_>) -> Result<()> {
    let folder = project.settings.project.root.join(".forge");
    not_tracked(
        project,
        &folder,
        "the embedded server's folder",
        "take it out of git with `git rm -r --cached .forge`; forge makes a cluster of its own, which git ignores",
    )
}

fn to_programs(project: &Project<'_>) -> Result<()> {
    let Some(bin) = &project.settings.shadow.bin else {
        return Ok(());
    };
    let Origin::File { .. } = &bin.origin else {
        return Ok(());
    };
    let files = ["postgres", "initdb"].map(|name| bin.value.join(name));
    let mut places = files.iter().chain([&bin.value]);
    if !places.any(|place| project.settings.project.files.holds(place)) {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::Configuration,
        format!("the programs in `{}` belong to the repository", bin.value),
    )
    .note(format!(
        "{} names the folder, so whoever can change the repository could have any program run",
        bin.origin
    ))
    .help("name the folder from outside the repository, with `--shadow-bin` or FORGE_SHADOW_BIN"))
}

/// Checks that no file of a folder came with the repository.
fn not_tracked(project: &Project<'_>, folder: &Utf8Path, what: &str, help: &str) -> Result<()> {
    let Some(parent) = folder.ancestors().find(|folder| folder.is_dir()) else {
        return Ok(());
    };
    // Without git, or outside of a work tree, nothing came with one.
    let Some(tracked) = git::said(
        &project.environment,
        parent,
        // In a container the files often belong to another user than forge's, which git refuses unless told not to.
        &[
            "-c",
            "safe.directory=*",
            "-c",
            "core.fsmonitor=false",
            "ls-files",
            "--full-name",
            "--",
            folder.as_str(),
        ],
    ) else {
        return Ok(());
    };
    let first = tracked.lines().next().unwrap_or_default();
    Err(Diagnostic::error(
        Code::Configuration,
        format!("{what} belongs to the repository"),
    )
    .note(format!(
        "git tracks `{first}`, so whoever can change the repository could have any program run"
    ))
    .help(help))
}
