//! `forge plan`: what has to happen, proved and written for review.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Context, draft::describe};
use crate::{
    apply,
    catalog::Catalog,
    commands::{
        Project,
        bench::{Whom, on_bench},
        draft::{self, New},
        revisions,
        target::{OpenTarget, scope},
    },
    conclusions::{Agreement, Declared, Grounds},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Exit, Result},
    diff::{Catalogs, Diff},
    history::{self, Journal, Place, Reference, Revisions},
    intent::RenameFlag,
    introspect::{extension_versions, state},
    kinds::{Glob, ObjectId},
    plan::{
        Plan,
        file::{PlanFile, Semver, render_steps, revision_id},
        outlook, unrelated,
    },
    source::{Tree, load_order, warnings},
    sql::Locale,
    workbench::{Comparison, Proposal, Wish},
};

/// Plan the steps from the database as it is to what schema/ declares
///
/// The plan is proved on a shadow server and written as a draft for review. Nothing is changed in the database.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Say what the change is for
    #[arg(short, long, value_name = "TEXT")]
    pub(super) message: Option<String>,

    /// Write nothing; end with exit code 2 if there is a difference
    #[arg(long)]
    pub(super) check: bool,

    /// Take what the database calls OLD for what schema/ calls NEW: app.people=app.users, app.users.name=full_name
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<RenameFlag>,

    /// Bring only this object to what schema/ declares, with what it needs: app.users, app.user_*, a whole schema. A plan
    /// of the rest follows once this one is applied
    #[arg(long, value_name = "NAME", conflicts_with = "empty")]
    only: Vec<Glob>,

    /// Where the plan begins
    #[arg(long, value_enum, value_name = "WHERE", default_value = "database")]
    from: From,

    /// Write a plan without steps, for statements of your own; `forge approve` proves it
    #[arg(long, conflicts_with = "check", visible_alias = "no-autogenerate")]
    pub(super) empty: bool,

    /// Build on this revision, where there are several heads
    #[arg(long, value_name = "REVISION")]
    head: Option<Reference>,

    /// Let `--head` name a revision that others follow: a branch begins
    #[arg(long, requires = "head")]
    splice: bool,

    /// Name the branch that the plan begins
    #[arg(long, value_name = "LABEL")]
    branch_label: Vec<String>,

    /// A further revision that has to be applied before
    #[arg(long, value_name = "REVISION")]
    depends_on: Vec<Reference>,

    /// The plan's revision: twelve hexadecimal digits
    #[arg(long, value_name = "REVISION", value_parser = revision_id)]
    pub(super) rev_id: Option<String>,

    /// The schema's version from then on, where forge would count otherwise
    #[arg(long, value_name = "X.Y.Z")]
    semver: Option<Semver>,
}

/// Where a plan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// The database as it is.
    Database,
    /// What the approved plans make of an empty database; no database is needed.
    History,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    project.settings.project()?;
    let tree = Tree::read(
        &project.settings.project.schema.value,
        &project.settings.project.files,
    )?;
    match args.from {
        From::History => from_history(args, context, &project, &tree).await,
        From::Database => {
            let target = OpenTarget::open_to_read(&project, "plan").await?;
            let outcome = Box::pin(from_database(args, context, &project, &tree, &target)).await;
            target.close().await;
            outcome
        }
    }
}

async fn from_database(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    tree: &Tree,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let progress = context.reporter.progress("reading the database");
    let program = Project::program()?;
    let grounds = Grounds {
        cache: &project.settings.shadow.cache.value,
        program: &program,
        tree,
        scope: &target.scope,
    };
    let agreement = Agreement::new(grounds, &state(&target.session).await?)?;
    let asks_for_more = args.empty || !args.rename.is_empty() || !args.only.is_empty();
    if let Some(objects) = agreement.known().filter(|_| !asks_for_more) {
        same(context, project, objects);
        return Ok(Exit::Done);
    }
    let live = target.catalog().await?;
    let extensions = extension_versions(&target.session).await?;
    let declared = Declared::new(grounds, &live, &extensions)?;
    if let Some(desired) = declared.known().filter(|_| !asks_for_more)
        && is_declared(&live, desired)
    {
        agreement.keep(live.len())?;
        same(context, project, live.len());
        return Ok(Exit::Done);
    }
    drop(progress);
    let whom = Whom::live(target, &live).await?;
    let begin = async |_: &_| Ok(Cow::Borrowed(&live));
    let found = find(args, project, tree, whom, begin).await?;
    if let Some(catalog) = &found.declared {
        declared.keep(catalog)?;
    }
    if let Comparison::Same(objects) = found.comparison
        && !args.empty
    {
        if !args.only.is_empty() {
            same_part(context, args);
            return Ok(Exit::Done);
        }
        same(context, project, objects);
        if found.declared.is_some() {
            agreement.keep(objects)?;
        }
        return Ok(Exit::Done);
    }
    if args.check {
        return Ok(checked(args, context, project, found));
    }
    let folder = revisions::folder(project)?;
    let revisions = Revisions::new(folder, history::load(&target.session).await?)?;
    revisions.at_head()?;
    if let Comparison::Different(proposal) = &found.comparison {
        warn_of_missing_roles(context, &proposal.up, &target.session).await?;
    }
    write(args, context, project, &revisions, found)
}

async fn from_history(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    tree: &Tree,
) -> Result<Exit> {
    let folder = revisions::folder(project)?;
    let revisions = Revisions::new(folder, Journal::default())?;
    let whom = Whom::history(&revisions.approved_plans(), scope(project)).ok_or_else(|| {
        Diagnostic::error(Code::History, "there is no history to plan from")
            .help("the first plan begins at a database: leave `--from history` out")
    })?;
    let plans = before(args, &revisions)?;
    let begin = async |bench: &crate::workbench::Workbench| {
        Ok(Cow::Owned(bench.replay(&plans).await?.catalog))
    };
    let found = find(args, project, tree, whom, begin).await?;
    if let Comparison::Same(objects) = found.comparison
        && !args.empty
    {
        if !args.only.is_empty() {
            same_part(context, args);
            return Ok(Exit::Done);
        }
        context.reporter.note(format_args!(
            "no changes: the plans lead to what `{}` declares ({objects} objects)",
            project.settings.project.schema.value
        ));
        return Ok(Exit::Done);
    }
    if args.check {
        return Ok(checked(args, context, project, found));
    }
    write(args, context, project, &revisions, found)
}

/// Says which roles the plan names that the server does not have: without them, it can't be applied.
async fn warn_of_missing_roles(context: &Context<'_>, up: &Plan, session: &Session) -> Result<()> {
    for role in apply::missing_roles(session, up.statements()).await? {
        let warning = Diagnostic::warning(Code::UnresolvedReference, role.words());
        let help = "create it where the cluster is set up, before the plan is applied";
        context.reporter.diagnostic(&warning.help(help));
    }
    Ok(())
}

/// The plans that lead to where the new one begins: those that it builds on, with all before them. A check that names no head is
/// about what all of them lead to.
fn before<'a>(args: &Args, revisions: &'a Revisions) -> Result<Vec<&'a PlanFile>> {
    if args.check && args.head.is_none() {
        return Ok(revisions.approved_plans());
    }
    let mut goals = parents(args, revisions)?;
    goals.extend(named(&args.depends_on, revisions)?);
    for goal in &goals {
        if let Some(draft) = revisions.folder.drafts().find(|it| it.revision() == goal) {
            draft.plan.check_frozen(&draft.path)?;
        }
    }
    Ok(revisions.plans_up_to(&goals))
}

/// What lies between where a plan begins and what the tree declares.
struct Found<'a> {
    live: Cow<'a, Catalog>,
    locale: Locale,
    comparison: Comparison,
    /// What the tree declares, unless there was something to warn of: what was worth a warning is worth it every time.
    declared: Option<Catalog>,
}

/// Whether the database is what the tree is known to declare, and there is nothing to say about it.
fn is_declared(live: &Catalog, mut desired: Catalog) -> bool {
    let said = desired.adopt(live);
    let catalogs = Catalogs {
        live,
        desired: &desired,
    };
    said.is_empty() && live.unmodelled == desired.unmodelled && Diff::new(catalogs).is_empty()
}

async fn find<'a>(
    args: &Args,

    project: &Project<'_>,
    tree: &Tree,
    whom: Whom<'_>,
    begin: impl AsyncFn(&crate::workbench::Workbench) -> Result<Cow<'a, Catalog>>,
) -> Result<Found<'a>> {
    let statements = load_order(tree.parse()?);
    let locale = whom.locale.clone();
    on_bench(project, whom, async |bench, said| {
        let live = begin(bench).await?;
        said.extend(warnings(&statements));
        let desired = bench.build(&statements).await?;
        let declared = desired.catalog.clone();
        // What a directive has to say depends on the database, too.
        let is_plain = statements
            .iter()
            .all(|statement| statement.directives().is_empty());
        let prove = !args.check && !args.empty;
        let wish = Wish {
            renames: &args.rename,
            only: &args.only,
        };
        let comparison = bench
            .compare(&statements, &live, desired, wish, prove, said)
            .await?;
        if let Comparison::Different(proposal) = &comparison {
            said.extend(many_things(&live, proposal));
        }
        Ok(Found {
            live,
            locale: locale.clone(),
            comparison,
            declared: (said.is_empty() && is_plain).then_some(declared),
        })
    })
    .await
}

fn same(context: &Context<'_>, project: &Project<'_>, objects: usize) {
    context.reporter.note(format_args!(
        "no changes: the database is what `{}` declares ({objects} objects)",
        project.settings.project.schema.value
    ));
    if objects == 0 {
        context
            .reporter
            .note("`forge check -v` says what each file declares, and what isn't managed");
    }
}

fn same_part(context: &Context<'_>, args: &Args) {
    let names: Vec<String> = args.only.iter().map(|glob| format!("`{glob}`")).collect();
    context.reporter.note(format_args!(
        "no changes of {}: what they name is as it is declared",
        names.join(", ")
    ));
}

/// Says what a plan of some objects takes along, and what it leaves.
fn tell_part(context: &Context<'_>, proposal: &Proposal) {
    let names = |ids: &BTreeSet<ObjectId>| {
        let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
        names.join(", ")
    };
    if !proposal.along.is_empty() {
        context.reporter.note(format_args!(
            "comes along, because it is needed: {}",
            names(&proposal.along)
        ));
    }
    if !proposal.rest.is_empty() {
        context.reporter.note(format_args!(
            "stays as it is until the next plan: {}",
            names(&proposal.rest)
        ));
    }
}

/// So many tables that have nothing to do with each other may change in one plan before it is worth a word.
const UNRELATED: usize = 5;

fn many_things(live: &Catalog, proposal: &Proposal) -> Option<Diagnostic> {
    let count = unrelated(Catalogs {
        live,
        desired: &proposal.desired,
    });
    (count > UNRELATED).then(|| {
        Diagnostic::warning(
            Code::Note,
            format!("the plan changes {count} tables or views that have nothing to do with each other"),
        )
        .note("it is reviewed, applied and taken back as one")
        .help("`forge plan --only schema.name` makes a plan of one change, and the next `forge plan` one of the rest")
    })
}

fn checked(args: &Args, context: &Context<'_>, project: &Project<'_>, found: Found<'_>) -> Exit {
    let Comparison::Different(proposal) = found.comparison else {
        return Exit::Done;
    };
    tell_part(context, &proposal);
    let up = proposal.up;
    context.reporter.sql(&render_steps(&up));
    context.reporter.notes(outlook(&up).lines());
    context.reporter.note(format_args!(
        "from the database to {}`{}`: {}",
        if args.only.is_empty() {
            ""
        } else {
            "this part of "
        },
        project.settings.project.schema.value,
        revisions::counted(up.steps().count(), "step")
    ));
    Exit::Difference
}

fn write(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    revisions: &Revisions,
    found: Found<'_>,
) -> Result<Exit> {
    draft::may_replace_drafts(revisions)?;
    let Found {
        live,
        locale,
        comparison,
        ..
    } = found;
    let from = live.fingerprint();
    let (up, down, undo, to) = match comparison {
        Comparison::Different(proposal) if !args.empty => {
            tell_part(context, &proposal);
            let to = proposal.desired.fingerprint();
            (proposal.up, proposal.down, proposal.undo, to)
        }
        Comparison::Different(_) | Comparison::Same(_) => {
            (Plan::default(), Plan::default(), None, from)
        }
    };
    let new = New {
        message: args
            .message
            .clone()
            .or_else(|| args.empty.then(|| "statements of your own".to_owned())),
        parents: parents(args, revisions)?,
        depends_on: named(&args.depends_on, revisions)?,
        branch_labels: args.branch_label.clone(),
        only: args.only.clone(),
        revision: args.rev_id.clone(),
        semver: args.semver,
        postgres: live.server_version / 10_000,
        locale,
        from,
        to,
        up,
        down,
        undo,
    };
    let noticed = outlook(&new.up);
    let written = draft::write(project, revisions, new)?;
    describe(context, &written);
    if !args.empty {
        context.reporter.notes(noticed.lines());
    }
    context.reporter.note(if args.empty {
        format!(
            "write the steps, each under a line `-- forge:step <number> <action> <object>`; `forge approve {}` proves them",
            written.plan.header.revision
        )
    } else {
        format!(
            "proved on the shadow server; review it, then run `forge approve {}`",
            written.plan.header.revision
        )
    });
    Ok(Exit::Done)
}

/// The revisions that a new plan builds on.
fn parents(args: &Args, revisions: &Revisions) -> Result<Vec<String>> {
    let heads = revisions.approved_heads();
    let Some(head) = &args.head else {
        if heads.len() > 1 {
            return Err(Diagnostic::error(
                Code::History,
                format!("there are {} heads, and a plan builds on one", heads.len()),
            )
            .note(format!("`{}`", heads.join("`, `")))
            .help(format!(
                "join them with `forge merge {}`, or choose with `--head REVISION`",
                heads.join(" ")
            )));
        }
        return Ok(heads.into_iter().map(ToOwned::to_owned).collect());
    };
    let parents = named(std::slice::from_ref(head), revisions)?;
    let followed = parents
        .iter()
        .find(|parent| !heads.contains(&parent.as_str()));
    match followed {
        Some(parent) if !args.splice => Err(Diagnostic::error(
            Code::History,
            format!("`{parent}` isn't a head: a plan that builds on it begins a branch"),
        )
        .help("if that is meant, add `--splice`")),
        Some(_) | None => Ok(parents),
    }
}

fn named(references: &[Reference], revisions: &Revisions) -> Result<Vec<String>> {
    let mut named = Vec::new();
    for reference in references {
        let found = revisions.walk().resolve(reference)?;
        if found.is_empty() && reference.place != Place::Base {
            return Err(Diagnostic::error(
                Code::UnknownRevision,
                format!("`{reference}` is no revision yet"),
            )
            .help("`forge history` lists the revisions"));
        }
        named.extend(found.into_iter().map(ToOwned::to_owned));
    }
    Ok(named)
}
