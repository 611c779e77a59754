//! Brings drift into the schema tree.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    super::{
        bench::{Whom, on_bench},
        project::Project,
        revisions::counted,
        target::OpenTarget,
    },
    found::Found,
};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    drift,
    kinds::{Glob, ObjectId},
    listener::Status,
    scaffold::{self, Adoption, Stands},
    source::{Tree, load_order},
    sql::join,
    workbench::Workbench,
};

/// What the schema tree declares now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Whether it declares something of the drift.
    pub edited: bool,
    /// The flags that keep out of a plan what the files declare besides and no plan has made yet.
    pub only: String,
    /// What is left to do by hand.
    pub by_hand: Vec<ByHand>,
}

/// An object whose statements have to be edited by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByHand {
    /// The object.
    pub object: String,
    /// Why.
    pub why: &'static str,
    /// Where the tree speaks of it: `path:line`.
    pub places: Vec<String>,
    /// What to write there; nothing where it is gone.
    pub sql: Option<String>,
}

impl ByHand {
    fn of(by_hand: &scaffold::ByHand) -> Self {
        Self {
            object: by_hand.object.to_string(),
            why: by_hand.why,
            places: by_hand.places.clone(),
            sql: by_hand.sql.clone(),
        }
    }
}

/// Edits the tree, once the shadow server has shown that the edits lead to what the database is.
pub(super) async fn run(
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    found: Found,
) -> Result<Adopted> {
    found.usable(project)?;
    let own = project.settings.project()?;
    let tree = Tree::read(&own.schema.value, &own.files)?;
    let folder = &own.schema.value;
    let folder = folder.strip_prefix(&own.root).unwrap_or(folder);
    let statements = load_order(tree.parse()?);
    let whom = Whom::live(target, &found.live).await?;
    let adoption = on_bench(project, whom, async |bench, _| {
        let declared = declared(bench, &tree, &found.live).await?;
        let stands = Stands {
            left: &found.left,
            declared: &declared,
            live: &found.live,
        };
        let mut adoption = Adoption::new(stands, &tree, &statements, folder)?;
        while !adoption.edits.is_empty() {
            let astray = astray(bench, &adoption, &tree, stands).await?;
            if astray.is_empty() {
                break;
            }
            adoption.give_up(&astray, &tree, &found.live)?;
        }
        Ok(adoption)
    })
    .await?;
    write(project, &tree, &adoption)?;
    Ok(Adopted {
        edited: !adoption.edits.is_empty() || !adoption.declared.is_empty(),
        only: only(&adoption),
        by_hand: adoption.by_hand.iter().map(ByHand::of).collect(),
    })
}

/// The flags that keep out of a plan what the files declare besides and no plan has made yet.
fn only(adoption: &Adoption) -> String {
    if !adoption.is_ahead {
        return String::new();
    }
    let edited = adoption.edits.iter().map(|edit| &edit.object);
    let globs: BTreeSet<String> = edited
        .chain(&adoption.declared)
        .map(|object| Glob::of(object).to_string())
        .collect();
    let flags = globs.iter().map(|glob| {
        // A quoted name is for forge to read, not for the shell.
        let quote = if glob.contains('"') { "'" } else { "" };
        format!(" --only {quote}{glob}{quote}")
    });
    join(flags, "")
}

async fn declared(bench: &Workbench, tree: &Tree, live: &Catalog) -> Result<Catalog> {
    let statements = load_order(tree.parse()?);
    let mut catalog = bench.build(&statements).await?.catalog;
    drop(catalog.adopt(live));
    Ok(catalog)
}

/// The edited objects that the tree would not declare as they are; all, where that can't be told.
async fn astray(
    bench: &Workbench,
    adoption: &Adoption,
    tree: &Tree,
    stands: Stands<'_>,
) -> Result<BTreeSet<ObjectId>> {
    let edited: BTreeSet<ObjectId> = adoption.edits.iter().map(|it| it.object.clone()).collect();
    let revised = match declared(bench, &adoption.revise(tree), stands.live).await {
        Ok(revised) => revised,
        Err(error) if error.code() == Code::Interrupted => return Err(error),
        Err(_) => return Ok(edited),
    };
    let wrong = drift::roots(&revised, stands.live);
    let moved = drift::roots(stands.declared, &revised);
    Ok(if moved.iter().any(|id| !edited.contains(id)) {
        edited
    } else {
        edited.intersection(&wrong).cloned().collect()
    })
}

fn write(project: &Project<'_>, tree: &Tree, adoption: &Adoption) -> Result<()> {
    let (root, files) = (
        &project.settings.project.root,
        &project.settings.project.files,
    );
    let text_of = |path| tree.files.iter().find(|file| file.path == path);
    let revised = adoption.revise(tree);
    let changed = || {
        let files = revised.files.iter();
        files.filter(|file| text_of(file.path.clone()).is_none_or(|old| old.text != file.text))
    };
    // What the tree doesn't read may be there nevertheless.
    if let Some(hidden) = changed()
        .find(|file| text_of(file.path.clone()).is_none() && root.join(&file.path).exists())
    {
        return Err(Diagnostic::error(
            Code::Io,
            format!(
                "`{}` is there, and not part of the schema tree",
                hidden.path
            ),
        )
        .note("an object that somebody added would be declared there")
        .help("move it out of the way, or take it out of the ignore file; no file was changed"));
    }
    for file in changed() {
        let path = root.join(&file.path);
        let what = if file.text.trim().is_empty() {
            files.remove(&path)?;
            "removed"
        } else {
            files.write(&path, &file.text)?;
            text_of(file.path.clone()).map_or("created", |_| "changed")
        };
        let edits = adoption.edits.iter().filter(|it| it.path == file.path);
        let objects: BTreeSet<&ObjectId> = edits.clone().map(|edit| &edit.object).collect();
        let moved: usize = edits.map(|edit| edit.moved_comments).sum();
        let moved = match moved {
            0 => String::new(),
            moved => format!(
                "; {} moved above the new statement",
                counted(moved, "comment"),
            ),
        };
        project.listener.status(
            Status::Applied,
            format_args!("{what} {}: {}{moved}", file.path, join(objects, ", ")),
        );
    }
    for object in &adoption.declared {
        project.listener.status(
            Status::Skipped,
            format_args!("{object}: the files declare it as it is"),
        );
    }
    Ok(())
}
