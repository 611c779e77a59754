//! Whether a plan and its way back are what a person approved.

use std::collections::BTreeSet;

use super::{Filed, Journal, Signers};
use crate::{
    catalog::{Catalog, Judge},
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Hazard, Step},
    plan::file::{Approval, PlanFile},
};

/// Checks that a plan, with its way back, is what was approved, and signed by somebody whose signature counts.
///
/// Whatever applies a plan, writes it into a script or records it as applied checks this first.
///
/// # Errors
/// [`Code::Draft`] if nobody has approved it, [`Code::EditedPlan`] if it or its way back was changed since,
/// [`Code::Hazard`] if its steps do what the approval does not allow,
/// [`Code::Signature`] if it has no valid signature where one is required.
pub fn check_approved(
    up: &Filed,
    down: Option<&Filed>,
    signers: Option<Signers<'_>>,
) -> Result<()> {
    let approval = up.plan.check_frozen(&up.path)?;
    check_down(up, approval, down)?;
    check_allowed(up, approval)?;
    signers.map_or(Ok(()), |signers| signers.signer(up).map(drop))
}

/// What the steps do, as their statements show and not only as the file says, is what was allowed.
fn check_allowed(up: &Filed, approval: &Approval) -> Result<()> {
    let Coverage { missing, .. } = Coverage::of(up.plan.plan.steps(), Some(approval), Step::risks);
    let help = "take the edit back, or make a new plan and have it approved with `--allow`";
    refuse(up.path.as_str(), missing, help)
}

/// Checks that an approval covers what the steps do that are left, in the database as it is: also what the objects do that
/// they meet, as a trigger that fires. `name` says which plan it is.
///
/// # Errors
/// [`Code::Hazard`] if the steps do what the approval does not allow.
pub fn check_covered(
    name: &str,
    up: &PlanFile,
    live: &Catalog,
    done: &BTreeSet<usize>,
) -> Result<()> {
    if !up.plan.meets_objects() {
        return Ok(());
    }
    let found = Coverage::of_rest(up, done, &mut Judge::new([live], []));
    refuse(name, found.missing, ADDED)
}

/// Checks it of plans that are to be applied in this order, before the first one runs.
///
/// # Errors
/// As [`check_covered`].
pub fn check_all_covered(plans: &[Filed], live: &Catalog, journal: &Journal) -> Result<()> {
    let coverages = coverages(plans, live, journal).into_iter();
    let mut uncovered = coverages.filter(|(_, found)| !found.missing.is_empty());
    uncovered.next().map_or(Ok(()), |(filed, found)| {
        refuse(filed.path.as_str(), found.missing, ADDED)
    })
}

/// What the approvals of plans that are to be applied in this order cover, as far as it can be told before the first one runs.
pub fn coverages<'a>(
    plans: &'a [Filed],
    live: &Catalog,
    journal: &Journal,
) -> Vec<(&'a Filed, Coverage)> {
    let mut judge = Judge::new([live], []);
    let found = plans.iter().map(|filed| {
        let done = journal.done(filed.revision());
        (filed, Coverage::of_rest(&filed.plan, &done, &mut judge))
    });
    found.collect()
}

/// What somebody has added to the database is no fault of the plan's.
const ADDED: &str = "drop what was added to the database since the approval, or make a new plan and have it approved with `--allow`";

/// How much of what steps do their approval covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The hazards that need approval and do not have it, as a header lists those that do, and why they are some.
    pub missing: Vec<(String, String)>,
    /// How many need one and have it.
    pub covered: usize,
}

impl Coverage {
    /// Of the steps that are left of a plan, in the database that the judge knows and behind what it has taken note of.
    fn of_rest<'a>(up: &'a PlanFile, done: &BTreeSet<usize>, judge: &mut Judge<'a>) -> Self {
        up.plan.statements().for_each(|sql| judge.note(sql));
        let numbered = (1..).zip(up.plan.steps());
        let left = numbered.filter(|(number, _)| !done.contains(number));
        let left = left.map(|(_, step)| step);
        Self::of(left, up.header.approval.as_ref(), |step| judge.risks(step))
    }

    fn of<'a>(
        steps: impl Iterator<Item = &'a Step>,
        approval: Option<&Approval>,
        risks: impl Fn(&Step) -> Vec<Hazard>,
    ) -> Self {
        let hazards =
            steps.flat_map(|step| risks(step).into_iter().map(move |hazard| (step, hazard)));
        let wanted = hazards
            .filter(|(_, hazard)| hazard.kind.needs_approval())
            .map(|(step, hazard)| {
                (
                    format!("{} {}", hazard.kind, hazard.subject(&step.object)),
                    hazard.why,
                )
            });
        let is_covered = |wanted: &(String, String)| {
            approval.is_some_and(|approval| approval.allowed.contains(&wanted.0))
        };
        let (covered, missing): (Vec<_>, Vec<_>) = wanted.partition(is_covered);
        Self {
            missing,
            covered: covered.len(),
        }
    }
}

/// Refuses a plan with hazards that its approval does not allow, if there are any.
fn refuse(name: &str, missing: Vec<(String, String)>, help: &str) -> Result<()> {
    let missing = missing
        .into_iter()
        .map(|(wanted, why)| format!("{wanted}: {why}"));
    let mut missing: Vec<String> = missing.collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let error = Diagnostic::error(
        Code::Hazard,
        format!("`{name}` has hazards that its approval does not allow"),
    );
    Err(missing.into_iter().fold(error, Diagnostic::note).help(help))
}

/// The way back is the one that was approved with the plan.
fn check_down(up: &Filed, approval: &Approval, down: Option<&Filed>) -> Result<()> {
    let (path, help) = (&up.path, "restore the file from version control");
    match (&approval.down_sha256, down) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(Diagnostic::error(
            Code::EditedPlan,
            format!("the way back of `{path}` is missing"),
        )
        .note("a plan is approved together with its `.down.sql`")
        .help(help)),
        (None, Some(down)) => Err(Diagnostic::error(
            Code::EditedPlan,
            format!("`{}` was not approved", down.path),
        )
        .note(format!("`{path}` was approved without a way back"))
        .help("delete the file, or make a new plan and have it approved")),
        (Some(expected), Some(down)) => {
            let found = down.plan.check_frozen(&down.path)?;
            if found.sha256 == *expected {
                return Ok(());
            }
            Err(Diagnostic::error(
                Code::EditedPlan,
                format!(
                    "`{}` is not the way back that was approved with `{path}`",
                    down.path
                ),
            )
            .note(format!(
                "approved with the hash {}, found {}",
                &expected[..12],
                &found.sha256[..12]
            ))
            .help(help))
        }
    }
}
