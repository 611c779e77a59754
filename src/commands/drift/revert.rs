//! The SQL that takes drift back.

use std::fmt::Write as _;

use serde::Serialize;

use super::{super::project::Project, found::Found};
use crate::{
    diagnostic::Result,
    diff::{Catalogs, Diff},
    kinds::ObjectId,
    plan::{
        file::{SETTINGS, render_steps},
        plan,
    },
    sql::comment,
};

/// The way from what the database is to what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reverted {
    /// What left the state to which it leads.
    pub left_by: String,
    /// The script for psql; none where there is nothing to take back.
    pub sql: Option<String>,
    /// How many steps it has.
    pub steps: usize,
    /// The hazards that would need approval in a plan.
    pub hazards: Vec<String>,
}

/// Makes the plan from what the database is to what it was.
pub(super) fn run(project: &Project<'_>, found: &Found) -> Result<Reverted> {
    found.usable(project)?;
    let mut left = found.left.clone();
    left.adopt_contents(&found.live, ObjectId::clone);
    let back = plan(&Diff::new(Catalogs {
        live: &found.live,
        desired: &left,
    }))?;
    let mut reverted = Reverted {
        left_by: found.left_by.clone(),
        sql: None,
        steps: back.steps().count(),
        hazards: Vec::new(),
    };
    if back.is_empty() {
        return Ok(reverted);
    }
    let mut script = comment(format_args!(
        "back to what {} left; run it with `psql -X -f`",
        found.left_by
    ));
    script.push_str("\n\\set ON_ERROR_STOP on\n");
    for setting in SETTINGS {
        writeln!(script, "{setting} \\g /dev/null").expect("writing to a String can't fail");
    }
    script.push('\n');
    script += render_steps(&back).trim_end();
    reverted.sql = Some(script);
    for (step, hazard) in back.hazards() {
        if hazard.kind.needs_approval() {
            let hazard = format!("{} · {}: {}", hazard.kind, step.object, hazard.why);
            reverted.hazards.push(hazard);
        }
    }
    Ok(reverted)
}
