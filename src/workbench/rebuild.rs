//! Copies of the live state, on which plans are proved and renames carried out.

use std::collections::BTreeSet;

use super::{
    run::{differing, run, unproved},
    server::Workbench,
};
use crate::{
    build::{Scratch, load::load_foundation},
    catalog::{Catalog, Unlike, Unmodelled},
    diagnostic::{Code, Diagnostic, Result},
    diff::{Catalogs, Diff},
    kinds::{ObjectId, Step},
    plan::{Plan, file::SETTINGS, plan},
    source::Statement,
};

const DECLARE_IT: &str = "declare it in the schema tree, from which what no kind models is built, or take away what needs it";

impl Workbench {
    /// Makes a copy of the live state, but for its rows.
    ///
    /// What no kind models can't be made from a catalog, and others may need it. So where the tree has some of it, the copy is
    /// made out of what the tree declares, and otherwise out of nothing.
    pub(super) async fn rebuild(
        &self,
        scratch: &mut Scratch,
        catalogs: Catalogs<'_>,
        statements: &[Statement],
    ) -> Result<()> {
        let Catalogs { live, desired } = catalogs;
        let unlike = Unlike::between(&live.unmodelled, &desired.unmodelled);
        if unlike.gone.len() < live.unmodelled.len() {
            load_foundation(scratch, statements).await?;
            let tree = self.read(scratch).await?;
            remove(
                scratch,
                &Unlike::between(&live.unmodelled, &tree.unmodelled).new,
            )
            .await?;
        }
        scratch.session().run(&SETTINGS.join(";")).await?;
        let start = self.read(scratch).await?;
        let rebuild = plan(&Diff::new(Catalogs {
            live: &start,
            desired: live,
        }))?;
        let what = "the live state can't be rebuilt on the shadow server";
        run(scratch, &rebuild, what)
            .await
            .map_err(|error| for_want_of(error, &unlike.gone, DECLARE_IT))?;
        if rebuild.is_empty() {
            return fill(scratch, &start, live).await;
        }
        // A rebuilt state differs from the live one only where forge doesn't say everything it reads.
        let restored = self.read(scratch).await?;
        differing(&restored, live).map_or(Ok(()), |left| {
            Err(unproved(
                "the live state can't be rebuilt on the shadow server as it is",
                &left,
                &restored,
                live,
            ))
        })?;
        fill(scratch, &restored, live).await
    }
}

/// Fills what the live state holds rows of and the tree's statements have made without: others may be made of it.
async fn fill(scratch: &mut Scratch, restored: &Catalog, live: &Catalog) -> Result<()> {
    let (mut seen, mut steps) = (BTreeSet::new(), Vec::new());
    for (id, _) in restored.objects() {
        fills(restored, live, id, &mut seen, &mut steps);
    }
    let what = "the live state can't be filled on the shadow server";
    run(scratch, &Plan::from(steps), what).await
}

/// The steps that fill an object, behind those that fill what it needs.
fn fills<'a>(
    restored: &'a Catalog,
    live: &Catalog,
    id: &'a ObjectId,
    seen: &mut BTreeSet<&'a ObjectId>,
    steps: &mut Vec<Step>,
) {
    if !seen.insert(id) {
        return;
    }
    for needed in restored.dependencies(id) {
        fills(restored, live, needed, seen, steps);
    }
    if let (Some(object), Some(live)) = (restored.get(id), live.get(id)) {
        steps.extend(object.fill(live, id));
    }
}

/// Takes away what only the tree has, with whatever needs it: the live state has neither.
async fn remove(scratch: &mut Scratch, objects: &[&Unmodelled]) -> Result<()> {
    for object in objects {
        let sql = object.removal();
        scratch.run_all(&[&sql], true).await.map_err(|rejection| {
            Diagnostic::error(
                Code::Unproved,
                format!("the live state can't be rebuilt on the shadow server: `{object}` of the schema tree stays there"),
            )
            .note(format!("the server says: {}", rejection.diagnostic.message()))
        })?;
    }
    Ok(())
}

/// Names what is missing, if something is: the error may come of that.
pub(super) fn for_want_of(error: Diagnostic, missing: &[&Unmodelled], help: &str) -> Diagnostic {
    const NAMED: usize = 5;
    let Some(more) = missing.len().checked_sub(1) else {
        return error;
    };
    let named = missing.iter().take(NAMED);
    let error = named.fold(error, |error, object| {
        error.note(format!("`{object}`, which no kind models, isn't there"))
    });
    let more = (more + 1).saturating_sub(NAMED);
    let error = if more > 0 {
        error.note(format!("and {more} more"))
    } else {
        error
    };
    error.help(help)
}
