//! Who runs forge, where and when: what the library is told and doesn't look up.

use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::{git, project::Project};
use crate::{
    connection::session::Session,
    diagnostic::Result,
    history::{self, Actor},
};

/// The time.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where a command reads the clock"
)]
pub(crate) fn clock() -> Timestamp {
    Timestamp::now()
}

/// The time, RFC 3339 in UTC to the second.
pub(crate) fn now() -> String {
    rfc3339(clock())
}

/// A time, RFC 3339 in UTC to the second.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The person, as git knows them, or else the account.
pub(crate) fn name(project: &Project<'_>) -> String {
    let git = |key| said(project, &["config", key]);
    match (git("user.name"), git("user.email")) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format!("{}@{}", account(project), host(project)),
    }
}

/// Who works on the target.
pub(crate) async fn actor(project: &Project<'_>, session: &Session) -> Result<Actor> {
    Ok(Actor {
        run: history::new_run(session).await?,
        os_user: account(project),
        host: host(project),
        git_commit: said(project, &["rev-parse", "HEAD"]),
        ci_run: ci_run(project),
    })
}

/// What git says in the project's folder.
fn said(project: &Project<'_>, arguments: &[&str]) -> Option<String> {
    git::said(
        &project.environment,
        &project.settings.project.root,
        arguments,
    )
}

/// The page of the CI run in whose job forge runs, as GitHub, GitLab, Jenkins and their like say.
fn ci_run(project: &Project<'_>) -> Option<String> {
    let variable = |name: &str| project.environment.get(name).map(ToOwned::to_owned);
    let of_github = || {
        let (server, repository) = (
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
        );
        Some(format!(
            "{server}/{repository}/actions/runs/{}",
            variable("GITHUB_RUN_ID")?
        ))
    };
    of_github()
        .or_else(|| variable("CI_JOB_URL"))
        .or_else(|| variable("BUILD_URL"))
}

fn account(project: &Project<'_>) -> String {
    said_by(project, Command::new("id").arg("-un")).unwrap_or_else(|| "unknown".to_owned())
}

fn host(project: &Project<'_>) -> String {
    let read = fs_err::read_to_string("/proc/sys/kernel/hostname").ok();
    read.map(|name| name.trim().to_owned())
        .or_else(|| project.environment.get("HOSTNAME").map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The line that a program prints, if it does and succeeds.
fn said_by(project: &Project<'_>, command: &mut Command) -> Option<String> {
    let output = command
        .env_clear()
        .envs(project.environment.iter())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
