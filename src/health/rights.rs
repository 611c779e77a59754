//! Whether the role that applies has the privileges that the pending steps need.

use std::collections::BTreeSet;

use super::{ahead::Ahead, facts, line::Line};
use crate::{
    apply::{MissingRole, missing_roles, statements_left},
    catalog::Catalog,
    connection::session::Session,
    diagnostic::Result,
    kinds::{Action, Kind, Object, ObjectId, Step},
    source::{Need, needs},
};

/// Asks the server about the needs of each step that isn't done.
pub(super) async fn line(session: &Session, ahead: &Ahead<'_>) -> Result<Line> {
    let mut wanted: BTreeSet<Need> = BTreeSet::new();
    for filed in ahead.plans {
        let done = ahead.revisions.journal.done(filed.revision());
        let steps = (1..).zip(filed.plan.plan.steps());
        for (_, step) in steps.filter(|(number, _)| !done.contains(number)) {
            wanted.extend(step.sql.iter().flat_map(|sql| needs(sql)));
            wanted.extend(ownership(step, ahead.live));
        }
    }
    // The history is kept in a schema of forge's own.
    wanted.extend((!ahead.plans.is_empty()).then(history_schema));
    let mut lacks = facts::lacks(session, &wanted).await?;
    let left = statements_left(&ahead.revisions.journal, ahead.plans, None);
    let missing = missing_roles(session, left).await?;
    lacks.extend(missing.iter().map(MissingRole::words));
    let found = if wanted.is_empty() && lacks.is_empty() {
        "no step needs a privilege"
    } else {
        "this role has the privileges that the steps need"
    };
    Ok(Line::of("rights", lacks, found))
}

/// Whose rights the change of an object takes that is there.
fn ownership(step: &Step, live: &Catalog) -> Option<Need> {
    let by_owner = match step.action {
        Action::Alter | Action::Drop | Action::Rename => {
            !matches!(step.object.kind, Kind::Grant | Kind::DefaultPrivilege)
        }
        Action::Create => step.object.kind == Kind::Comment,
        Action::Data => false,
    };
    let object = step.object.target().unwrap_or_else(|| step.object.clone());
    let object = Some(object).filter(|object| by_owner && live.contains(object))?;
    let own = ObjectId::about(Kind::Owner, &object);
    let owner = live
        .contains(&own)
        .then_some(own)
        .or_else(|| live.owner_behind(&object))?;
    let Some(Object::Owner(owner)) = live.get(&owner) else {
        return None;
    };
    Some(Need {
        need: "act as",
        schema: String::new(),
        name: object.to_string(),
        detail: owner.role.as_str().to_owned(),
    })
}

/// The schema of the history is made by the first apply.
fn history_schema() -> Need {
    Need {
        need: "history",
        schema: String::new(),
        name: "forge".to_owned(),
        detail: "CREATE".to_owned(),
    }
}
