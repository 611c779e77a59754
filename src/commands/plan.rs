//! What has to happen, proved and written for review.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

pub use super::draft::{Draft, Planned, Risk};
use super::{
    bench::{Whom, on_bench},
    draft::{self, New},
    project::Project,
    revisions,
    target::{OpenTarget, scope},
};
use crate::{
    apply,
    catalog::Catalog,
    conclusions::{Agreement, Declared, Grounds},
    connection::session::Session,
    diagnostic::{Code, Diagnostic, Result},
    diff::{Catalogs, Diff},
    history::{self, Journal, Place, Reference, Revisions},
    intent::RenameFlag,
    introspect::{extension_versions, state},
    kinds::{Glob, ObjectId},
    plan::{
        Plan,
        file::{PlanFile, Semver, render_steps},
        outlook, unrelated,
    },
    source::{Tree, load_order, warnings},
    sql::Locale,
    workbench::{Comparison, Proposal, Wish, Workbench},
};

/// What is asked of a plan.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the change is for; without it, its first step says so.
    pub message: Option<String>,
    /// Whether the difference is only shown: nothing is written then.
    pub check: bool,
    /// What the database calls OLD and the schema tree NEW.
    pub rename: Vec<RenameFlag>,
    /// The objects to bring to what the tree declares, with what they need; all, where the list is empty.
    pub only: Vec<Glob>,
    /// Where the plan begins.
    pub from: From,
    /// Whether the plan has no steps, for statements by hand.
    pub empty: bool,
    /// The revision that it builds on, where there are several heads.
    pub head: Option<Reference>,
    /// Whether `head` may be a revision that others follow: a branch begins.
    pub splice: bool,
    /// The names of the branch that it begins.
    pub branch_labels: Vec<String>,
    /// Further revisions that have to be applied before.
    pub depends_on: Vec<Reference>,
    /// Its revision: twelve hexadecimal digits.
    pub revision: Option<String>,
    /// The schema's version from then on, where forge would count otherwise.
    pub semver: Option<Semver>,
}

/// Where a plan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// The database as it is.
    #[default]
    Database,
    /// What the approved plans make of an empty database; no database is needed.
    History,
}

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Report {
    /// There is no difference between so many objects.
    Same {
        /// How many objects the tree declares.
        objects: usize,
    },
    /// There is none of the objects to which the plan was to be confined.
    SamePart,
    /// There is one, and nothing was written.
    Different(Difference),
    /// A draft was written.
    Written(Draft),
}

/// A difference, as the steps that lead from one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The steps, as a plan file has them.
    pub sql: String,
    /// How many they are.
    pub steps: usize,
    /// What they mean for the application and for the database's load, in sentences.
    pub outlook: Vec<String>,
}

/// Plans the steps from the database as it is to what the schema tree declares, proves them on a shadow server and writes them
/// as a draft for review. Changes nothing in the database.
pub async fn plan(project: &Project<'_>, options: &Options) -> Result<Report> {
    let own = project.settings.project()?;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    match options.from {
        From::History => Box::pin(from_history(options, project, &tree)).await,
        From::Database => {
            let target = OpenTarget::open_to_read(project, "plan").await?;
            let outcome = Box::pin(from_database(options, project, &tree, &target)).await;
            target.close().await;
            outcome
        }
    }
}

async fn from_database(
    options: &Options,
    project: &Project<'_>,
    tree: &Tree,
    target: &OpenTarget<'_>,
) -> Result<Report> {
    let progress = project.listener.progress("reading the database");
    let program = Project::program()?;
    let grounds = Grounds {
        cache: &project.settings.shadow.cache.value,
        program: &program,
        tree,
        scope: &target.scope,
    };
    let agreement = Agreement::new(grounds, &state(&target.session).await?)?;
    let asks_for_more = options.empty || !options.rename.is_empty() || !options.only.is_empty();
    if let Some(objects) = agreement.known().filter(|_| !asks_for_more) {
        return Ok(Report::Same { objects });
    }
    let live = target.catalog().await?;
    let extensions = extension_versions(&target.session).await?;
    let declared = Declared::new(grounds, &live, &extensions)?;
    if let Some(desired) = declared.known().filter(|_| !asks_for_more)
        && is_declared(&live, desired)
    {
        agreement.keep(live.len())?;
        let objects = live.len();
        return Ok(Report::Same { objects });
    }
    drop(progress);
    let whom = Whom::live(target, &live).await?;
    let begin = async |_: &_| Ok(Cow::Borrowed(&live));
    let found = find(options, project, tree, whom, begin).await?;
    if let Some(catalog) = &found.declared {
        declared.keep(catalog)?;
    }
    if let Comparison::Same(objects) = found.comparison
        && !options.empty
    {
        if !options.only.is_empty() {
            return Ok(Report::SamePart);
        }
        if found.declared.is_some() {
            agreement.keep(objects)?;
        }
        return Ok(Report::Same { objects });
    }
    if options.check {
        return Ok(checked(project, found));
    }
    let folder = revisions::folder(project)?;
    let revisions = Revisions::new(folder, history::load(&target.session).await?)?;
    revisions.at_head()?;
    if let Comparison::Different(proposal) = &found.comparison {
        warn_of_missing_roles(project, &proposal.up, &target.session).await?;
    }
    write(options, project, &revisions, found)
}

async fn from_history(options: &Options, project: &Project<'_>, tree: &Tree) -> Result<Report> {
    let folder = revisions::folder(project)?;
    let revisions = Revisions::new(folder, Journal::default())?;
    let whom = Whom::history(&revisions.approved_plans(), scope(project)).ok_or_else(|| {
        Diagnostic::error(Code::History, "there is no history to plan from")
            .help("the first plan begins at a database: leave `--from history` out")
    })?;
    let plans = before(options, &revisions)?;
    let begin = async |bench: &Workbench| Ok(Cow::Owned(bench.replay(&plans).await?.catalog));
    let found = find(options, project, tree, whom, begin).await?;
    if let Comparison::Same(objects) = found.comparison
        && !options.empty
    {
        if !options.only.is_empty() {
            return Ok(Report::SamePart);
        }
        return Ok(Report::Same { objects });
    }
    if options.check {
        return Ok(checked(project, found));
    }
    write(options, project, &revisions, found)
}

/// Says which roles the plan names that the server does not have: without them, it can't be applied.
async fn warn_of_missing_roles(project: &Project<'_>, up: &Plan, session: &Session) -> Result<()> {
    for role in apply::missing_roles(session, up.statements()).await? {
        let warning = Diagnostic::warning(Code::UnresolvedReference, role.words());
        let help = "create it where the cluster is set up, before the plan is applied";
        project.listener.diagnostic(&warning.help(help));
    }
    Ok(())
}

/// The plans that lead to where the new one begins: those that it builds on, with all before them. A check that names no head is
/// about what all of them lead to.
fn before<'a>(options: &Options, revisions: &'a Revisions) -> Result<Vec<&'a PlanFile>> {
    if options.check && options.head.is_none() {
        return Ok(revisions.approved_plans());
    }
    let mut goals = parents(options, revisions)?;
    goals.extend(named(&options.depends_on, revisions)?);
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
    options: &Options,

    project: &Project<'_>,
    tree: &Tree,
    whom: Whom<'_>,
    begin: impl AsyncFn(&Workbench) -> Result<Cow<'a, Catalog>>,
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
        let prove = !options.check && !options.empty;
        let wish = Wish {
            renames: &options.rename,
            only: &options.only,
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

/// Says what a plan of some objects takes along, and what it leaves.
fn tell_part(project: &Project<'_>, proposal: &Proposal) {
    let names = |ids: &BTreeSet<ObjectId>| {
        let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
        names.join(", ")
    };
    if !proposal.along.is_empty() {
        project.listener.note(format_args!(
            "comes along, because it is needed: {}",
            names(&proposal.along)
        ));
    }
    if !proposal.rest.is_empty() {
        project.listener.note(format_args!(
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

fn checked(project: &Project<'_>, found: Found<'_>) -> Report {
    let Comparison::Different(proposal) = found.comparison else {
        // A plan without steps is not made of a difference.
        let objects = found.live.len();
        return Report::Same { objects };
    };
    tell_part(project, &proposal);
    Report::Different(Difference {
        sql: render_steps(&proposal.up),
        steps: proposal.up.steps().count(),
        outlook: outlook(&proposal.up).lines(),
    })
}

fn write(
    options: &Options,
    project: &Project<'_>,
    revisions: &Revisions,
    found: Found<'_>,
) -> Result<Report> {
    draft::may_replace_drafts(revisions)?;
    let Found {
        live,
        locale,
        comparison,
        ..
    } = found;
    let from = live.fingerprint();
    let (up, down, undo, to) = match comparison {
        Comparison::Different(proposal) if !options.empty => {
            tell_part(project, &proposal);
            let to = proposal.desired.fingerprint();
            (proposal.up, proposal.down, proposal.undo, to)
        }
        Comparison::Different(_) | Comparison::Same(_) => {
            (Plan::default(), Plan::default(), None, from)
        }
    };
    let new = New {
        message: options
            .message
            .clone()
            .or_else(|| options.empty.then(|| "statements of your own".to_owned())),
        parents: parents(options, revisions)?,
        depends_on: named(&options.depends_on, revisions)?,
        branch_labels: options.branch_labels.clone(),
        only: options.only.clone(),
        revision: options.revision.clone(),
        semver: options.semver,
        postgres: live.server_version / 10_000,
        locale,
        from,
        to,
        up,
        down,
        undo,
    };
    draft::write(project, revisions, new).map(Report::Written)
}

/// The revisions that a new plan builds on.
fn parents(options: &Options, revisions: &Revisions) -> Result<Vec<String>> {
    let heads = revisions.approved_heads();
    let Some(head) = &options.head else {
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
        Some(parent) if !options.splice => Err(Diagnostic::error(
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
