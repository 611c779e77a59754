//! Rehearses plans on the shadow server: up, down and up again, as a release and its rollback would.

use std::collections::BTreeSet;

use super::{Workbench, differing, replay::without_what_stood_besides, run};
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
    kinds::ObjectId,
    plan::file::{PlanFile, SETTINGS},
    server::connect::ConnectOptions,
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
}

impl Workbench {
    /// Runs plans in an empty database, takes the last `back` of them back, and runs those again. `at_head` is called at the
    /// end of each way up, with how to connect to the database.
    ///
    /// # Errors
    /// [`Code::Unproved`] for a step that fails, or a second way up that ends elsewhere than the first.
    pub async fn rehearse(
        &self,
        pairs: &[Pair<'_>],
        back: usize,
        mut at_head: impl AsyncFnMut(&ConnectOptions) -> Result<()>,
    ) -> Result<Rehearsed> {
        let files = pairs.iter().flat_map(|pair| [pair.up, pair.down]);
        self.create_roles_of(files).await?;
        let mut scratch = self.scratch("test").await?;
        scratch.session().run(&SETTINGS.join(";")).await?;
        let mut states = vec![self.read(&scratch).await?];
        let what =
            |pair: &Pair<'_>, way| format!("{way} revision `{}` fails", pair.up.header.revision);
        let ups: Vec<&PlanFile> = pairs.iter().map(|pair| pair.up).collect();
        for pair in pairs {
            let stands = states.last().expect("the empty database is there");
            let fitted = without_what_stood_besides(pair.up, &ups, stands);
            let plan = fitted.as_ref().unwrap_or(&pair.up.plan);
            run(&mut scratch, plan, &what(pair, "the upgrade to")).await?;
            states.push(self.read(&scratch).await?);
        }
        at_head(scratch.options()).await?;
        let kept = pairs.len() - back.min(pairs.len());
        let mut irreversible = Vec::new();
        for (number, pair) in pairs.iter().enumerate().skip(kept).rev() {
            run(
                &mut scratch,
                &pair.down.plan,
                &what(pair, "the downgrade from"),
            )
            .await?;
            let back = self.read(&scratch).await?;
            if let Some(left) = differing(&back, &states[number]) {
                irreversible.push((pair.up.header.revision.clone(), left));
            }
        }
        for pair in &pairs[kept..] {
            run(
                &mut scratch,
                &pair.up.plan,
                &what(pair, "the second upgrade to"),
            )
            .await?;
        }
        let again = self.read(&scratch).await?;
        let head = states.pop().expect("the empty database is there");
        if let Some(left) = differing(&again, &head) {
            return Err(elsewhere(&left));
        }
        if kept < pairs.len() {
            at_head(scratch.options()).await?;
        }
        self.shadow.drop_scratch(scratch).await?;
        Ok(Rehearsed {
            catalog: head,
            irreversible,
        })
    }
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
