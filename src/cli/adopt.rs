//! `forge init --from-db`: a project that begins with the schema of a database, and with what changed it before.

use std::{collections::BTreeSet, sync::Arc};

use camino::Utf8Path;

use super::{Context, baseline, new_project};
use crate::{
    catalog::{Catalog, Unmodelled},
    commands::{Project, revisions::counted, target::OpenTarget},
    diagnostic::{Code, Diagnostic, Exit, Result},
    kinds::ObjectId,
    predecessor::{self, Predecessor},
    report::{Reporter, Verbosity},
    scaffold::{self, Begun, Start, Unmanaged, tree},
    settings::{self, Managed, Naming, Setting},
};

/// How many objects that no kind models are named without `-v`.
const NAMED: usize = 20;

pub(super) async fn run(
    args: &new_project::Args,
    context: &Context<'_>,
    folder: &Utf8Path,
) -> Result<Exit> {
    let mut project = context.project()?;
    let embedded = project.settings.target()?.value == settings::Target::Embedded;
    if embedded && !project.settings.project.declared {
        return Err(Diagnostic::error(
            Code::Usage,
            "a new project has no embedded database to read from",
        )
        .help("name another database with `--url`, or leave `--from-db` out"));
    }
    // A project around the new one may lend it a database, and nothing else.
    project.settings.managed = Setting::default_value(Managed::default());
    project.settings.naming = Naming::default();
    let mut target = if args.wants_baseline() {
        OpenTarget::open(&project, "init").await?
    } else {
        OpenTarget::open_to_read(&project, "init").await?
    };
    project.settings.project = settings::Project {
        root: folder.to_owned(),
        declared: true,
        schema: Setting::default_value(folder.join(scaffold::SCHEMA)),
        plans: Setting::default_value(folder.join(scaffold::PLANS)),
        files: Arc::new(context.files_of(folder)),
    };
    let outcome = Box::pin(with_target(args, context, project, &mut target)).await;
    target.close().await;
    outcome
}

async fn with_target(
    args: &new_project::Args,
    context: &Context<'_>,
    mut project: Project<'_>,
    target: &mut OpenTarget<'_>,
) -> Result<Exit> {
    let reporter = context.reporter;
    let progress = reporter.progress("reading the database");
    let mut live = target.catalog().await?;
    let books = books(reporter, target, &live).await?;
    drop(progress);
    let unmanaged: Vec<Unmanaged> = Unmanaged::absent(&live)
        .into_iter()
        .chain(books.iter().map(Kept::unmanaged))
        .collect();
    project.settings.managed = Setting::default_value(Managed {
        include: None,
        exclude: unmanaged.iter().flat_map(|it| it.globs.clone()).collect(),
    });
    target.manage(&project);
    target.scope.restrict(&mut live);

    let files = tree::files(&live)?;
    let count = files.len();
    let files_of = Arc::clone(&project.settings.project.files);
    let mut begun = Begun::new(&files_of);
    begun.write(&scaffold::project(Start::Database { files, unmanaged }))?;
    let tree = format!(
        "{}, one for each object of the database",
        counted(count, "file")
    );
    new_project::said(args, context, &tree);
    new_project::accompany_new(args, context, &mut begun)?;
    if !live.unmodelled.is_empty() {
        reporter.diagnostic(&left_out(&live.unmodelled, reporter.verbosity()));
    }
    for kept in &books {
        kept.tell(reporter);
    }
    tell_of_commands(reporter, &books);
    if args.wants_baseline() {
        let from: Vec<String> = books.iter().map(Kept::in_a_word).collect();
        let baseline = baseline::begin(context, &project, target, &live, &from, &mut begun).await;
        // Where only the baseline failed, the project stands; one that was interrupted is begun again.
        if let Err(error) = baseline {
            if error.code() != Code::Interrupted {
                begun.end()?;
            }
            return Err(error);
        }
    }
    begun.end()?;
    reporter.note(format_args!(
        "next: `{}forge plan --check` on the same database finds no difference",
        args.go_there()
    ));
    Ok(Exit::Done)
}

/// A tool's books, and what they say.
struct Kept {
    predecessor: Predecessor,
    /// The versions; `None` where they can't be read.
    versions: Option<Vec<String>>,
}

/// The books in the database that can be left alone.
async fn books(reporter: &Reporter, target: &OpenTarget<'_>, live: &Catalog) -> Result<Vec<Kept>> {
    let mut found = predecessor::recognise(live);
    found.retain(|predecessor| {
        let needed_by = predecessor.needed_by(live);
        if !needed_by.is_empty() {
            reporter.diagnostic(&needed(predecessor, needed_by.iter()));
        }
        needed_by.is_empty()
    });
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let versions = match predecessor::versions(&target.session, &found).await {
        Ok(versions) => versions.into_iter().map(Some).collect(),
        Err(error) => {
            reporter.diagnostic(&unread(&error));
            vec![None; found.len()]
        }
    };
    Ok(found
        .into_iter()
        .zip(versions)
        .map(|(predecessor, versions)| Kept {
            predecessor,
            versions,
        })
        .collect())
}

impl Kept {
    fn tables(&self) -> String {
        let tables = self.predecessor.tables.iter();
        let names: Vec<String> = tables.map(|id| format!("`{}`", id.sql())).collect();
        names.join(" and ")
    }

    /// `Alembic at 1975ea83b712`
    fn at(&self) -> String {
        let name = self.predecessor.tool.name;
        match self.versions.as_deref() {
            None => format!("{name} at a version that can't be read"),
            Some([]) => format!("{name} before its first version"),
            Some(versions) => format!("{name} at {}", versions.join(", ")),
        }
    }

    /// What a plan's message has room for.
    fn in_a_word(&self) -> String {
        match self.versions.as_deref() {
            Some([version]) => format!("{} {version}", self.predecessor.tool.name),
            Some(_) | None => self.predecessor.tool.name.to_owned(),
        }
    }

    fn unmanaged(&self) -> Unmanaged {
        Unmanaged {
            globs: self.predecessor.globs(),
            why: format!(
                "The project began with {}, which keeps its books here.",
                self.at()
            ),
        }
    }

    fn tell(&self, reporter: &Reporter) {
        reporter.note(format_args!(
            "found {}: forge leaves {} alone",
            self.at(),
            self.tables()
        ));
    }
}

/// Says which commands take the place of which; each tool once.
fn tell_of_commands(reporter: &Reporter, books: &[Kept]) {
    let mut told: Vec<&str> = Vec::new();
    for Kept { predecessor, .. } in books {
        let tool = predecessor.tool;
        if told.contains(&tool.name) {
            continue;
        }
        told.push(tool.name);
        reporter.note(format_args!(
            "what takes the place of {}'s commands:",
            tool.name
        ));
        table(
            reporter,
            tool.commands
                .iter()
                .map(|(theirs, ours)| (*theirs, format!("forge {ours}"))),
        );
        reporter.note(format_args!(
            "both can work side by side until {} is switched off; after it has changed the database:",
            tool.name
        ));
        table(
            reporter,
            BESIDE
                .iter()
                .map(|(ours, what)| (*ours, (*what).to_owned())),
        );
    }
}

/// What to type after another tool has changed the database.
const BESIDE: &[(&str, &str)] = &[
    ("forge drift", "shows what it changed"),
    ("forge plan -m TEXT", "takes that back"),
    (
        "forge plan --from history -m TEXT",
        "brings it into a plan, once the files under schema/ have it",
    ),
    ("forge stamp head", "records that plan, once it is approved"),
];

fn table<'a>(reporter: &Reporter, rows: impl Iterator<Item = (&'a str, String)>) {
    let rows: Vec<(&str, String)> = rows.collect();
    let width = rows
        .iter()
        .map(|(left, _)| left.len())
        .max()
        .unwrap_or_default();
    for (left, right) in rows {
        reporter.note(format_args!("  {left:width$}  {right}"));
    }
}

fn needed<'a>(predecessor: &Predecessor, by: impl Iterator<Item = &'a ObjectId>) -> Diagnostic {
    let warning = Diagnostic::warning(
        Code::Note,
        format!(
            "`{}` is {}'s, and stays in the schema tree because others need it",
            predecessor.tables[0].sql(),
            predecessor.tool.name
        ),
    );
    by.fold(warning, |warning, id| warning.note(format!("`{id}`")))
}

fn unread(error: &Diagnostic) -> Diagnostic {
    let warning = Diagnostic::warning(
        Code::Note,
        "the version that the other tool notes can't be read",
    )
    .note(error.message());
    error.notes().iter().fold(warning, Diagnostic::note)
}

fn left_out(unmodelled: &BTreeSet<Unmodelled>, verbosity: Verbosity) -> Diagnostic {
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
