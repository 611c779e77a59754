//! Whether the plans folder is sound, and is what the target remembers.

use super::{Filed, Revisions, Signers, check_approved};
use crate::{
    diagnostic::{Code, Diagnostic, Result, Severity},
    plan::file::PlanFile,
};

/// Everything that is wrong with the project's plans, and with the target's memory of them.
///
/// # Errors
/// If a statement of a plan isn't SQL.
pub fn validate(revisions: &Revisions, signers: Option<Signers<'_>>) -> Result<Vec<Diagnostic>> {
    let mut found = Vec::new();
    for revision in revisions.graph.order() {
        let Some(filed) = revisions.folder.plans.get(revision) else {
            let damaged = revisions.folder.damaged(revision).cloned();
            found.push(damaged.unwrap_or_else(|| lost(revisions, revision)));
            continue;
        };
        if filed.plan.header.approval.is_some() {
            let down = revisions.folder.downs.get(revision);
            found.extend(check_approved(filed, down, signers).err());
            found.extend(continues(revisions, revision, &filed.plan));
        }
        found.extend(way_back(revisions, revision));
        found.extend(is_recorded(revisions, revision)?);
    }
    for stray in &revisions.folder.strays {
        if !found.contains(&stray.problem) {
            found.push(if stray.may_be_plan() {
                stray.problem.clone()
            } else {
                stray.problem.clone().into_warning()
            });
        }
    }
    for (revision, down) in &revisions.folder.downs {
        if !revisions.folder.plans.contains_key(revision) {
            found.push(
                Diagnostic::error(
                    Code::History,
                    format!("`{}` is a way back without a plan", down.path),
                )
                .help("restore the plan's file, or delete this one"),
            );
        }
    }
    for (revision, partly) in revisions.journal.partly() {
        let (participle, _) = partly.direction.words();
        found.push(
            Diagnostic::error(
                Code::Partial,
                format!("revision `{revision}` is partly {participle}"),
            )
            .help(format!(
                "`forge status` says how far; {}",
                partly.direction.ways_out()
            )),
        );
    }
    Ok(found)
}

/// A plan leads on from the state to which those that it builds on lead.
fn continues(revisions: &Revisions, revision: &str, plan: &PlanFile) -> Option<Diagnostic> {
    let mut before = revisions.graph.ancestors(revision);
    before.remove(revision);
    if before.is_empty() {
        return None;
    }
    let state = revisions.state(&before)?;
    (state != plan.header.from).then(|| {
        Diagnostic::warning(
            Code::History,
            format!("revision `{revision}` doesn't lead on from where its parents lead"),
        )
        .note(format!(
            "they lead to {state}, it leads from {}",
            plan.header.from
        ))
        .note("it was planned on a database with changes that no plan holds")
        .help("`forge drift` on that database shows them; bring them into the schema tree")
    })
}

/// A draft without a way back. An approved plan is checked with its own.
fn way_back(revisions: &Revisions, revision: &str) -> Option<Diagnostic> {
    let Filed { path, plan, .. } = &revisions.folder.plans[revision];
    let approved = plan.header.approval.as_ref();
    let checked = approved.is_some_and(|approval| approval.down_sha256.is_some());
    (!checked && !revisions.folder.downs.contains_key(revision)).then(|| {
        Diagnostic::warning(Code::History, format!("`{path}` has no way back"))
            .help("restore its `.down.sql` from version control")
    })
}

fn is_recorded(revisions: &Revisions, revision: &str) -> Result<Option<Diagnostic>> {
    if revisions.edited(revision)?.is_none() {
        return Ok(None);
    }
    let by = revisions
        .journal
        .settled(revision)
        .map_or(String::new(), |event| {
            format!("{} by {}", event.kind.participle(), event.by())
        });
    Ok(Some(
        Diagnostic::error(
            Code::EditedPlan,
            format!("revision `{revision}` is another plan than the one that was applied"),
        )
        .note(by)
        .help(format!(
            "`forge show {revision} --applied` prints it as it was applied: put that back, or run `forge repair --accept-edit {revision}` \
             if the edit leads to the same state"
        )),
    ))
}

fn lost(revisions: &Revisions, revision: &str) -> Diagnostic {
    let by = revisions
        .journal
        .settled(revision)
        .map_or(String::new(), |event| {
            let commit = event
                .git_commit
                .as_ref()
                .map_or(String::new(), |commit| format!(" from git commit {commit}"));
            format!("{} by {}{commit}", event.kind.participle(), event.by())
        });
    Diagnostic::error(
        Code::History,
        format!("revision `{revision}` has no file any more"),
    )
    .note(by)
    .help("`forge repair` writes it anew from what the database remembers")
}

/// Whether one of these is an error.
pub fn is_broken(found: &[Diagnostic]) -> bool {
    found
        .iter()
        .any(|diagnostic| diagnostic.severity() == Severity::Error)
}
