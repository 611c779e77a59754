//! Compares a database with what the schema tree declares, and plans the way there and back.

use std::collections::BTreeSet;

use super::{
    rename::Renames,
    server::{Desired, Workbench},
};
use crate::{
    build::bodies::BodyProblem,
    catalog::{Catalog, Unlike, Unmodelled},
    diagnostic::{Code, Diagnostic, Result, Severity},
    diff::{Catalogs, Diff, Fate},
    intent::{Intent, RenameFlag, Renamed, Way},
    kinds::{Glob, ObjectId},
    plan::{Part, Plan, differ_in_line_ends, is_named},
    source::Statement,
    sql::{Ident, join},
};

/// What a comparison has shown.
pub enum Comparison {
    /// The database has what the tree declares: so many objects.
    Same(usize),
    /// A plan leads from one to the other.
    Different(Box<Proposal>),
}

/// A plan and its way back.
pub struct Proposal {
    /// The way to what the tree declares.
    pub up: Plan,
    /// The way back.
    pub down: Plan,
    /// What undoes the plan's steps from each place where it can stop, if it can and the plan was proved.
    pub undo: Option<Plan>,
    /// What the plan renames, if it does.
    renamed: Option<(Intent, Renamed)>,
    /// What the plan leads to: what the tree declares, with the owners that it leaves open, or the part of it that was
    /// wished for.
    pub desired: Catalog,
    /// What wasn't wished for and comes along.
    pub along: BTreeSet<ObjectId>,
    /// What stays different.
    pub rest: BTreeSet<ObjectId>,
}

impl Proposal {
    /// What the plan renames, if it does.
    pub fn renames(&self) -> Option<Renames<'_>> {
        let (intent, renamed) = self.renamed.as_ref()?;
        Some(Renames { intent, renamed })
    }
}

/// What the author says of a plan that is to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// Renames that neither the catalogs nor the tree's directives tell.
    pub renames: &'a [RenameFlag],
    /// The objects to bring to what the tree declares, with what they need; all, where the list is empty.
    pub only: &'a [Glob],
}

impl Workbench {
    /// Plans the way from `live` to what the tree declares; with `prove`, it was run there and back when this returns.
    ///
    /// What the user should know goes into `said`.
    ///
    /// # Errors
    /// [`Code::CannotPlan`] where no statement leads there, [`Code::Unproved`] for a plan that fails its proof, and what is
    /// wrong with function bodies that the plan would write.
    pub async fn compare(
        &self,
        statements: &[Statement],
        live: &Catalog,
        desired: Desired,
        wish: Wish<'_>,
        prove: bool,
        said: &mut Vec<Diagnostic>,
    ) -> Result<Comparison> {
        let Desired {
            catalog: mut desired,
            broken_bodies,
        } = desired;
        let catalogs = Catalogs {
            live,
            desired: &desired,
        };
        let mut intent = Intent::read(statements, wish.renames, catalogs)?;
        said.extend(intent.warnings.iter().cloned());
        let held_back = held_back(&mut intent, catalogs, wish.only)?;
        let renamed = self.rename(statements, &intent, catalogs).await?;
        let begun = renamed.as_ref().map_or(live, |renamed| &renamed.catalog);
        said.extend(desired.adopt(begun));
        desired.adopt_contents(begun, ObjectId::clone);
        said.extend(unmodelled(live, &desired));
        let (mut along, mut rest) = (BTreeSet::new(), BTreeSet::new());
        if !wish.only.is_empty() {
            let part = Part::new(
                Catalogs {
                    live: renamed.as_ref().map_or(live, |renamed| &renamed.catalog),
                    desired: &desired,
                },
                wish.only,
            );
            needs_no_other_name(&part, &held_back)?;
            (desired, along, rest) = (part.desired, part.along, part.rest);
        }
        let catalogs = Catalogs {
            live,
            desired: &desired,
        };
        let Way { diff, plan: up } = intent.way_up(catalogs, renamed.as_ref())?;
        are_finished(live, &diff)?;
        let (errors, passing): (Vec<_>, Vec<_>) = judge_bodies(&broken_bodies, statements, &up)
            .into_iter()
            .partition(|diagnostic| diagnostic.severity() == Severity::Error);
        said.extend(passing);
        if let Some(error) = Diagnostic::all(errors) {
            return Err(error);
        }
        if diff.is_empty() && up.is_empty() {
            return Ok(Comparison::Same(desired.len()));
        }
        said.extend(line_ends(&differ_in_line_ends(catalogs)));
        if up.is_empty() {
            return Err(no_way(&diff));
        }
        let down = intent.way_down(catalogs, renamed.as_ref())?;
        let mut undo = None;
        if prove {
            let of_names = renamed.as_ref().map(|renamed| Renames {
                intent: &intent,
                renamed,
            });
            let proof = Box::pin(self.prove(statements, catalogs, (&up, &down), of_names)).await?;
            said.extend(proof.warnings());
            undo = proof.undo;
        }
        Ok(Comparison::Different(Box::new(Proposal {
            up,
            down,
            undo,
            renamed: renamed.map(|renamed| (intent, renamed)),
            desired,
            along,
            rest,
        })))
    }
}

/// Says once which objects differ only in line ends: most often nobody meant that.
fn line_ends(differing: &[&ObjectId]) -> Option<Diagnostic> {
    if differing.is_empty() {
        return None;
    }
    Some(
        Diagnostic::warning(
            Code::Note,
            "only line ends differ between the tree and the database",
        )
        .note(format!("in {}", join(differing, ", ")))
        .note("line ends between quotes are part of a text, so the plan changes these objects")
        .help(
            "if git converts the files when it checks them out, write `*.sql text eol=lf` in `.gitattributes` \
             and check them out again",
        ),
    )
}

/// Takes the renames out of an intent that nobody has wished for; what they are about, under both names.
fn held_back(
    intent: &mut Intent,
    catalogs: Catalogs<'_>,
    only: &[Glob],
) -> Result<BTreeSet<ObjectId>> {
    if only.is_empty() {
        return Ok(BTreeSet::new());
    }
    for glob in only {
        let glob = std::slice::from_ref(glob);
        let mut objects = [catalogs.live, catalogs.desired]
            .into_iter()
            .flat_map(|catalog| catalog.objects().map(move |(id, _)| (catalog, id)));
        if !objects.any(|(catalog, id)| catalog.parent(id).is_none() && is_named(id, glob)) {
            return Err(Diagnostic::error(
                Code::Usage,
                format!("`--only {}` names nothing", glob[0]),
            )
            .note("neither the database nor the schema tree has such an object")
            .help("name a table, a view, a function, … as `schema.name`, or a whole schema; `*` stands for any characters"));
        }
    }
    Ok(intent
        .hold_back(|id| is_named(&catalogs.root(id), only))
        .iter()
        .map(|id| catalogs.root(id))
        .collect())
}

/// An object that is to be renamed can't be made or dropped for another's sake: that would lose its rows.
fn needs_no_other_name(part: &Part, held_back: &BTreeSet<ObjectId>) -> Result<()> {
    let needed: Vec<String> = part
        .along
        .intersection(held_back)
        .map(|id| format!("`{id}`"))
        .collect();
    if needed.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::Usage,
        format!(
            "what `--only` names needs {}, which is to be renamed",
            needed.join(", ")
        ),
    )
    .help("name that, too, with another `--only`"))
}

/// What an operation has left unfinished isn't what the steps take it for.
fn are_finished(live: &Catalog, diff: &Diff<'_>) -> Result<()> {
    let mut errors = Vec::new();
    for (id, fate) in &diff.fates {
        let stays = match fate {
            Fate::Alter | Fate::Dislodge | Fate::Repoint(_) | Fate::Outlive => true,
            Fate::Create | Fate::Drop | Fate::Replace(_) => false,
        };
        let unfinished = live.get(id).and_then(|object| object.unfinished(id));
        if let Some(unfinished) = unfinished.filter(|_| stays) {
            errors.push(
                Diagnostic::error(
                    Code::CannotPlan,
                    format!("`{id}` can't be changed: it {}", unfinished.problem),
                )
                .help(unfinished.finish),
            );
        }
    }
    Diagnostic::all(errors).map_or(Ok(()), Err)
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

/// As many of them are told one by one; of more, one warning tells.
const SINGLY: usize = 5;

/// Names what no kind models and isn't the same on both sides.
fn unmodelled(live: &Catalog, desired: &Catalog) -> Vec<Diagnostic> {
    let Unlike { gone, new, changed } = Unlike::between(&live.unmodelled, &desired.unmodelled);
    let warning = |message| {
        Diagnostic::warning(Code::Unmodelled, message).help("keep it by statements of your own")
    };
    let warnings = |objects: Vec<&Unmodelled>, (one, several): (&str, &str)| -> Vec<Diagnostic> {
        if objects.len() <= SINGLY {
            let each = objects.into_iter();
            let each = each.map(|object| warning(format!("`{object}` {one}")));
            return each
                .map(|warning| warning.note("no kind of this version of forge models it"))
                .collect();
        }
        let message = format!(
            "{} objects that no kind of this version of forge models {several}",
            objects.len()
        );
        let each = objects.into_iter();
        vec![each.fold(warning(message), |warning, object| {
            warning.note(format!("`{object}`"))
        })]
    };
    [
        warnings(
            gone,
            (
                "of the database isn't in the schema tree",
                "are in the database and not in the schema tree",
            ),
        ),
        warnings(
            new,
            (
                "of the schema tree isn't in the database",
                "are in the schema tree and not in the database",
            ),
        ),
        warnings(
            changed,
            (
                "of the database isn't as the schema tree declares it",
                "aren't in the database as the schema tree declares them",
            ),
        ),
    ]
    .concat()
}

/// The diagnostics of broken bodies: an error where the plan writes the function, a warning where it stands as it was.
pub fn judge_bodies(
    problems: &[BodyProblem],
    statements: &[Statement],
    plan: &Plan,
) -> Vec<Diagnostic> {
    problems
        .iter()
        .map(|problem| {
            let name = [
                Ident::new(problem.schema.clone()),
                Ident::new(problem.name.clone()),
            ];
            let written = plan.steps().any(|step| {
                step.object.args.is_some() && step.object.of.is_none() && step.object.path == name
            });
            problem.diagnostic(
                statements,
                if written {
                    Severity::Error
                } else {
                    Severity::Warning
                },
            )
        })
        .collect()
}
