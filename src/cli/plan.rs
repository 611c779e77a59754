//! `forge plan`: what has to happen, proved and written for review.

use camino::Utf8PathBuf;

use super::{
    Context, person,
    target::{OpenTarget, shadow_settings},
};
use crate::{
    catalog::{Catalog, state},
    conclusions::Agreement,
    diagnostic::{Code, Diagnostic, Exit, Result, Severity},
    diff::{Catalogs, Diff},
    history::{self, Folder},
    intent::{Intent, RenameFlag, Way},
    plan::{
        Plan,
        file::{Header, PlanFile, render_steps},
    },
    settings::Settings,
    source::{Statement, Tree, load_order, warnings},
    workbench::{Desired, Workbench, judge_bodies},
};

/// Plan the steps from the database as it is to what schema/ declares
///
/// The plan is proved on a shadow server and written as a draft for review. Nothing is changed in the database.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say what the change is for
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Write nothing; end with exit code 2 if there is a difference
    #[arg(long)]
    check: bool,

    /// Take what the database calls OLD for what schema/ calls NEW: app.people=app.users, app.users.name=full_name
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<RenameFlag>,

    /// Accepted for those who come from Alembic: a plan is always made from the difference
    #[arg(long, hide = true)]
    autogenerate: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    settings.project()?;
    let _ = args.autogenerate; // A plan is always made from the difference.
    let tree = Tree::read(&settings.project.schema.value, &settings.project.root)?;
    let target = OpenTarget::open(context, &settings, "plan").await?;
    let outcome = with_target(args, context, &settings, &tree, &target).await;
    target.close().await;
    outcome
}

async fn with_target(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
    tree: &Tree,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let progress = context.reporter.progress("reading the database");
    let agreement = Agreement::new(
        &settings.shadow.cache.value,
        &context.program()?,
        tree,
        &state(&target.session).await?,
        &target.scope,
    )?;
    if let Some(objects) = agreement.known().filter(|_| args.rename.is_empty()) {
        same(context, settings, objects);
        return Ok(Exit::Done);
    }
    let live = target.catalog().await?;
    let statements = load_order(tree.parse()?);
    let mut said = warnings(&statements);
    progress.message("starting the shadow server");
    let shadow = shadow_settings(context, settings)?;
    let bench =
        Workbench::start(&shadow, Some(&target.options), &live, target.scope.clone()).await?;
    context
        .reporter
        .detail(format_args!("shadow: {}", bench.description()));
    said.extend(bench.warnings().iter().cloned());
    progress.message("building what the schema declares");
    let outcome = match bench.build(&statements).await {
        Ok(desired) => {
            progress.message("planning");
            on_bench(args, &statements, &live, desired, &bench, &mut said).await
        }
        Err(error) => Err(error),
    };
    drop(progress);
    let closed = bench.close().await;
    for warning in &said {
        context.reporter.diagnostic(warning);
    }
    let outcome = outcome?;
    closed?;
    let made = match outcome {
        Outcome::Different(made) => made,
        Outcome::Same(objects) => {
            same(context, settings, objects);
            if said.is_empty() {
                // What was worth a warning is worth it every time.
                agreement.keep(objects)?;
            }
            return Ok(Exit::Done);
        }
    };
    if args.check {
        context.reporter.sql(&render_steps(&made.up));
        context.reporter.note(format_args!(
            "{} steps lead from the database to `{}`",
            made.up.steps().count(),
            settings.project.schema.value
        ));
        return Ok(Exit::Difference);
    }
    write(args, context, settings, target, &live, made).await
}

fn same(context: &Context<'_>, settings: &Settings, objects: usize) {
    context.reporter.note(format_args!(
        "no changes: the database is what `{}` declares ({objects} objects)",
        settings.project.schema.value
    ));
}

/// What the comparison has shown.
enum Outcome {
    /// The database has what the tree declares: so many objects.
    Same(usize),
    /// A plan leads from one to the other.
    Different(Made),
}

/// A plan that was proved, and the way back.
struct Made {
    up: Plan,
    down: Plan,
    desired: Catalog,
}

async fn on_bench(
    args: &Args,
    statements: &[Statement],
    live: &Catalog,
    desired: Desired,
    bench: &Workbench,
    said: &mut Vec<Diagnostic>,
) -> Result<Outcome> {
    let Desired {
        catalog: mut desired,
        broken_bodies,
    } = desired;
    let catalogs = Catalogs {
        live,
        desired: &desired,
    };
    let intent = Intent::read(statements, &args.rename, catalogs)?;
    said.extend(intent.warnings.iter().cloned());
    let renamed = bench.rename(&intent, catalogs).await?;
    desired.adopt_owners(renamed.as_ref().map_or(live, |renamed| &renamed.catalog));
    said.extend(unmodelled(live, &desired));
    let catalogs = Catalogs {
        live,
        desired: &desired,
    };
    let Way { diff, plan: up } = intent.way_up(catalogs, renamed.as_ref())?;
    let (errors, passing): (Vec<_>, Vec<_>) = judge_bodies(&broken_bodies, statements, &up)
        .into_iter()
        .partition(|diagnostic| diagnostic.severity() == Severity::Error);
    said.extend(passing);
    if let Some(error) = Diagnostic::all(errors) {
        return Err(error);
    }
    if diff.is_empty() && up.is_empty() {
        return Ok(Outcome::Same(desired.len()));
    }
    if up.is_empty() {
        return Err(no_way(&diff));
    }
    let down = intent.way_down(catalogs, renamed.as_ref())?;
    if !args.check {
        let proof = bench.prove(catalogs, &up, &down).await?;
        said.extend(proof.irreversible.iter().map(|id| {
            Diagnostic::warning(
                Code::Note,
                format!("the way back doesn't bring `{id}` back as it was"),
            )
        }));
    }
    Ok(Outcome::Different(Made { up, down, desired }))
}

/// A difference that no statement takes away.
fn no_way(diff: &Diff<'_>) -> Diagnostic {
    let names: Vec<String> = diff.fates.keys().map(|id| format!("`{id}`")).collect();
    Diagnostic::error(
        Code::CannotPlan,
        format!(
            "{} can't be brought to what the schema tree declares",
            names.join(", ")
        ),
    )
    .note("forge knows no statement that changes this")
    .help("change it by hand, or declare it as it is")
}

/// Names what no kind models and only one side has.
fn unmodelled(live: &Catalog, desired: &Catalog) -> Vec<Diagnostic> {
    let sides = [
        (live, desired, "the database"),
        (desired, live, "the schema tree"),
    ];
    let warning = |object: &String, side: &str| {
        Diagnostic::warning(
            Code::Unmodelled,
            format!("`{object}` of {side} isn't compared"),
        )
        .note("no kind of this version of forge models it")
        .help("keep it by statements of your own")
    };
    sides
        .iter()
        .flat_map(|(catalog, other, side)| {
            let only = catalog.unmodelled.difference(&other.unmodelled);
            only.map(move |object| warning(object, side))
        })
        .collect()
}

async fn write(
    args: &Args,
    context: &Context<'_>,
    settings: &Settings,
    target: &OpenTarget<'_>,
    live: &Catalog,
    made: Made,
) -> Result<Exit> {
    let folder = Folder::read(&settings.project.root, &settings.project.plans.value)?;
    let journal = history::load(&target.session).await?;
    let applied = journal.applied();
    let pending: Vec<&str> = folder
        .plans
        .iter()
        .filter(|(revision, filed)| {
            filed.plan.header.approval.is_some() && !applied.contains(*revision)
        })
        .map(|(revision, _)| revision.as_str())
        .collect();
    if !pending.is_empty() {
        return Err(Diagnostic::error(
            Code::History,
            format!(
                "the database isn't at head: {} approved and not applied",
                pending.join(", ")
            ),
        )
        .help("run `forge apply` first, so that the new plan builds on what is there"));
    }
    let graph = folder.graph()?;
    let heads = graph.heads_among(|revision| folder.plans[revision].plan.header.approval.is_some());
    let drafts: Vec<Utf8PathBuf> = folder.drafts().map(|filed| filed.path.clone()).collect();
    let message = args.message.clone().unwrap_or_else(|| summary(&made.up));
    let header = Header {
        revision: revision(&message),
        down_revision: heads.iter().map(ToString::to_string).collect(),
        depends_on: Vec::new(),
        branch_labels: Vec::new(),
        message,
        author: person::name(context, &settings.project.root),
        created: person::now(),
        postgres: live.server_version / 10_000,
        from: live.fingerprint(),
        to: made.desired.fingerprint(),
        approval: None,
    };
    let (from, to) = (header.from, header.to);
    let up = PlanFile {
        header: header.clone(),
        plan: made.up,
    };
    let down = PlanFile {
        header: Header {
            from: to,
            to: from,
            ..header
        },
        plan: made.down,
    };
    let plans = &settings.project.plans.value;
    let name = file_name(&up.header, plans);
    fs_err::create_dir_all(plans)?;
    let (path, down_path) = (
        plans.join(format!("{name}.sql")),
        plans.join(format!("{name}.down.sql")),
    );
    fs_err::write(&down_path, down.render())?;
    fs_err::write(&path, up.render())?;
    for draft in drafts {
        context.reporter.note(format_args!(
            "replaces the draft `{}`",
            relative(settings, &draft)
        ));
        fs_err::remove_file(&draft)?;
        let down = draft.with_extension("down.sql");
        if down.exists() {
            fs_err::remove_file(&down)?;
        }
    }
    describe(context, settings, &up, &path);
    Ok(Exit::Done)
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
            hazard.kind, step.object, hazard.why
        ));
    }
    reporter.note(format_args!(
        "proved on the shadow server; review it, then run `forge approve {}`",
        file.header.revision
    ));
}

fn relative<'a>(settings: &Settings, path: &'a Utf8PathBuf) -> &'a camino::Utf8Path {
    path.strip_prefix(&settings.project.root).unwrap_or(path)
}

/// What a plan without a message is for: its first change, and how many more there are.
fn summary(plan: &Plan) -> String {
    let mut steps = plan.steps();
    let first = steps.next().map_or_else(String::new, |step| {
        format!("{} {}", step.action, step.object)
    });
    match steps.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn revision(message: &str) -> String {
    use sha2::Digest as _;
    let seed = format!(
        "{} {} {message}",
        person::clock().as_nanosecond(),
        std::process::id()
    );
    hex::encode(sha2::Sha256::digest(seed))[..12].to_string()
}

/// `20261121_1430_add_email`; with the revision where that is taken.
fn file_name(header: &Header, plans: &Utf8PathBuf) -> String {
    let mut slug = String::new();
    for c in header.message.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
        if slug.chars().count() >= 40 {
            break;
        }
    }
    let name = format!(
        "{}_{}",
        person::clock().strftime("%Y%m%d_%H%M"),
        slug.trim_end_matches('_')
    );
    if plans.join(format!("{name}.sql")).exists() {
        format!("{name}_{}", header.revision)
    } else {
        name
    }
}
