//! Freezes plans.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::Serialize;

pub use super::allow::Allow;
use super::{allow, git, person, project::Project, prove_again, revisions};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::ProjectFiles,
    history::{self, Direction, Filed, Folder},
    kinds::Step,
    listener::Status,
    plan::file::{Approval, PlanFile, header_value, with_header},
};

/// Which plans are approved, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The plans, by revision or file; without any, the only draft.
    pub plans: Vec<String>,
    /// Whether every draft is meant.
    pub all: bool,
    /// The hazards that are allowed.
    pub allow: Vec<Allow>,
    /// Why they are approved.
    pub reason: Option<String>,
    /// Whether the plans are signed with an SSH key, also those that are approved already.
    pub sign: bool,
    /// The file of the key; otherwise `FORGE_SIGNING_KEY` or git's `user.signingkey` names it.
    pub signing_key: Option<Utf8PathBuf>,
}

/// What was approved. Nothing where there is no draft.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The plans that are approved now.
    pub approved: Vec<Approved>,
    /// The revisions that were approved before.
    pub already: Vec<String>,
}

/// A plan that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// Its revision.
    pub revision: String,
    /// Its file.
    pub path: String,
    /// What it is for.
    pub message: String,
}

/// Approves plans, so that they can be applied and no longer be edited. A draft that was edited since forge wrote it is proved
/// again.
///
/// # Errors
/// [`Code::Hazard`] where a hazard needs approval that the options do not allow.
pub async fn approve(project: &Project<'_>, options: &Options) -> Result<Report> {
    let folder = revisions::folder(project)?;
    folder.graph()?;
    let key = signing_key(options, project)?;
    let chosen = choose(options, &folder)?;
    if chosen.is_empty() {
        return Ok(Report::default());
    }
    let mut drafts = Vec::new();
    let mut approved = Vec::new();
    let mut refused = Vec::new();
    for filed in chosen.values() {
        let down = folder.downs.get(filed.revision());
        if filed.plan.header.approval.is_some() {
            history::check_approved(filed, down, None)?;
            approved.push(*filed);
            continue;
        }
        let edited = !filed.plan.is_proved()?
            || match down {
                Some(down) => !down.plan.is_proved()?,
                None => true,
            };
        match allow::check(&filed.path, &filed.plan.plan, &options.allow, Step::risks) {
            Ok(allowed) => drafts.push(Draft {
                up: (*filed).clone(),
                down: down.cloned(),
                allowed,
                edited,
            }),
            Err(error) => refused.push(error),
        }
    }
    if let Some(error) = Diagnostic::all(refused) {
        return Err(error);
    }
    for draft in drafts.iter_mut().filter(|draft| draft.edited) {
        let (up, down) = (&draft.up, draft.down.as_ref());
        let proved = prove_again::run(project, up, down, &options.allow).await?;
        draft.allowed.clone_from(&proved.allowed);
        proved.mark(&mut draft.up.plan, Direction::Up);
        if let Some(down) = &mut draft.down {
            proved.mark(&mut down.plan, Direction::Down);
            down.text = PlanFile::with_undo(&down.text, proved.undo.as_ref())?;
            down.plan.undo.clone_from(&proved.undo);
        }
    }
    let files = &project.settings.project()?.files;
    let mut report = Report::default();
    for filed in approved {
        tell_approved(project, filed);
        report.already.push(filed.revision().to_owned());
        if let Some(key) = &key {
            sign(project, files, &mut filed.clone(), key)?;
        }
    }
    let (by, at) = (person::name(project), person::now());
    let said = Said {
        by: &by,
        at: &at,
        reason: options.reason.as_deref(),
    };
    for draft in drafts {
        let mut up = freeze(project, files, &said, draft)?;
        match &key {
            Some(key) => sign(project, files, &mut up, key)?,
            None => tell_unsigned(project, &up),
        }
        report.approved.push(Approved {
            revision: up.revision().to_owned(),
            path: up.path.to_string(),
            message: up.plan.header.message.clone(),
        });
    }
    Ok(report)
}

/// Freezes a draft and its way back, and returns the plan.
fn freeze(
    project: &Project<'_>,
    files: &ProjectFiles,
    said: &Said<'_>,
    draft: Draft,
) -> Result<Filed> {
    let Draft {
        mut up,
        mut down,
        allowed,
        ..
    } = draft;
    let down_plan = down.as_mut().map(|down| &mut down.plan);
    said.seal(&mut up.plan, down_plan, allowed)?;
    // The way back first: a plan that is frozen has a frozen one.
    for filed in down.iter_mut().chain([&mut up]) {
        filed.text = with_header(&PlanFile::numbered(&filed.text)?, &filed.plan.header);
        files.write(&files.root().join(&filed.path), &filed.text)?;
    }
    project.listener.status(
        Status::Applied,
        format_args!("approved `{}`: {}", up.path, up.plan.header.message),
    );
    Ok(up)
}

fn tell_approved(project: &Project<'_>, filed: &Filed) {
    if let Some(approval) = &filed.plan.header.approval {
        project.listener.status(
            Status::Skipped,
            format_args!(
                "`{}` was approved by {} on {}",
                filed.path, approval.by, approval.at
            ),
        );
    }
}

/// Signs an approved plan in its file.
fn sign(project: &Project<'_>, files: &ProjectFiles, up: &mut Filed, key: &str) -> Result<()> {
    let Filed { path, text, plan } = up;
    let approval = plan.header.approval.as_mut();
    let approval = approval.expect("only approved plans are signed");
    approval.signature = Some(history::sign(approval, key, &project.environment)?);
    files.write(&files.root().join(&*path), &with_header(text, &plan.header))?;
    project.listener.status(
        Status::Applied,
        format_args!("signed `{path}` with `{key}`"),
    );
    Ok(())
}

/// A plan that cannot be applied before somebody signs it.
fn tell_unsigned(project: &Project<'_>, up: &Filed) {
    if let Some(signers) = &project.settings.policy.signers {
        project.listener.note(format_args!(
            "`forge apply` requires a signature of somebody in `{}`: `forge approve --sign {}`",
            signers.value,
            up.revision()
        ));
    }
}

/// The key to sign with, if something is to be signed.
fn signing_key(options: &Options, project: &Project<'_>) -> Result<Option<String>> {
    if !options.sign && options.signing_key.is_none() {
        return Ok(None);
    }
    let root = &project.settings.project()?.root;
    let git = || git::said(&project.environment, root, &["config", "user.signingkey"]);
    let variable = || project.settings.policy.signing_key.as_ref();
    let key = options
        .signing_key
        .as_ref()
        .map(ToString::to_string)
        .or_else(|| variable().map(|key| key.value.clone()))
        .or_else(git);
    key.map(|key| home(project, key)).map(Some).ok_or_else(|| {
        Diagnostic::error(Code::Usage, "no key is named to sign with")
            .help("name the file of an SSH key with `--signing-key`, FORGE_SIGNING_KEY, or git's `user.signingkey`")
    })
}

/// A key's file, where git's setting has `~/`.
fn home(project: &Project<'_>, key: String) -> String {
    match key.strip_prefix("~/").zip(project.environment.get("HOME")) {
        Some((rest, home)) => format!("{home}/{rest}"),
        None => key,
    }
}

/// Who approves, when, and why.
pub(crate) struct Said<'a> {
    pub(crate) by: &'a str,
    pub(crate) at: &'a str,
    pub(crate) reason: Option<&'a str>,
}

impl Said<'_> {
    /// Approves a plan as it is, with its way back and these hazards.
    pub(crate) fn seal(
        &self,
        up: &mut PlanFile,
        down: Option<&mut PlanFile>,
        allowed: Vec<String>,
    ) -> Result<()> {
        let down_sha256 = match down {
            Some(down) => Some(self.seal_one(down, Vec::new(), None)?),
            None => None,
        };
        self.seal_one(up, allowed, down_sha256).map(drop)
    }

    /// Writes the approval into a plan's header, in the place of the proof, and returns the plan's hash.
    fn seal_one(
        &self,
        plan: &mut PlanFile,
        allowed: Vec<String>,
        down_sha256: Option<String>,
    ) -> Result<String> {
        plan.header.proved = None;
        plan.header.approval = Some(Approval {
            by: header_value(self.by),
            at: self.at.to_owned(),
            reason: self.reason.map(header_value),
            allowed,
            by_hand: plan.plan.by_hand(),
            down_sha256,
            ..Approval::default()
        });
        *plan = plan.sealed_as_is()?;
        plan.sha256()
    }
}

/// A plan that is to be frozen.
struct Draft {
    up: Filed,
    down: Option<Filed>,
    allowed: Vec<String>,
    /// Whether somebody has edited it since forge proved it.
    edited: bool,
}

fn choose<'a>(options: &Options, folder: &'a Folder) -> Result<BTreeMap<&'a str, &'a Filed>> {
    if !options.plans.is_empty() {
        return revisions::plans_named(folder, &options.plans);
    }
    let is_meant = |filed: &&Filed| match &filed.plan.header.approval {
        None => true,
        Some(approval) => {
            (options.sign || options.signing_key.is_some()) && approval.signature.is_none()
        }
    };
    let drafts: BTreeMap<&str, &Filed> = folder
        .plans
        .values()
        .filter(is_meant)
        .map(|filed| (filed.revision(), filed))
        .collect();
    if options.all || drafts.len() <= 1 {
        return Ok(drafts);
    }
    let paths: Vec<&str> = drafts.values().map(|filed| filed.path.as_str()).collect();
    Err(
        Diagnostic::error(Code::Usage, format!("there are {} drafts", drafts.len()))
            .note(paths.join(", "))
            .help("name those that you mean, or approve all with `--all`"),
    )
}
