//! What git says of the project's repository.

use std::process::{Command, Stdio};

use camino::Utf8Path;

use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
};

/// Runs git in a folder, and returns what it prints.
///
/// # Errors
/// [`Code::Usage`] with git's own words if there is no git, or if it fails.
pub(crate) fn git(
    variables: &Environment,
    folder: &Utf8Path,
    arguments: &[&str],
) -> Result<String> {
    let failed = |why: String| {
        Diagnostic::error(Code::Usage, format!("`git {}` failed", arguments[0])).note(why)
    };
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(failed(why));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".to_owned()))
}

/// The one thing that git says, if there is a git and it says something.
pub(crate) fn said(
    variables: &Environment,
    folder: &Utf8Path,
    arguments: &[&str],
) -> Option<String> {
    let said = git(variables, folder, arguments).ok()?.trim().to_owned();
    (!said.is_empty()).then_some(said)
}
