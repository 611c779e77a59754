//! Renames, carried out on a copy of the live state.

use super::{run::run, server::Workbench};
use crate::{
    diagnostic::Result,
    diff::Catalogs,
    intent::{Intent, Renamed, Renaming},
    plan::Plan,
    source::Statement,
};

/// What was renamed by a plan, which the catalogs don't tell.
#[derive(Clone, Copy)]
pub struct Renames<'a> {
    /// What the author said.
    pub intent: &'a Intent,
    /// What the renames have led to.
    pub renamed: &'a Renamed,
}

impl Workbench {
    /// Carries the wanted renames out on a copy of the live state; none if there are none to be done.
    ///
    /// # Errors
    /// [`Code::Unproved`](crate::diagnostic::Code::Unproved) where PostgreSQL refuses one.
    pub async fn rename(
        &self,
        statements: &[Statement],
        intent: &Intent,
        catalogs: Catalogs<'_>,
    ) -> Result<Option<Renamed>> {
        if !intent.renames() {
            return Ok(None);
        }
        let live = catalogs.live.roles().into_iter().collect::<Vec<_>>();
        self.shadow.create_roles(&live).await?;
        let mut scratch = self.scratch("renamed").await?;
        self.rebuild(&mut scratch, catalogs, statements).await?;
        let (mut now, mut addresses) = self.read_with_addresses(&scratch).await?;
        let mut renaming = Renaming::new(intent, catalogs, addresses.clone());
        loop {
            let steps = renaming.next_round(&now, &addresses)?;
            if steps.is_empty() {
                break;
            }
            let round = Plan::from(steps);
            run(&mut scratch, &round, "a rename fails on the shadow server").await?;
            (now, addresses) = self.read_with_addresses(&scratch).await?;
        }
        self.shadow.drop_scratch(scratch).await?;
        let mut renamed = renaming.finish(now, &addresses);
        renamed.adopt_contents(catalogs.live);
        Ok(Some(renamed))
    }
}
