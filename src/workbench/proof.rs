//! Proves plans: the way up, the way down, and the way back from each place where a plan can stop.

use std::collections::BTreeSet;

use super::{
    rebuild,
    rename::Renames,
    run::{differing, run, unproved},
    server::Workbench,
};
use crate::{
    catalog::Unlike,
    diagnostic::{Code, Diagnostic, Result},
    diff::Catalogs,
    kinds::ObjectId,
    plan::Plan,
    source::Statement,
};

const CREATE_IT: &str = "create it in the database by a statement of your own, and plan again";

/// What a proof has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// What the way back doesn't bring back as it was.
    pub irreversible: BTreeSet<ObjectId>,
    /// What undoes the plan's steps from each place where it can stop, if it can.
    pub undo: Option<Plan>,
}

impl Proof {
    /// What the user should know of the way back.
    pub fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        self.irreversible.iter().map(|id| {
            Diagnostic::warning(
                Code::Note,
                format!("the way back doesn't bring `{id}` back as it was"),
            )
        })
    }
}

impl Workbench {
    /// Proves a plan: rebuilds the live state, runs the way up, which has to end in the desired state, and the way down,
    /// which should end where it began. Where the plan can stop half-way, the way back from there is made and proved, too.
    /// `statements` are the tree's.
    ///
    /// # Errors
    /// [`Code::Unproved`] with what stands in the way.
    pub async fn prove(
        &self,
        statements: &[Statement],
        catalogs: Catalogs<'_>,
        (up, down): (&Plan, &Plan),
        renames: Option<Renames<'_>>,
    ) -> Result<Proof> {
        let Catalogs { live, desired } = catalogs;
        let roles: BTreeSet<String> = live.roles().union(&desired.roles()).cloned().collect();
        self.shadow
            .create_roles(&roles.into_iter().collect::<Vec<_>>())
            .await?;
        let unlike = Unlike::between(&live.unmodelled, &desired.unmodelled);
        let mut scratch = self.scratch("proof").await?;
        self.rebuild(&mut scratch, catalogs, statements).await?;
        let missing = |error| rebuild::for_want_of(error, &unlike.new, CREATE_IT);
        let undone = self.undo(scratch, statements, catalogs, up, renames);
        let (mut scratch, undo) = Box::pin(undone).await.map_err(missing)?;
        run(&mut scratch, up, "the plan fails on the shadow server")
            .await
            .map_err(missing)?;
        let reached = self.read(&scratch).await?;
        differing(&reached, desired).map_or(Ok(()), |left| {
            Err(unproved(
                "the plan doesn't lead to what the schema tree declares",
                &left,
                &reached,
                desired,
            ))
        })?;
        run(
            &mut scratch,
            down,
            "the way back fails on the shadow server",
        )
        .await?;
        let back = self.read(&scratch).await?;
        let irreversible = differing(&back, live).unwrap_or_default();
        self.shadow.drop_scratch(scratch).await?;
        Ok(Proof { irreversible, undo })
    }
}
