//! `forge init`: a new project.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, adopt};
use crate::{
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::Folder,
    report::Status,
    scaffold::{self, Begun, Companion, Layout, NewFile, Start},
    settings::{self, Settings},
};

/// The major version in the files for other programs, where no plan says for which one it was made.
const USUAL: u32 = 17;

/// Begin a project: forge.toml, a schema tree, a folder for plans
///
/// The folder must be empty but for what version control keeps there. With `--from-db`, the tables in which another tool
/// (Alembic, Flyway, Liquibase, Django, Rails, Prisma, Diesel, sqlx, golang-migrate, goose, dbmate) keeps its books are left
/// alone, and a baseline is written: a first plan that builds the schema from nothing, which is recorded in the database as
/// applied.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the new project; created if it doesn't exist
    #[arg(value_name = "DIR", default_value = ".")]
    folder: Utf8PathBuf,

    /// Write the schema of the database that `--url`, `--env` or the environment names, one file for each object
    #[arg(long)]
    from_db: bool,

    /// Write no first plan that builds what the database has, and nothing into the database
    #[arg(long, requires = "from_db")]
    no_baseline: bool,

    /// Write the files for these too; in a project that there is, only those that it doesn't have
    #[arg(long, value_name = "PROGRAM", value_delimiter = ',')]
    with: Vec<Companion>,
}

impl Args {
    /// Whether a first plan is wanted.
    pub(super) fn wants_baseline(&self) -> bool {
        !self.no_baseline
    }

    /// What comes before a command that is to be typed next.
    pub(super) fn go_there(&self) -> String {
        if self.folder == Utf8Path::new(".") {
            String::new()
        } else {
            format!("cd {} && ", self.folder)
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let folder = if args.folder == Utf8Path::new(".") {
        context.working_dir.to_owned()
    } else {
        context.working_dir.join(&args.folder)
    };
    let files = context.files_of(&folder);
    if scaffold::take_back(&files)? {
        context.reporter.note(
            "removed what an earlier `forge init` wrote here before it was stopped, and begins again",
        );
    }
    if !args.with.is_empty() && folder.join(settings::FILE_NAME).is_file() {
        return join(args, context, &folder);
    }
    scaffold::refuse_occupied(&files)?;
    if args.from_db {
        return adopt::run(args, context, &folder).await;
    }
    let mut begun = Begun::new(&files);
    begun.write(&scaffold::project(Start::Example))?;
    said(args, context, "an example of a table");
    accompany_new(args, context, &mut begun)?;
    begun.end()?;
    let reporter = context.reporter;
    reporter.note(format_args!(
        "next: `{}forge plan -m \"begin\"` writes the first plan",
        args.go_there()
    ));
    Ok(Exit::Done)
}

/// Writes the files for other programs into a new project.
pub(super) fn accompany_new(
    args: &Args,
    context: &Context<'_>,
    begun: &mut Begun<'_>,
) -> Result<()> {
    let layout = Layout {
        schema: scaffold::SCHEMA.into(),
        plans: scaffold::PLANS.into(),
        postgres: USUAL,
    };
    let files = companions(args, layout);
    let written = begun.write(&files)?;
    tell(context, &files, &written);
    Ok(())
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
    let filed = Folder::read(&project.files, &project.plans.value)?;
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
    let wanted = companions(args, layout);
    let written = scaffold::write(&context.files_of(folder), &wanted)?;
    tell(context, &wanted, &written);
    Ok(Exit::Done)
}

/// The files for other programs.
fn companions(args: &Args, layout: Layout<'_>) -> Vec<NewFile> {
    let companions: BTreeSet<Companion> = args.with.iter().copied().collect();
    companions
        .into_iter()
        .flat_map(|companion| companion.files(layout))
        .collect()
}

/// Says which of the files were written.
fn tell(context: &Context<'_>, files: &[NewFile], written: &[&Utf8Path]) {
    for file in files {
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
}

/// Says what was written, and what of a schema tree there is.
pub(super) fn said(args: &Args, context: &Context<'_>, tree: &str) {
    let reporter = context.reporter;
    reporter.note(format_args!("began a project in `{}`", args.folder));
    reporter.note("  forge.toml  the settings: folders and databases");
    reporter.note(format_args!("  schema/     {tree}"));
    reporter.note("  plans/      for the plans that `forge plan` writes");
}
