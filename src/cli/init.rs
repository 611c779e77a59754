//! `forge init`: a new project.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, target::OpenTarget};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::Folder,
    report::{Status, Verbosity},
    scaffold::{self, Companion, Layout, NewFile, Start, tree},
    settings::{self, Settings},
};

/// How many objects that no kind models are named without `-v`.
const NAMED: usize = 20;

/// The major version in the files for other programs, where no plan says for which one it was made.
const USUAL: u32 = 17;

/// Begin a project: forge.toml, a schema tree, a folder for plans
///
/// The folder must be empty but for what version control keeps there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the new project; created if it doesn't exist
    #[arg(value_name = "DIR", default_value = ".")]
    folder: Utf8PathBuf,

    /// Write the schema of the database that `--url`, `--env` or the environment names, one file for each object
    #[arg(long)]
    from_db: bool,

    /// Write the files for these too; in a project that there is, only those that it doesn't have
    #[arg(long, value_name = "PROGRAM", value_delimiter = ',')]
    with: Vec<Companion>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let folder = if args.folder == Utf8Path::new(".") {
        context.working_dir.to_owned()
    } else {
        context.working_dir.join(&args.folder)
    };
    if !args.with.is_empty() && folder.join(settings::FILE_NAME).is_file() {
        return join(args, context, &folder);
    }
    scaffold::refuse_occupied(&folder)?;
    let (start, unmodelled) = if args.from_db {
        let catalog = read(context).await?;
        let (files, absent) = (tree::files(&catalog)?, tree::absent(&catalog));
        (Start::Database { files, absent }, catalog.unmodelled)
    } else {
        (Start::Example, BTreeSet::new())
    };
    let files = scaffold::project(start);
    scaffold::write(&folder, &files)?;
    said(args, context, &files);
    let layout = Layout {
        schema: scaffold::SCHEMA.into(),
        plans: scaffold::PLANS.into(),
        postgres: USUAL,
    };
    accompany(args, context, &folder, layout)?;
    if !unmodelled.is_empty() {
        context
            .reporter
            .diagnostic(&left_out(&unmodelled, context.reporter.verbosity()));
    }
    Ok(Exit::Done)
}

/// Adds to a project that there is what it doesn't have.
fn join(args: &Args, context: &Context<'_>, folder: &Utf8Path) -> Result<Exit> {
    if args.from_db {
        return Err(Diagnostic::error(
            Code::Usage,
            format!("`{folder}` is a forge project already"),
        )
        .help("leave `--from-db` out to add the files that `--with` names"));
    }
    let project = Settings::resolve(context.flags, context.environment, folder)?.project;
    let below = |path: &Utf8Path| path.strip_prefix(&project.root).unwrap_or(path).to_owned();
    let (schema, plans) = (below(&project.schema.value), below(&project.plans.value));
    let filed = Folder::read(&project.root, &project.plans.value)?;
    let newest = filed
        .plans
        .values()
        .max_by_key(|filed| &filed.plan.header.created);
    let postgres = newest.map(|filed| filed.plan.header.postgres);
    let layout = Layout {
        schema: &schema,
        plans: &plans,
        postgres: postgres.unwrap_or(USUAL),
    };
    accompany(args, context, folder, layout)?;
    Ok(Exit::Done)
}

/// Writes the files for other programs, and says which.
fn accompany(
    args: &Args,
    context: &Context<'_>,
    folder: &Utf8Path,
    layout: Layout<'_>,
) -> Result<()> {
    let companions: BTreeSet<Companion> = args.with.iter().copied().collect();
    let files: Vec<NewFile> = companions
        .into_iter()
        .flat_map(|companion| companion.files(layout))
        .collect();
    let written = scaffold::write(folder, &files)?;
    for file in &files {
        if written.contains(&file.path.as_path()) {
            context
                .reporter
                .status(Status::Applied, format_args!("wrote {}", file.path));
        } else {
            context.reporter.status(
                Status::Skipped,
                format_args!("kept {}, which was there", file.path),
            );
        }
    }
    Ok(())
}

/// Reads the database that the flags and the environment name.
async fn read(context: &Context<'_>) -> Result<Catalog> {
    let settings = context.settings()?;
    let embedded = settings.target()?.value == settings::Target::Embedded;
    if embedded && !settings.project.declared {
        return Err(Diagnostic::error(
            Code::Usage,
            "a new project has no embedded database to read from",
        )
        .help("name another database with `--url`, or leave `--from-db` out"));
    }
    let target = OpenTarget::open(context, &settings, "init").await?;
    let progress = context.reporter.progress("reading the database");
    let catalog = target.catalog().await;
    drop(progress);
    target.close().await;
    catalog
}

/// Says what was written and what comes next.
fn said(args: &Args, context: &Context<'_>, files: &[NewFile]) {
    let reporter = context.reporter;
    let tree = files
        .iter()
        .filter(|file| file.path.starts_with(scaffold::SCHEMA))
        .count();
    let what = if args.from_db {
        format!("{tree} files, one for each object of the database")
    } else {
        "an example of a table".into()
    };
    let cd = if args.folder == Utf8Path::new(".") {
        String::new()
    } else {
        format!("cd {} && ", args.folder)
    };
    reporter.note(format_args!("began a project in `{}`", args.folder));
    reporter.note("  forge.toml  the settings: folders and databases");
    reporter.note(format_args!("  schema/     {what}"));
    reporter.note("  plans/      for the plans that `forge plan` writes");
    if args.from_db {
        reporter.note(format_args!(
            "next: `{cd}forge plan --check` on the same database finds no difference"
        ));
    } else {
        reporter.note(format_args!(
            "next: `{cd}forge plan -m \"begin\"` writes the first plan"
        ));
    }
}

fn left_out(unmodelled: &BTreeSet<String>, verbosity: Verbosity) -> Diagnostic {
    let count = unmodelled.len();
    let limit = if verbosity == Verbosity::Verbose {
        count
    } else {
        NAMED
    };
    let (objects, them) = if count == 1 {
        ("1 object", "it")
    } else {
        (&*format!("{count} objects"), "them")
    };
    let mut warning = Diagnostic::warning(
        Code::Unmodelled,
        format!(
            "{objects} of the database will not be in the tree, because no kind models {them} yet"
        ),
    );
    for name in unmodelled.iter().take(limit) {
        warning = warning.note(format!("`{name}`"));
    }
    if count > limit {
        warning = warning.note(format!("and {} more, which `-v` names", count - limit));
    }
    warning.help(format!("forge leaves {them} alone; where others need {them}, add the statements that make {them} to the tree"))
}
