//! Rehearses plans on the shadow server: up, down and up again, as a release and its rollback would.

use std::collections::BTreeSet;

use super::{run::differing, server::Workbench};
use crate::{
    catalog::Catalog,
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Result},
    kinds::ObjectId,
    plan::{Misfit, file::PlanFile},
    sql::join,
};

/// A plan and its way back.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The plan.
    pub up: &'a PlanFile,
    /// The way back.
    pub down: &'a PlanFile,
}

/// What a rehearsal has shown.
pub struct Rehearsed {
    /// The catalog behind the last plan.
    pub catalog: Catalog,
    /// What a way back didn't bring back as it was, with its revision.
    pub irreversible: Vec<(String, BTreeSet<ObjectId>)>,
    /// What keeps `apply` from applying a revision here, because it was made for a database that somebody had changed
    /// besides.
    pub besides: Vec<(String, Vec<Misfit>)>,
}

impl Workbench {
    /// Applies plans to an empty database as `apply` does, takes the last `back` of them back, and applies those again.
    /// `at_head` is called at the end of each way up, with how to connect to the database.
    ///
    /// # Errors
    /// What `apply` and `downgrade` would refuse or report, and [`Code::Unproved`] for a step that fails, or a second way up that ends elsewhere than the first.
    pub async fn rehearse(
        &self,
        pairs: &[Pair<'_>],
        back: usize,
        mut at_head: impl AsyncFnMut(&ConnectOptions) -> Result<()>,
    ) -> Result<Rehearsed> {
        let files = pairs.iter().flat_map(|pair| [pair.up, pair.down]);
        self.create_roles_of(files).await?;
        let ups: Vec<&PlanFile> = pairs.iter().map(|pair| pair.up).collect();
        let what =
            |pair: &Pair<'_>, way| format!("{way} revision `{}` fails", pair.up.header.revision);
        let mut walk = self.walk("test").await?;
        let mut states = vec![walk.state.clone()];
        let mut besides = Vec::new();
        for pair in pairs {
            let first = walk
                .upgrade(pair.up, &ups, &what(pair, "the upgrade to"))
                .await?;
            besides.push((pair.up.header.revision.clone(), first.besides));
            states.push(walk.state.clone());
        }
        besides.retain(|(_, misfits)| !misfits.is_empty());
        at_head(walk.scratch.options()).await?;
        let kept = pairs.len() - back.min(pairs.len());
        let mut irreversible = Vec::new();
        for (number, pair) in pairs.iter().enumerate().skip(kept).rev() {
            walk.downgrade(pair.down, &what(pair, "the downgrade from"))
                .await?;
            if let Some(left) = differing(&walk.state, &states[number]) {
                irreversible.push((pair.up.header.revision.clone(), left));
            }
        }
        for pair in &pairs[kept..] {
            walk.upgrade(pair.up, &ups, &what(pair, "the second upgrade to"))
                .await
                .map_err(|error| irreversible.iter().fold(error, left_behind))?;
        }
        let head = states.pop().expect("the empty database is there");
        if let Some(left) = differing(&walk.state, &head) {
            return Err(elsewhere(&left));
        }
        if kept < pairs.len() {
            at_head(walk.scratch.options()).await?;
        }
        walk.end().await?;
        Ok(Rehearsed {
            catalog: head,
            irreversible,
            besides,
        })
    }
}

fn left_behind(error: Diagnostic, (revision, left): &(String, BTreeSet<ObjectId>)) -> Diagnostic {
    let names = join(left.iter().map(|id| format!("`{id}`")), ", ");
    error
        .note(format!(
            "the downgrade from `{revision}` does not restore {names}"
        ))
        .help("correct the `.down.sql` while the plan is a draft")
}

fn elsewhere(left: &BTreeSet<ObjectId>) -> Diagnostic {
    let error = Diagnostic::error(
        Code::Unproved,
        "the second upgrade ends in another state than the first",
    );
    left.iter()
        .take(20)
        .fold(error, |error, id| error.note(format!("`{id}`")))
        .help("the way back leaves something behind that the plan stumbles over: mend the `.down.sql` while it is a draft")
}
