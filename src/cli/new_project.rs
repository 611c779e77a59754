//! What is asked of a new project, and what is said of its files.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::Context;
use crate::{
    diagnostic::Result,
    listener::Status,
    scaffold::{self, Begun, Companion, Layout, NewFile},
};

/// The major version in the files for other programs, where no plan says for which one it was made.
pub(super) const USUAL: u32 = 17;

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
    pub(super) folder: Utf8PathBuf,

    /// Write the schema of the database that `--url`, `--env` or the environment names, one file for each object
    #[arg(long)]
    pub(super) from_db: bool,

    /// Write no first plan that builds what the database has, and nothing into the database
    #[arg(long, requires = "from_db")]
    no_baseline: bool,

    /// Write the files for these too; in a project that there is, only those that it doesn't have
    #[arg(long, value_name = "PROGRAM", value_delimiter = ',')]
    pub(super) with: Vec<Companion>,
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

/// The files for other programs.
pub(super) fn companions(args: &Args, layout: Layout<'_>) -> Vec<NewFile> {
    let companions: BTreeSet<Companion> = args.with.iter().copied().collect();
    companions
        .into_iter()
        .flat_map(|companion| companion.files(layout))
        .collect()
}

/// Says which of the files were written.
pub(super) fn tell(context: &Context<'_>, files: &[NewFile], written: &[&Utf8Path]) {
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
