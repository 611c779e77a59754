//! `forge repair`: ways out that ask for no SQL.

use camino::Utf8PathBuf;

use super::{
    Context,
    bench::{Whom, on_bench},
    locked, revisions,
};
use crate::{
    apply::{self, Work},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Entry, EventKind, Filed, Folder, Reference, Revisions},
    plan::file::{PlanFile, with_header},
    report::Status,
    settings::Settings,
};

/// Restore lost plan files, and settle what needs a person's word
///
/// Without options: plans whose file is gone are written anew from what the database remembers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Declare a step of the partly applied plan to be done, because you saw to it yourself
    #[arg(long, value_name = "STEP")]
    mark_done: Option<usize>,

    /// Accept the edited file of an applied plan, if it leads to the same state
    #[arg(long, value_name = "REVISION")]
    accept_edit: Option<Reference>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = revisions::folder(context, &settings)?;
    locked::on_target(context, &settings, "repair", async |_, work| {
        Box::pin(repair(args, context, &settings, folder, work)).await
    })
    .await
}

async fn repair(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
    folder: Folder,
    work: &Work<'_>,
) -> Result<Exit> {
    let revisions = Revisions::ever(folder, history::load(work.session).await?)?;
    let mut repaired = restore(context, settings, &revisions, work).await?;
    if let Some(step) = args.mark_done {
        mark_done(&revisions, work, step).await?;
        repaired += 1;
    }
    if let Some(reference) = &args.accept_edit {
        accept_edit(context, settings, &revisions, work, reference).await?;
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
    settings: &Settings,
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
        let (files, plans) = (&settings.project.files, &settings.project.plans.value);
        let path = match revisions.folder.downs.get(revision) {
            Some(down) => {
                let down = settings.project.root.join(&down.path);
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

async fn mark_done(revisions: &Revisions, work: &Work<'_>, step: usize) -> Result<()> {
    let partly = revisions.journal.partly();
    let Some((revision, partly)) = partly.first() else {
        return Err(
            Diagnostic::error(Code::History, "no plan is partly applied")
                .help("`forge status` says where the database is"),
        );
    };
    let next = partly.done.last().map_or(1, |last| last + 1);
    if step != next {
        return Err(Diagnostic::error(
            Code::History,
            format!("step {step} of revision `{revision}` isn't the one that is next"),
        )
        .note(format!("that is step {next}"))
        .help("steps are done in order"));
    }
    apply::check_done(work, revisions, revision, partly, step).await?;
    let entry = Entry::of_step(revision, EventKind::Repaired, step);
    history::record(work.session, work.actor, &entry).await?;
    work.reporter.status(
        Status::Applied,
        format_args!("step {step} of revision {revision} counts as done"),
    );
    Ok(())
}

/// Replays the history with the edited plan: it has to come to the state that the applied one left.
async fn accept_edit(
    context: &Context<'_>,
    settings: &Settings,
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
    let reached = on_bench(context, settings, whom, async |bench, _| {
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
    let file = settings.project.root.join(&filed.path);
    settings.project.files.write(&file, &text)?;
    context.reporter.status(
        Status::Applied,
        format_args!(
            "`{}` leads to the same state, and counts as what was applied",
            filed.path
        ),
    );
    Ok(())
}
