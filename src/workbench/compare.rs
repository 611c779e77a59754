//! Compares a database with what the schema tree declares, and plans the way there and back.

use super::{Desired, Workbench, judge_bodies};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result, Severity},
    diff::{Catalogs, Diff},
    intent::{Intent, RenameFlag, Way},
    plan::Plan,
    source::Statement,
};

/// What a comparison has shown.
pub enum Comparison {
    /// The database has what the tree declares: so many objects.
    Same(usize),
    /// A plan leads from one to the other.
    Different(Proposal),
}

/// A plan and its way back.
pub struct Proposal {
    /// The way to what the tree declares.
    pub up: Plan,
    /// The way back.
    pub down: Plan,
    /// What the tree declares, with the owners that it leaves open.
    pub desired: Catalog,
}

impl Workbench {
    /// Plans the way from `live` to what the tree declares; with `prove`, it was run there and back when this returns.
    ///
    /// `flags` say what the catalogs and the tree's directives don't. What the user should know goes into `said`.
    ///
    /// # Errors
    /// [`Code::CannotPlan`] where no statement leads there, [`Code::Unproved`] for a plan that fails its proof, and what is
    /// wrong with function bodies that the plan would write.
    pub async fn compare(
        &self,
        statements: &[Statement],
        live: &Catalog,
        desired: Desired,
        flags: &[RenameFlag],
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
        let intent = Intent::read(statements, flags, catalogs)?;
        said.extend(intent.warnings.iter().cloned());
        let renamed = self.rename(&intent, catalogs).await?;
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
            return Ok(Comparison::Same(desired.len()));
        }
        if up.is_empty() {
            return Err(no_way(&diff));
        }
        let down = intent.way_down(catalogs, renamed.as_ref())?;
        if prove {
            said.extend(self.prove(catalogs, &up, &down).await?.warnings());
        }
        Ok(Comparison::Different(Proposal { up, down, desired }))
    }
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
