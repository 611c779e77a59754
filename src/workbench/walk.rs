//! Carries plans out on the shadow server as `apply` and `downgrade` carry them out on a target: what they refuse is refused
//! here, and what they report is reported.

use std::collections::BTreeSet;

use super::{
    replay::{begins_here, without_what_stood_besides},
    run::{differing, run},
    server::Workbench,
};
use crate::{
    build::Scratch,
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    history,
    kinds::ObjectId,
    plan::{
        Misfit, Plan,
        file::{PlanFile, SETTINGS},
        misfits,
    },
};

/// A database of the shadow server that plans lead from state to state.
pub(super) struct Walk<'a> {
    bench: &'a Workbench,
    pub(super) scratch: Scratch,
    /// As it is now.
    pub(super) state: Catalog,
}

/// What `apply` finds in a database that only has what the plans made.
pub(super) struct Upgrade {
    /// What keeps a plan from being applied that was made for a database which somebody had changed besides.
    pub(super) besides: Vec<Misfit>,
}

impl Workbench {
    /// Begins at an empty database.
    pub(super) async fn walk(&self, purpose: &str) -> Result<Walk<'_>> {
        let scratch = self.scratch(purpose).await?;
        let state = self.read(&scratch).await?;
        Ok(Walk {
            bench: self,
            scratch,
            state,
        })
    }

    /// Applies plans to an empty database, in this order, as `apply` does.
    ///
    /// # Errors
    /// As [`Self::replay`]; [`Code::TargetChanged`] and [`Code::ResultDiffers`] where `apply` says so, with the objects.
    pub async fn apply_in_order(&self, plans: &[&PlanFile]) -> Result<Catalog> {
        self.create_roles_of(plans.iter().copied()).await?;
        let mut walk = self.walk("apply").await?;
        begins_here(plans, walk.state.fingerprint())?;
        for file in plans {
            let what = format!("revision `{}` can't be applied", file.header.revision);
            walk.upgrade(file, plans, &what).await?;
        }
        walk.end().await
    }
}

impl Walk<'_> {
    /// Applies a plan that is one of `all`.
    ///
    /// # Errors
    /// What `apply` refuses: also a plan whose approval does not cover what its steps do in this state.
    pub(super) async fn upgrade(
        &mut self,
        file: &PlanFile,
        all: &[&PlanFile],
        what: &str,
    ) -> Result<Upgrade> {
        let revision = &file.header.revision;
        history::check_covered(revision, file, &self.state, &BTreeSet::new())?;
        let found = misfits(&file.plan, &self.state);
        if let Some(fitted) = without_what_stood_besides(file, all, &self.state) {
            self.run(&fitted, what).await?;
            return Ok(Upgrade { besides: found });
        }
        if !found.is_empty() {
            return Err(refused(file, "apply", &found));
        }
        let before = self.run(&file.plan, what).await?;
        let promised = before.fingerprint().after(file.header.from, file.header.to);
        if self.state.fingerprint() != promised {
            return Err(differs(file, &before, &self.state));
        }
        Ok(Upgrade {
            besides: Vec::new(),
        })
    }

    /// Takes a plan back. Where that leads is for the caller to judge.
    pub(super) async fn downgrade(&mut self, file: &PlanFile, what: &str) -> Result<()> {
        let found = misfits(&file.plan, &self.state);
        if !found.is_empty() {
            return Err(refused(file, "downgrade", &found));
        }
        self.run(&file.plan, what).await.map(drop)
    }

    /// Runs the steps under the settings of a plan. Returns the state before.
    async fn run(&mut self, plan: &Plan, what: &str) -> Result<Catalog> {
        self.scratch.session().run(&SETTINGS.join(";")).await?;
        run(&mut self.scratch, plan, what).await?;
        let after = self.bench.read(&self.scratch).await?;
        Ok(std::mem::replace(&mut self.state, after))
    }

    /// Takes the database away. Returns its last state.
    pub(super) async fn end(self) -> Result<Catalog> {
        self.bench.shadow.drop_scratch(self.scratch).await?;
        Ok(self.state)
    }
}

fn refused(file: &PlanFile, command: &str, found: &[Misfit]) -> Diagnostic {
    let error = Diagnostic::error(
        Code::TargetChanged,
        format!(
            "`forge {command}` refuses revision `{}`: the database is not what the plan was made for",
            file.header.revision
        ),
    );
    found
        .iter()
        .fold(error, |error, misfit| error.note(misfit.to_string()))
        .help("plan the change again on top of the revisions before it")
}

/// The error that `apply` ends in when a plan leads to another state than it promises.
fn differs(file: &PlanFile, before: &Catalog, after: &Catalog) -> Diagnostic {
    let named: BTreeSet<&ObjectId> = file.plan.steps().map(|step| &step.object).collect();
    let changed = differing(before, after).unwrap_or_default();
    let besides: Vec<&ObjectId> = changed.iter().filter(|id| !named.contains(id)).collect();
    let shown = if besides.is_empty() {
        changed.iter().collect()
    } else {
        besides
    };
    let error = Diagnostic::error(
        Code::ResultDiffers,
        format!(
            "`forge apply` of revision `{}` leads to another state than the plan promises",
            file.header.revision
        ),
    );
    shown
        .into_iter()
        .take(20)
        .fold(error, |error, id| error.note(format!("it changes `{id}`")))
        .help("plan the change again on top of the revisions before it")
}
