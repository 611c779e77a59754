//! `forge repair`: ways out that ask for no SQL.

use std::str::FromStr;

use camino::Utf8PathBuf;

use super::Context;
use crate::{
    apply::{self, Work},
    commands::{
        Project,
        bench::{Whom, on_bench},
        locked, revisions,
    },
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Entry, EventKind, Filed, Folder, Partly, Reference, Revisions},
    listener::Status,
    plan::file::{PlanFile, with_header},
};

/// Restore lost plan files, and settle what needs a person's word
///
/// Without options: plans whose file is gone are written anew from what the database remembers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Declare the next step of the partly applied plan to be done, because you saw to it yourself
    ///
    /// `rest` declares all that are left to be done: the plan ends where the database stands, and `forge drift` names what is
    /// not as it promised.
    #[arg(long, value_name = "STEP|rest")]
    mark_done: Option<MarkDone>,

    /// Accept the edited file of an applied plan, if it leads to the same state
    #[arg(long, value_name = "REVISION")]
    accept_edit: Option<Reference>,
}

/// What is declared to be done.
#[derive(Debug, Clone, Copy)]
enum MarkDone {
    Step(usize),
    Rest,
}

impl FromStr for MarkDone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(step) => Ok(Self::Step(step)),
            Err(_) if text == "rest" => Ok(Self::Rest),
            Err(_) => Err("a step is a number, and `rest` is all that are left".to_owned()),
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::folder(&project)?;
    locked::on_target(&project, "repair", async |_, work| {
        Box::pin(repair(args, context, &project, folder, work)).await
    })
    .await
}

async fn repair(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    folder: Folder,
    work: &Work<'_>,
) -> Result<Exit> {
    let revisions = Revisions::ever(folder, history::load(work.session).await?)?;
    let mut repaired = restore(context, project, &revisions, work).await?;
    if let Some(wanted) = args.mark_done {
        let (revision, partly) = half_way(&revisions)?;
        match wanted {
            MarkDone::Step(step) => mark_done(&revisions, work, (revision, &partly), step).await?,
            MarkDone::Rest => end_here(&revisions, work, (revision, &partly)).await?,
        }
        return Ok(Exit::Done);
    }
    if let Some(reference) = &args.accept_edit {
        accept_edit(context, project, &revisions, work, reference).await?;
        repaired += 1;
    }
    if repaired == 0 {
        context.reporter.note("nothing to repair");
    }
    for (revision, partly) in revisions.journal.partly() {
        let (participle, _) = partly.direction.words();
        context.reporter.note(format_args!(
            "revision {revision} is partly {participle}: `forge status` says how far; {}",
            partly.direction.ways_out()
        ));
    }
    Ok(Exit::Done)
}

/// Writes the files of applied plans that are gone. Returns how many.
async fn restore(
    context: &Context<'_>,
    project: &Project<'_>,
    revisions: &Revisions,
    work: &Work<'_>,
) -> Result<usize> {
    let lost = revisions
        .applied
        .iter()
        .filter(|revision| !revisions.folder.plans.contains_key(*revision));
    let mut restored = 0;
    for revision in lost {
        let body = history::body(work.session, revision).await?;
        let (files, plans) = (
            &project.settings.project.files,
            &project.settings.project.plans.value,
        );
        let path = match revisions.folder.downs.get(revision) {
            Some(down) => {
                let down = project.settings.project.root.join(&down.path);
                Utf8PathBuf::from(down.as_str().replace(".down.sql", ".sql"))
            }
            None => plans.join(format!("restored_{revision}.sql")),
        };
        if let Some(down) = body.down {
            files.write(&path.with_extension("down.sql"), &down)?;
        }
        files.write(&path, &body.up)?;
        let shown = files.shown(&path);
        context
            .reporter
            .status(Status::Applied, format_args!("restored `{shown}`"));
        restored += 1;
    }
    Ok(restored)
}

/// The plan that has stopped half-way, the one that was begun last.
fn half_way(revisions: &Revisions) -> Result<(&str, Partly)> {
    let partly = revisions.journal.partly().into_iter();
    partly
        .max_by_key(|(_, partly)| partly.since)
        .ok_or_else(|| {
            Diagnostic::error(Code::History, "no plan is partly applied")
                .help("`forge status` says where the database is")
        })
}

async fn mark_done(
    revisions: &Revisions,
    work: &Work<'_>,
    (revision, partly): (&str, &Partly),
    step: usize,
) -> Result<()> {
    let total = apply::steps_of(work, revision, partly.direction).await?;
    let (_, command) = partly.direction.words();
    let Some(next) = partly.next(total) else {
        return Err(Diagnostic::error(
            Code::History,
            format!("all steps of revision `{revision}` are done"),
        )
        .help(format!(
            "`{command}` records that and looks at what they led to"
        )));
    };
    if step != next {
        return Err(Diagnostic::error(
            Code::History,
            format!("step {step} of revision `{revision}` isn't the one that is next"),
        )
        .note(format!("that is step {next} of {total}"))
        .help(
            "steps are done in order; `--mark-done rest` ends the plan where the database stands",
        ));
    }
    apply::check_done(work, revisions, revision, partly, step).await?;
    let entry = Entry::of_step(revision, EventKind::Repaired, step);
    history::record(work.session, work.actor, &entry).await?;
    work.listener.status(
        Status::Applied,
        format_args!("step {step} of revision {revision} counts as done"),
    );
    let mut done = partly.clone();
    done.done.insert(step);
    work.listener.note(match done.next(total) {
        Some(next) => format!("step {next} of {total} is next: `{command}` goes on there"),
        None => format!(
            "that was the last one: `{command}` records it and looks at what the steps led to"
        ),
    });
    Ok(())
}

/// Ends a plan where the database stands.
async fn end_here(
    revisions: &Revisions,
    work: &Work<'_>,
    (revision, partly): (&str, &Partly),
) -> Result<()> {
    let (steps, differs) = apply::end_here(work, revisions, revision, partly).await?;
    for step in steps {
        work.listener.status(
            Status::Applied,
            format_args!("step {step} of revision {revision} counts as done"),
        );
    }
    let (participle, _) = partly.direction.words();
    work.listener.note(format_args!(
        "revision {revision} counts as {participle}; nothing was run"
    ));
    if let Some(differs) = differs {
        work.listener.diagnostic(&differs.into_warning());
    }
    Ok(())
}

/// Replays the history with the edited plan: it has to come to the state that the applied one left.
async fn accept_edit(
    context: &Context<'_>,
    project: &Project<'_>,
    revisions: &Revisions,
    work: &Work<'_>,
    reference: &Reference,
) -> Result<()> {
    let revision = revisions.walk().resolve_one(reference)?.ok_or_else(|| {
        Diagnostic::error(Code::UnknownRevision, format!("`{reference}` is no plan"))
    })?;
    let filed = revisions.folder.plans.get(revision).ok_or_else(|| {
        Diagnostic::error(Code::History, format!("revision `{revision}` has no file"))
    })?;
    let recorded = revisions.journal.revisions.get(revision).ok_or_else(|| {
        Diagnostic::error(
            Code::History,
            format!(
                "revision `{revision}` isn't applied, so nothing keeps you from planning it anew"
            ),
        )
    })?;
    let before = revisions.graph.ancestors(revision);
    let mut plans: Vec<PlanFile> = Vec::new();
    for earlier in revisions
        .graph
        .order()
        .filter(|earlier| before.contains(earlier))
    {
        let filed: Filed = revisions.filed(earlier, work.session).await?;
        plans.push(filed.plan);
    }
    let references: Vec<&PlanFile> = plans.iter().collect();
    let whom = Whom::history(&references, work.scope.clone()).expect("there is a plan");
    let reached = on_bench(project, whom, async |bench, _| {
        Ok(bench.replay(&references).await?.differing)
    })
    .await?;
    let header = &filed.plan.header;
    if reached.iter().any(|differing| differing == revision)
        || (header.from, header.to) != (recorded.from, recorded.to)
    {
        return Err(Diagnostic::error(
            Code::EditedPlan,
            format!(
                "the edited `{}` leads to another state than the plan that was applied",
                filed.path
            ),
        )
        .help(format!(
            "put it back: `forge show {revision} --applied` prints it"
        )));
    }
    let sealed = Filed {
        plan: filed.plan.sealed_as_is()?,
        ..filed.clone()
    };
    history::check_approved(&sealed, revisions.folder.downs.get(revision), None)?;
    let sealed = sealed.plan;
    let text = with_header(&filed.text, &sealed.header);
    let body = history::Body {
        up: text.clone(),
        down: revisions
            .folder
            .downs
            .get(revision)
            .map(|down| down.text.clone()),
    };
    history::register(work.session, &sealed, &body).await?;
    let mut entry = Entry::new(revision, EventKind::Repaired);
    entry.error = Some("the edited file was accepted: it leads to the same state");
    history::record(work.session, work.actor, &entry).await?;
    let file = project.settings.project.root.join(&filed.path);
    project.settings.project.files.write(&file, &text)?;
    context.reporter.status(
        Status::Applied,
        format_args!(
            "`{}` leads to the same state, and counts as what was applied",
            filed.path
        ),
    );
    Ok(())
}
