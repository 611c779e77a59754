//! Replays approved plans on the shadow server: what a history makes of an empty database.

use std::collections::BTreeSet;

use super::{run::run, server::Workbench};
use crate::{
    catalog::{Catalog, Fingerprint},
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Action, ObjectId, Step},
    plan::{
        Plan,
        file::{Header, PlanFile, SETTINGS},
    },
};

/// What replayed plans have left.
pub struct Replayed {
    /// The catalog behind the last plan.
    pub catalog: Catalog,
    /// The plans behind which the catalog wasn't what they promise.
    pub differing: Vec<String>,
}

impl Workbench {
    /// Runs plans, each after those that it builds on, in an empty database.
    ///
    /// # Errors
    /// [`Code::History`] if the first plan was made for a database that wasn't empty, [`Code::Unproved`] for a plan that
    /// fails, with the object and the server's words.
    pub async fn replay(&self, plans: &[&PlanFile]) -> Result<Replayed> {
        self.create_roles_of(plans.iter().copied()).await?;
        let mut scratch = self.scratch("replay").await?;
        scratch.session().run(&SETTINGS.join(";")).await?;
        let mut catalog = self.read(&scratch).await?;
        let mut promised = catalog.fingerprint();
        let mut differing = Vec::new();
        begins_here(plans, promised)?;
        for file in plans {
            let header = &file.header;
            let what = format!("revision `{}` can't be replayed", header.revision);
            let fitted = without_what_stood_besides(file, plans, &catalog);
            run(&mut scratch, fitted.as_ref().unwrap_or(&file.plan), &what).await?;
            catalog = self.read(&scratch).await?;
            let reached = catalog.fingerprint();
            let is_promised = reached == promised.after(header.from, header.to)
                || (fitted.is_some() && reached == header.to);
            if !is_promised {
                differing.push(header.revision.clone());
            }
            promised = reached;
        }
        self.shadow.drop_scratch(scratch).await?;
        Ok(Replayed { catalog, differing })
    }
}

/// What is left of a plan that was made for a database which somebody had changed besides: no plan has done that, so what
/// somebody made isn't there to be dropped, and what somebody dropped is there still. `None` for other plans, whose steps
/// all have to do.
pub(super) fn without_what_stood_besides(
    file: &PlanFile,
    plans: &[&PlanFile],
    catalog: &Catalog,
) -> Option<Plan> {
    let header = &file.header;
    let [parent] = header.down_revision.as_slice() else {
        return None;
    };
    let mut headers = plans.iter().map(|plan| &plan.header);
    let parent = headers.find(|header| header.revision == *parent)?;
    let renames = || file.plan.steps().any(|step| step.action == Action::Rename);
    (parent.to != header.from && !renames()).then(|| fit(&file.plan, catalog))
}

/// The steps of a plan that don't drop what isn't there and don't create what is.
fn fit(plan: &Plan, catalog: &Catalog) -> Plan {
    let mut fitted = plan.clone();
    let mut gone: BTreeSet<ObjectId> = BTreeSet::new();
    let mut made: BTreeSet<ObjectId> = BTreeSet::new();
    let mut does_something = |step: &Step| {
        let id = &step.object;
        let stays = !gone.contains(id) && !catalog.ancestors(id).any(|whole| gone.contains(whole));
        let is_there = made.contains(id) || (catalog.contains(id) && stays);
        match step.action {
            Action::Create => !is_there && made.insert(id.clone()),
            Action::Drop => {
                made.remove(id);
                gone.insert(id.clone());
                is_there
            }
            Action::Alter | Action::Rename | Action::Data => true,
        }
    };
    for batch in &mut fitted.batches {
        batch.steps.retain(&mut does_something);
    }
    fitted.batches.retain(|batch| !batch.steps.is_empty());
    fitted
}

/// A history can be replayed only from the state in which it began.
pub(super) fn begins_here(plans: &[&PlanFile], empty: Fingerprint) -> Result<()> {
    let Some(Header { revision, from, .. }) = plans
        .first()
        .map(|file| &file.header)
        .filter(|first| first.from != empty)
    else {
        return Ok(());
    };
    Err(Diagnostic::error(
        Code::History,
        format!(
            "revision `{revision}` was made for a database that wasn't empty, so the history can't be replayed"
        ),
    )
    .note(format!("it leads from {from}, an empty database is {empty}"))
    .help("plan from the live database, or begin the history with a baseline: `forge init --from-db`"))
}
