//! `forge check`: what can be said of a project without a database.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::Context;
use crate::{
    commands::{Project, git::git, revisions, target::scope},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Filed, Folder, Graph, Journal, Revisions},
    source::{Sort, Statement, Tree, load_order, warnings},
};

/// Check the schema tree and the plans, without a database; with -v, list what each file declares
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say whether merging with this git reference would leave several heads; end with exit code 2 if so
    #[arg(long, value_name = "GIT REF")]
    against: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let own = project.settings.project()?;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    let statements = load_order(tree.parse()?);
    for warning in warnings(&statements) {
        context.reporter.diagnostic(&warning);
    }
    let mut declared: BTreeMap<&str, Vec<&Statement>> = tree
        .files
        .iter()
        .map(|file| (file.path.as_str(), Vec::new()))
        .collect();
    for statement in statements.iter().filter(|statement| statement.is_loaded()) {
        if let Some(objects) = declared.get_mut(statement.file.path.as_str()) {
            objects.push(statement);
        }
    }
    for (file, objects) in &declared {
        if objects.is_empty() {
            context
                .reporter
                .warn(format_args!("`{file}` declares nothing"));
        }
        context.reporter.detail(format_args!("{file}"));
        for object in objects {
            context
                .reporter
                .detail(format_args!("  {}", object.description()));
        }
    }
    for (schema, count) in left_out(&project, &statements) {
        context.reporter.warn(format_args!(
            "schema `{schema}` isn't managed, as `[managed]` in forge.toml says: {} left out of every plan",
            revisions::counted(count, "statement")
        ));
    }
    let folder = revisions::files(&project)?;
    let revisions = Revisions::ever(folder, Journal::default())?;
    let found = history::validate(&revisions, project.signers())?;
    for diagnostic in &found {
        context.reporter.diagnostic(diagnostic);
    }
    if history::is_broken(&found) {
        return Ok(Exit::Refused);
    }
    context.reporter.note(format_args!(
        "{} in {}, {}",
        revisions::counted(statements.len(), "statement"),
        revisions::counted(declared.len(), "file"),
        revisions::counted(revisions.folder.plans.len(), "plan")
    ));
    match &args.against {
        Some(reference) => forks(context, &project, &revisions, reference),
        None => Ok(Exit::Done),
    }
}

/// The schemas of the tree that aren't managed, with the number of statements that declare something in them.
fn left_out<'a>(project: &Project<'_>, statements: &'a [Statement]) -> BTreeMap<&'a str, usize> {
    let scope = scope(project);
    let mut left_out = BTreeMap::new();
    for statement in statements {
        let schema = statement.defines.first().and_then(|symbol| {
            if symbol.sort == Sort::Schema {
                Some(&symbol.name)
            } else {
                symbol.schema.as_ref()
            }
        });
        if let Some(schema) = schema.filter(|schema| !scope.holds_schema(schema.as_str())) {
            *left_out.entry(schema.as_str()).or_default() += 1;
        }
    }
    left_out
}

/// Whether the plans here and those of a git reference, together, have several heads.
fn forks(
    context: &Context<'_>,
    project: &Project<'_>,
    revisions: &Revisions,
    reference: &str,
) -> Result<Exit> {
    let theirs = Folder::of(files_of(project, reference)?)?;
    let mut nodes = theirs.nodes();
    nodes.extend(revisions.folder.nodes());
    let graph = Graph::new(nodes)?;
    let plan = |revision: &str| -> &Filed {
        let own = revisions.folder.plans.get(revision);
        own.unwrap_or_else(|| &theirs.plans[revision])
    };
    let heads = graph.heads_among(|revision| plan(revision).plan.header.approval.is_some());
    if heads.len() < 2 {
        context.reporter.note(format_args!(
            "together with `{reference}` there is one head"
        ));
        return Ok(Exit::Done);
    }
    let before: BTreeSet<&str> = revisions.approved_heads().into_iter().collect();
    let error = Diagnostic::error(
        Code::NotAtHead,
        format!(
            "together with `{reference}` there are {} heads",
            heads.len()
        ),
    );
    let error = heads.iter().fold(error, |error, head| {
        let header = &plan(head).plan.header;
        let side = if before.contains(head) {
            "here".to_owned()
        } else {
            format!("`{reference}`")
        };
        error.note(format!(
            "`{head}` ({side}) by {}: {}",
            header.author, header.message
        ))
    });
    Err(error.help(format!(
        "merge `{reference}` into this branch, then `forge merge {}`; or, if your plan isn't applied anywhere yet, \
         delete it and plan again on top",
        heads.join(" ")
    )))
}

/// The plans folder as it is in a commit.
fn files_of(project: &Project<'_>, reference: &str) -> Result<Vec<(Utf8PathBuf, String)>> {
    let own = &project.settings.project;
    let plans = own
        .plans
        .value
        .strip_prefix(&own.root)
        .unwrap_or(&own.plans.value);
    let commit = git(
        &project.environment,
        &own.root,
        &[
            "rev-parse",
            "--verify",
            "--end-of-options",
            &format!("{reference}^{{commit}}"),
        ],
    )
    .map_err(|error| {
        error.help(format!(
            "`{reference}` must be a commit that git knows here: fetch it first"
        ))
    })?;
    let commit = commit.trim();
    let listed = git(
        &project.environment,
        &own.root,
        &[
            "ls-tree",
            "--name-only",
            "-z",
            commit,
            &format!("./{plans}/"),
        ],
    )?;
    let mut files = Vec::new();
    let paths = listed.split('\0').map(Utf8PathBuf::from);
    for path in paths.filter(|path| path.extension() == Some("sql")) {
        let text = git(
            &project.environment,
            &own.root,
            &["show", &format!("{commit}:./{path}")],
        )?;
        files.push((path, text));
    }
    Ok(files)
}
