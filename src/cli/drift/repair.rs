//! `forge drift --revert` and `--adopt`: what to do about it.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{super::Context, found::Found};
use crate::{
    catalog::Catalog,
    commands::{
        Project,
        bench::{Whom, on_bench},
        revisions::counted,
        target::OpenTarget,
    },
    diagnostic::{Code, Diagnostic, Exit, Result},
    diff::{Catalogs, Diff},
    drift,
    kinds::{Glob, ObjectId},
    listener::Status,
    plan::{
        file::{SETTINGS, render_steps},
        plan,
    },
    scaffold::{Adoption, ByHand, Stands},
    source::{Tree, load_order},
    sql::{comment, join},
    workbench::Workbench,
};

/// Prints the SQL that takes the drift back, or else brings it into the schema tree.
pub(super) async fn run(
    reverts: bool,
    context: &Context<'_>,
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    found: Found,
) -> Result<Exit> {
    if !found.settled {
        return Err(Diagnostic::error(
            Code::TargetChanged,
            "forge was stopped before it noted what the last revision left, so its own changes can't be told from others'",
        )
        .help("`forge apply` notes the state as it is now"));
    }
    for object in &found.unmodelled {
        context.reporter.warn(format_args!(
            "{object} is left as it is: no kind of this version of forge models it"
        ));
    }
    if reverts {
        revert(context, &found)
    } else {
        adopt(context, project, target, found).await
    }
}

/// Prints the plan from what the database is to what it was.
fn revert(context: &Context<'_>, found: &Found) -> Result<Exit> {
    let mut left = found.left.clone();
    left.adopt_contents(&found.live, ObjectId::clone);
    let back = plan(&Diff::new(Catalogs {
        live: &found.live,
        desired: &left,
    }))?;
    if back.is_empty() {
        context.reporter.note("there is nothing to take back");
        return Ok(Exit::Done);
    }
    let mut script = comment(format_args!(
        "back to what {} left; run it with `psql -X -f`",
        found.left_by
    ));
    script.push_str("\n\\set ON_ERROR_STOP on\n");
    for setting in SETTINGS {
        writeln!(script, "{setting} \\g /dev/null").expect("writing to a String can't fail");
    }
    script.push('\n');
    script += render_steps(&back).trim_end();
    context.reporter.sql(&script);
    for (step, hazard) in back.hazards() {
        if hazard.kind.needs_approval() {
            context.reporter.warn(format_args!(
                "{} · {}: {}",
                hazard.kind, step.object, hazard.why
            ));
        }
    }
    context.reporter.note(format_args!(
        "{} back to what {} left; nothing was run",
        counted(back.steps().count(), "step"),
        found.left_by
    ));
    Ok(Exit::Done)
}

/// Edits the tree, once the shadow server has shown that the edits lead to what the database is.
async fn adopt(
    context: &Context<'_>,
    project: &Project<'_>,
    target: &OpenTarget<'_>,
    found: Found,
) -> Result<Exit> {
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
    write(context, project, &tree, &adoption)?;
    for by_hand in &adoption.by_hand {
        tell_by_hand(context, by_hand);
    }
    if !adoption.by_hand.is_empty() {
        context.reporter.note(format_args!(
            "{} to be edited by hand; then `forge drift --adopt` again",
            counted(adoption.by_hand.len(), "object")
        ));
        return Ok(Exit::Difference);
    }
    if adoption.edits.is_empty() && adoption.declared.is_empty() {
        return Ok(Exit::Done);
    }
    context.reporter.note(format_args!(
        "the files declare what the database is; for the history to say so: \
         `forge plan --from history{} -m TEXT`, `forge approve`, `forge stamp head`",
        only(&adoption)
    ));
    Ok(Exit::Done)
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

fn write(
    context: &Context<'_>,
    project: &Project<'_>,
    tree: &Tree,
    adoption: &Adoption,
) -> Result<()> {
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
        context.reporter.status(
            Status::Applied,
            format_args!("{what} {}: {}{moved}", file.path, join(objects, ", ")),
        );
    }
    for object in &adoption.declared {
        context.reporter.status(
            Status::Skipped,
            format_args!("{object}: the files declare it as it is"),
        );
    }
    Ok(())
}

fn tell_by_hand(context: &Context<'_>, by_hand: &ByHand) {
    let ByHand {
        object,
        why,
        places,
        sql,
    } = by_hand;
    let at = if places.is_empty() {
        String::new()
    } else {
        format!(" ({})", places.join(", "))
    };
    context
        .reporter
        .warn(format_args!("edit the files for {object}{at}: {why}"));
    context.reporter.sql(&match sql {
        Some(sql) => format!("{}\n{sql}", comment(format_args!("{object}{at}"))),
        None => comment(format_args!(
            "{object}{at}: it is gone, take its statements out"
        )),
    });
}
