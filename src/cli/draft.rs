//! Writes a new plan as a draft for review.

use camino::Utf8PathBuf;

use super::{Context, person};
use crate::{
    catalog::Fingerprint,
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Revisions, Unnamed},
    kinds::Glob,
    plan::{
        Plan,
        file::{Header, PlanFile, Semver, header_value},
    },
    settings::Settings,
    sql::Locale,
};

/// A plan that is to be written.
pub(super) struct New {
    /// What it is for; its first change, if nobody says.
    pub(super) message: Option<String>,
    /// The revisions that it builds on.
    pub(super) parents: Vec<String>,
    /// Further revisions that have to be applied before.
    pub(super) depends_on: Vec<String>,
    /// Names of the branch that it begins.
    pub(super) branch_labels: Vec<String>,
    /// The objects to which it was confined, if it was.
    pub(super) only: Vec<Glob>,
    /// Its revision, if somebody chose one.
    pub(super) revision: Option<String>,
    /// The schema's version from then on, if somebody chose one.
    pub(super) semver: Option<Semver>,
    /// The major version of the server that it is for.
    pub(super) postgres: u32,
    /// How the database that it is for stores and compares text.
    pub(super) locale: Locale,
    /// The state that it leads from.
    pub(super) from: Fingerprint,
    /// The state that it leads to.
    pub(super) to: Fingerprint,
    /// Its steps.
    pub(super) up: Plan,
    /// The way back.
    pub(super) down: Plan,
    /// What undoes its steps from each place where it can stop.
    pub(super) undo: Option<Plan>,
}

/// Refuses to take away drafts that somebody has worked on, which a new plan would do.
pub(super) fn may_replace_drafts(revisions: &Revisions) -> Result<()> {
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
pub(super) struct Composed {
    /// The file's name.
    pub(super) name: String,
    /// The project's own lines at the head of both files.
    pub(super) preamble: String,
    /// The plan.
    pub(super) up: PlanFile,
    /// Its way back.
    pub(super) down: PlanFile,
}

/// Writes the draft in the place of earlier ones, says what it does, and returns it.
pub(super) fn write(
    context: &Context<'_>,
    settings: &Settings,
    revisions: &Revisions,
    new: New,
) -> Result<PlanFile> {
    let Composed {
        name,
        preamble,
        up,
        down,
    } = compose(context, settings, revisions, new)?;
    let plans = &settings.project.plans.value;
    let files = &settings.project.files;
    let path = history::write_plan(files, plans, &name, &preamble, &up, &down)?;
    for draft in revisions.folder.drafts() {
        context
            .reporter
            .note(format_args!("replaces the draft `{}`", draft.path));
        if settings.project.root.join(&draft.path) != path {
            history::remove_draft(files, draft)?;
        }
    }
    describe(context, settings, &up, &path);
    Ok(up)
}

/// Gives a plan, which was proved, its header and its file's name.
pub(super) fn compose(
    context: &Context<'_>,
    settings: &Settings,
    revisions: &Revisions,
    new: New,
) -> Result<Composed> {
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
        context
            .reporter
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
        author: header_value(&person::name(context, &settings.project.root)),
        created: person::rfc3339(now),
        postgres,
        locale,
        from,
        to,
        semver: semver.unwrap_or_else(|| version.after(&up)),
        proved: None,
        approval: None,
    };
    let root = &settings.project.root;
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
    let plans = &settings.project.plans.value;
    let name = history::file_name(&settings.naming, unnamed, plans, &drafts);
    let preamble = history::preamble(&settings.naming, &settings.project.files, unnamed)?;
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

fn describe(context: &Context<'_>, settings: &Settings, file: &PlanFile, path: &Utf8PathBuf) {
    let reporter = context.reporter;
    reporter.data(relative(settings, path));
    for step in file.plan.steps() {
        let why = if step.summary.is_empty() {
            String::new()
        } else {
            format!(" — {}", step.summary)
        };
        reporter.note(format_args!("{} {}{why}", step.action, step.object));
    }
    for (step, hazard) in file
        .plan
        .hazards()
        .filter(|(_, hazard)| hazard.kind.needs_approval())
    {
        reporter.warn(format_args!(
            "{} · {}: {}",
            hazard.kind,
            hazard.subject(&step.object),
            hazard.why
        ));
    }
}

fn relative<'a>(settings: &Settings, path: &'a Utf8PathBuf) -> &'a camino::Utf8Path {
    path.strip_prefix(&settings.project.root).unwrap_or(path)
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
