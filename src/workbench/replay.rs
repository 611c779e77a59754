//! Replays approved plans on the shadow server: what a history makes of an empty database.

use super::{Workbench, run};
use crate::{
    catalog::{Catalog, Fingerprint},
    diagnostic::{Code, Diagnostic, Result},
    plan::file::{Header, PlanFile, SETTINGS},
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
        if let Some(first) = plans.first().map(|file| &file.header)
            && first.from != promised
        {
            return Err(begins_elsewhere(first, promised));
        }
        for file in plans {
            let header = &file.header;
            let what = format!("revision `{}` can't be replayed", header.revision);
            run(&mut scratch, &file.plan, &what).await?;
            catalog = self.read(&scratch).await?;
            promised = promised.after(header.from, header.to);
            if catalog.fingerprint() != promised {
                differing.push(header.revision.clone());
                promised = catalog.fingerprint();
            }
        }
        self.shadow.drop_scratch(scratch).await?;
        Ok(Replayed { catalog, differing })
    }
}

/// A history can be replayed only from the state in which it began.
fn begins_elsewhere(first: &Header, empty: Fingerprint) -> Diagnostic {
    let Header { revision, from, .. } = first;
    Diagnostic::error(
        Code::History,
        format!(
            "revision `{revision}` was made for a database that wasn't empty, so the history can't be replayed"
        ),
    )
    .note(format!("it leads from {from}, an empty database is {empty}"))
    .help("plan from the live database, or begin the history with a baseline: `forge init --from-db`")
}
