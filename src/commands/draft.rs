//! Writes a new plan as a draft for review.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::{person, project::Project};
use crate::{
    catalog::Fingerprint,
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Revisions, Unnamed},
    kinds::{Glob, Step},
    plan::{
        Plan,
        file::{Header, PlanFile, Semver, header_value},
        outlook,
    },
    sql::Locale,
};

/// A plan that is to be written.
pub(crate) struct New {
    /// What it is for; its first change, if nobody says.
    pub(crate) message: Option<String>,
    /// The revisions that it builds on.
    pub(crate) parents: Vec<String>,
    /// Further revisions that have to be applied before.
    pub(crate) depends_on: Vec<String>,
    /// Names of the branch that it begins.
    pub(crate) branch_labels: Vec<String>,
    /// The objects to which it was confined, if it was.
    pub(crate) only: Vec<Glob>,
    /// Its revision, if somebody chose one.
    pub(crate) revision: Option<String>,
    /// The schema's version from then on, if somebody chose one.
    pub(crate) semver: Option<Semver>,
    /// The major version of the server that it is for.
    pub(crate) postgres: u32,
    /// How the database that it is for stores and compares text.
    pub(crate) locale: Locale,
    /// The state that it leads from.
    pub(crate) from: Fingerprint,
    /// The state that it leads to.
    pub(crate) to: Fingerprint,
    /// Its steps.
    pub(crate) up: Plan,
    /// The way back.
    pub(crate) down: Plan,
    /// What undoes its steps from each place where it can stop.
    pub(crate) undo: Option<Plan>,
}

/// Refuses to take away drafts that somebody has worked on, which a new plan would do.
pub(crate) fn may_replace_drafts(revisions: &Revisions) -> Result<()> {
    let mut edited = Vec::new();
    for draft in revisions.folder.drafts() {
        if !draft.plan.is_proved()? {
            edited.push(format!("`{}`", draft.path));
        }
    }
    if edited.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::History,
        "a new plan would take the place of a draft that was edited by hand",
    )
    .note(edited.join(", "))
    .help("approve it with `forge approve`, or delete it and its way back"))
}

/// A plan and its way back, which aren't written yet.
pub(crate) struct Composed {
    /// The file's name.
    pub(crate) name: String,
    /// The project's own lines at the head of both files.
    pub(crate) preamble: String,
    /// The plan.
    pub(crate) up: PlanFile,
    /// Its way back.
    pub(crate) down: PlanFile,
}

/// A draft that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// Its revision.
    pub revision: String,
    /// Its file, from the project's folder on.
    pub path: Utf8PathBuf,
    /// What it is for.
    pub message: String,
    /// Its steps.
    pub steps: Vec<Planned>,
    /// The hazards that need approval.
    pub hazards: Vec<Risk>,
    /// What it means for the application and for the database's load, in sentences.
    pub outlook: Vec<String>,
}

/// A step of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What it does: `create`, `alter`.
    pub action: String,
    /// To what.
    pub object: String,
    /// How and why, if there is something to say.
    pub summary: String,
}

/// A hazard that needs approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Its name: `deletes-data`.
    pub hazard: String,
    /// What it is about.
    pub object: String,
    /// Why it is one.
    pub why: String,
}

impl Draft {
    fn of(path: Utf8PathBuf, file: &PlanFile) -> Self {
        let planned = |step: &Step| Planned {
            action: step.action.to_string(),
            object: step.object.to_string(),
            summary: step.summary.clone(),
        };
        let hazards = file.plan.hazards();
        let hazards = hazards.filter(|(_, hazard)| hazard.kind.needs_approval());
        Self {
            revision: file.header.revision.clone(),
            path,
            message: file.header.message.clone(),
            steps: file.plan.steps().map(planned).collect(),
            hazards: hazards
                .map(|(step, hazard)| Risk {
                    hazard: hazard.kind.to_string(),
                    object: hazard.subject(&step.object),
                    why: hazard.why.clone(),
                })
                .collect(),
            outlook: outlook(&file.plan).lines(),
        }
    }
}

/// Writes the draft in the place of earlier ones.
pub(crate) fn write(project: &Project<'_>, revisions: &Revisions, new: New) -> Result<Draft> {
    let Composed {
        name,
        preamble,
        up,
        down,
    } = compose(project, revisions, new)?;
    let plans = &project.settings.project.plans.value;
    let files = &project.settings.project.files;
    let path = history::write_plan(files, plans, &name, &preamble, &up, &down)?;
    for draft in revisions.folder.drafts() {
        project
            .listener
            .note(format_args!("replaces the draft `{}`", draft.path));
        if project.settings.project.root.join(&draft.path) != path {
            history::remove_draft(files, draft)?;
        }
    }
    let root = &project.settings.project.root;
    let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
    Ok(Draft::of(path, &up))
}

/// Gives a plan, which was proved, its header and its file's name.
pub(crate) fn compose(project: &Project<'_>, revisions: &Revisions, new: New) -> Result<Composed> {
    let New {
        message,
        parents,
        depends_on,
        branch_labels,
        only,
        revision,
        semver,
        postgres,
        locale,
        from,
        to,
        up,
        down,
        undo,
    } = new;
    // The header's lines are what is hashed.
    let message = message.map(|message| message.split_whitespace().collect::<Vec<_>>().join(" "));
    if let Some(message) = &message
        && let Some(why) = history::vague(message)
    {
        project
            .listener
            .warn(format_args!("the message `{message}` says nothing: {why}"));
    }
    let message = message.unwrap_or_else(|| summary(&up));
    let now = person::clock();
    let version = revisions.version(parents.iter().map(String::as_str));
    let header = Header {
        revision: revision
            .unwrap_or_else(|| history::new_revision(now, std::process::id(), &message)),
        down_revision: parents,
        depends_on,
        branch_labels,
        only,
        message: header_value(&message),
        author: header_value(&person::name(project)),
        created: person::rfc3339(now),
        postgres,
        locale,
        from,
        to,
        semver: semver.unwrap_or_else(|| version.after(&up)),
        proved: None,
        approval: None,
    };
    let root = &project.settings.project.root;
    let drafts = revisions
        .folder
        .drafts()
        .map(|draft| root.join(&draft.path));
    let drafts: Vec<Utf8PathBuf> = drafts.collect();
    let unnamed = Unnamed {
        revision: &header.revision,
        message: &header.message,
        created: now,
        earlier: revisions.approved_count(),
    };
    let plans = &project.settings.project.plans.value;
    let name = history::file_name(&project.settings.naming, unnamed, plans, &drafts);
    let preamble = history::preamble(
        &project.settings.naming,
        &project.settings.project.files,
        unnamed,
    )?;
    let mut down = PlanFile {
        header: Header {
            from: to,
            to: from,
            ..header.clone()
        },
        plan: down,
        undo,
    };
    let mut up = PlanFile {
        header,
        plan: up,
        undo: None,
    };
    up.mark_proved()?;
    down.mark_proved()?;
    Ok(Composed {
        name,
        preamble,
        up,
        down,
    })
}

/// What a plan without a message is for: its first change, and how many more there are.
fn summary(plan: &Plan) -> String {
    let mut steps = plan.steps();
    let first = steps.next().map_or_else(
        || "nothing".to_owned(),
        |step| format!("{} {}", step.action, step.object),
    );
    match steps.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
