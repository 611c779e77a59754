//! What the author of a change knows and two catalogs can't tell: that something was renamed, and which values rows get.
//!
//! The `-- forge:` directives of the tree and the flags of `forge plan` are brought together with both catalogs: what is
//! still to be done, what is done already, what can't be. A rename is carried out on a copy of the live state, since
//! expressions mention names and only PostgreSQL knows where ([`Renaming`]); what is left is the difference between that
//! copy and the desired state ([`Renamed`]). Without a directive nothing is guessed.
//!
//! | module | what it does |
//! |---|---|
//! | `flag` | `--rename app.people=app.users` |
//! | `names` | from names that people write to objects of both catalogs |
//! | `request` | one wanted rename, and what is to be said of it |
//! | `judge` | which renames are to be done, are done, or can't be |
//! | `owners` | the owners that the tree names |
//! | `values` | `using` and `backfill` |
//! | `renaming` | the renames, round by round, with what PostgreSQL named after the renamed |
//! | `order` | the order of the renames of one round |
//! | `renamed` | the plan of the renames and of what is left |

mod flag;
mod judge;
mod names;
mod order;
mod owners;
mod renamed;
mod renaming;
mod request;
mod values;

use std::collections::BTreeMap;

use self::request::Rename;
pub use self::{
    flag::RenameFlag, names::Named, owners::named_owners, renamed::Renamed, renaming::Renaming,
};
use crate::{
    diagnostic::{Diagnostic, Result},
    diff::{Catalogs, Diff},
    kinds::{ObjectId, Values},
    plan::{Plan, plan, suggest_renames},
    source::Statement,
};

/// What the author wants of this change.
#[derive(Debug, Default)]
pub struct Intent {
    /// The renames that are still to be done.
    renames: Vec<Rename>,
    /// What is said of the values of columns.
    values: BTreeMap<ObjectId, Values>,
    /// Directives that have nothing to do.
    pub warnings: Vec<Diagnostic>,
}

impl Intent {
    /// Reads the directives of the statements, and the flags.
    ///
    /// # Errors
    /// If a rename contradicts the tree or another one, or a flag names what isn't there.
    pub fn read(
        statements: &[Statement],
        flags: &[RenameFlag],
        catalogs: Catalogs<'_>,
    ) -> Result<Self> {
        let mut intent = Self::default();
        let anything = statements
            .iter()
            .any(|statement| !statement.directives().is_empty());
        if !anything && flags.is_empty() {
            return Ok(intent);
        }
        let Intent {
            renames,
            values,
            warnings,
        } = &mut intent;
        let names = judge::renames(statements, flags, catalogs, renames, warnings)?;
        values::read(statements, &names, values, warnings);
        Ok(intent)
    }

    /// Whether something is to be renamed.
    pub fn renames(&self) -> bool {
        !self.renames.is_empty()
    }

    /// Leaves out the renames of objects that nobody wants now; returns these objects, under both names.
    pub fn hold_back(&mut self, is_wanted: impl Fn(&ObjectId) -> bool) -> Vec<ObjectId> {
        let (wanted, held_back): (Vec<_>, Vec<_>) = std::mem::take(&mut self.renames)
            .into_iter()
            .partition(|rename| is_wanted(&rename.from.id) || is_wanted(&rename.to.id));
        self.renames = wanted;
        held_back
            .into_iter()
            .flat_map(|rename| [rename.from.id, rename.to.id])
            .collect()
    }

    /// The way from the live state, or what the renames have made of it, to the desired one.
    pub fn way_up<'a>(
        &'a self,
        catalogs: Catalogs<'a>,
        renamed: Option<&'a Renamed>,
    ) -> Result<Way<'a>> {
        let rest = Catalogs {
            live: renamed.map_or(catalogs.live, |renamed| &renamed.catalog),
            ..catalogs
        };
        let diff = Diff::with_values(rest, &self.values);
        let mut made = plan(&diff)?;
        suggest_renames(&mut made, &diff);
        let plan = match renamed {
            Some(renamed) => renamed.and_then(made, catalogs.live),
            None => made,
        };
        Ok(Way { diff, plan })
    }

    /// The way back.
    pub fn way_down(&self, catalogs: Catalogs<'_>, renamed: Option<&Renamed>) -> Result<Plan> {
        let made = plan(&Diff::new(Catalogs {
            live: catalogs.desired,
            desired: renamed.map_or(catalogs.live, |renamed| &renamed.catalog),
        }))?;
        Ok(match renamed {
            Some(renamed) => renamed.undone_after(made, catalogs.desired),
            None => made,
        })
    }
}

/// A plan, and the difference that it takes away besides the renames.
pub struct Way<'a> {
    /// What is different once everything is renamed.
    pub diff: Diff<'a>,
    /// The renames and the rest.
    pub plan: Plan,
}
