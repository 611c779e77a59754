//! `forge init`: a new project.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, target::OpenTarget};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Exit, Result},
    report::Verbosity,
    scaffold::{self, NewFile, Start, tree},
    settings,
};

/// How many objects that no kind models are named without `-v`.
const NAMED: usize = 20;

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
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let folder = if args.folder == Utf8Path::new(".") {
        context.working_dir.to_owned()
    } else {
        context.working_dir.join(&args.folder)
    };
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
    if !unmodelled.is_empty() {
        context
            .reporter
            .diagnostic(&left_out(&unmodelled, context.reporter.verbosity()));
    }
    Ok(Exit::Done)
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
