//! The first plan of a project that begins with a database: what builds its schema from nothing.

use super::{Context, stamp};
use crate::{
    catalog::Catalog,
    commands::{
        Project,
        allow::{self, Allow},
        approve::Said,
        bench::{Whom, on_bench},
        draft::{self, Composed, New},
        person, revisions,
        target::OpenTarget,
    },
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Journal, Revisions},
    kinds::Step,
    listener::Status,
    plan::Plan,
    scaffold::Begun,
    source::{Tree, load_order, warnings},
    sql::Ident,
    workbench::{Comparison, Wish, judge_bodies},
};

/// The server's code for a right that the role lacks, as diagnostics note it.
const NO_RIGHT: &str = "SQLSTATE 42501";

/// Writes the baseline, frozen, and records it in the database as applied. `from` are the tools that brought the database
/// to where it is, with their versions.
///
/// # Errors
/// If the schema tree can't be built from nothing, or the database isn't what the baseline leads to.
pub(super) async fn begin(
    context: &Context<'_>,
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    live: &Catalog,
    from: &[String],
    begun: &mut Begun<'_>,
) -> Result<()> {
    if !history::load(&target.session).await?.revisions.is_empty() {
        let warning = Diagnostic::warning(
            Code::History,
            "the database has a history of forge's already, so there is no baseline",
        );
        context
            .reporter
            .diagnostic(&warning.help("`forge repair` restores the plans of that history"));
        return Ok(());
    }
    let composed = compose(project, target, live, from).await;
    let Some(composed) = composed.map_err(|error| {
        error.note(
            "the schema tree is written, but no baseline; once the tree builds, `forge plan` against an empty database writes one, \
             and `forge stamp head` records it here",
        )
    })?
    else {
        context
            .reporter
            .note("the database is empty, so there is nothing that a baseline would build");
        return Ok(());
    };
    freeze_and_write(context, project, composed, begun)?;
    match stamp::heads(context, project, target).await {
        Ok(_) => Ok(()),
        Err(error) if error.notes().iter().any(|note| note == NO_RIGHT) => {
            context
                .reporter
                .diagnostic(&unstamped(&error, target, live));
            Ok(())
        }
        Err(error) => Err(error.note(
            "the schema tree and the baseline are written; `forge stamp head` records it later",
        )),
    }
}

/// The plan from nothing to the tree, proved; none if the tree is empty.
async fn compose(
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    live: &Catalog,
    from: &[String],
) -> Result<Option<Composed>> {
    let tree = Tree::read(
        &project.settings.project.schema.value,
        &project.settings.project.files,
    )?;
    let statements = load_order(tree.parse()?);
    let whom = Whom::live(target, live).await?;
    let locale = whom.locale.clone();
    let (empty, comparison) = on_bench(project, whom, async |bench, said| {
        let empty = bench.empty().await?;
        said.extend(warnings(&statements));
        let mut desired = bench.build(&statements).await?;
        // They stand like that in the database: nothing new is written.
        let broken = std::mem::take(&mut desired.broken_bodies);
        said.extend(judge_bodies(&broken, &statements, &Plan::default()));
        let comparison = bench
            .compare(&statements, &empty, desired, Wish::default(), true, said)
            .await?;
        Ok((empty, comparison))
    })
    .await?;
    let Comparison::Different(proposal) = comparison else {
        return Ok(None);
    };
    let folder = revisions::folder(project)?;
    let revisions = Revisions::new(folder, Journal::default())?;
    let message = match from {
        [] => "baseline".to_owned(),
        from => format!("baseline, from {}", from.join(" and ")),
    };
    let new = New {
        message: Some(message),
        parents: Vec::new(),
        depends_on: Vec::new(),
        branch_labels: Vec::new(),
        only: Vec::new(),
        revision: None,
        semver: None,
        postgres: live.server_version / 10_000,
        locale,
        from: empty.fingerprint(),
        to: proposal.desired.fingerprint(),
        up: proposal.up,
        down: proposal.down,
        undo: proposal.undo,
    };
    draft::compose(project, &revisions, new).map(Some)
}

/// Freezes the baseline in the name of the one who begins the project: it is never run on the database that it is of.
fn freeze_and_write(
    context: &Context<'_>,
    project: &Project<'_>,
    composed: Composed,
    begun: &mut Begun<'_>,
) -> Result<()> {
    let Composed {
        name,
        preamble,
        mut up,
        mut down,
    } = composed;
    let (plans, root) = (
        &project.settings.project.plans.value,
        &project.settings.project.root,
    );
    let allowed = allow::check(&plans.join(&name), &up.plan, &[Allow::All], Step::risks)?;
    let said = Said {
        by: &person::name(project),
        at: &person::now(),
        reason: None,
    };
    said.seal(&mut up, Some(&mut down), allowed)?;
    let files = &project.settings.project.files;
    begun.list(&history::plan_texts(plans, &name, &preamble, &up, &down))?;
    let path = history::write_plan(files, plans, &name, &preamble, &up, &down)?;
    let steps = up.plan.steps().count();
    context.reporter.status(
        Status::Applied,
        format_args!(
            "wrote {}: the baseline, {} from nothing to the schema",
            path.strip_prefix(root).unwrap_or(&path),
            revisions::counted(steps, "step")
        ),
    );
    Ok(())
}

/// The role matters: what belongs to the one that works on a database isn't part of its state.
fn unstamped(error: &Diagnostic, target: &OpenTarget<'_>, live: &Catalog) -> Diagnostic {
    let warning = Diagnostic::warning(
        Code::History,
        "the baseline is written, but the database doesn't know of it",
    )
    .note(error.message());
    let warning = error.notes().iter().fold(warning, Diagnostic::note);
    warning.help(format!(
        "forge keeps its history in a schema `forge` of the database: once the role may create that \
         (`GRANT CREATE ON DATABASE {} TO {}`), `forge stamp head` records the baseline",
        Ident::new(target.options.database.as_str()),
        live.role
    ))
}
