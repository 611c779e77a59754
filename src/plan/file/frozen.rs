//! A plan file, and the hash that freezes it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Approval, Header};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    kinds::Rollout,
    plan::Plan,
    source::normalised,
    sql::escaped,
};

/// A plan with what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// The first lines.
    pub header: Header,
    /// The steps.
    pub plan: Plan,
    /// The undo steps of the plan whose way back this is, if it can stop half-way.
    pub undo: Option<Plan>,
}

impl PlanFile {
    /// The hash that freezes the plan: of all that forge reads of it, the approval included, but the hashes themselves and
    /// the signature. Line ends, white space and an author's comments don't count; what a reviewer was told of locks and
    /// hazards does.
    ///
    /// # Errors
    /// If a statement can't be read as SQL.
    pub fn sha256(&self) -> Result<String> {
        let mut text = String::new();
        self.header.hashed(&mut text);
        hashed(&self.plan, &mut text)?;
        if let Some(undo) = &self.undo {
            text.push_str("undo\n");
            hashed(undo, &mut text)?;
        }
        Ok(hex::encode(Sha256::digest(text)))
    }

    /// Notes that the plan is proved as it is now.
    ///
    /// # Errors
    /// As [`Self::sha256`].
    pub fn mark_proved(&mut self) -> Result<()> {
        self.header.proved = Some(self.sha256()?);
        Ok(())
    }

    /// Whether the plan is what was proved.
    ///
    /// # Errors
    /// As [`Self::sha256`].
    pub fn is_proved(&self) -> Result<bool> {
        Ok(self.header.proved.as_ref() == Some(&self.sha256()?))
    }

    /// The plan with its approval renewed for what it is now.
    ///
    /// # Errors
    /// [`Code::Draft`] if nobody has approved it.
    pub fn sealed_as_is(&self) -> Result<Self> {
        let mut sealed = self.clone();
        let sha256 = self.sha256()?;
        match &mut sealed.header.approval {
            Some(approval) => {
                approval.sha256 = sha256;
                // It was of another hash.
                approval.signature = None;
            }
            None => {
                self.check_frozen("the plan".into())?;
            }
        }
        Ok(sealed)
    }

    /// The plan's approval, if it is what was approved.
    ///
    /// # Errors
    /// [`Code::Draft`] if nobody has approved it, [`Code::EditedPlan`] if it was changed since.
    pub fn check_frozen(&self, path: &camino::Utf8Path) -> Result<&Approval> {
        let Some(approval) = &self.header.approval else {
            return Err(
                Diagnostic::error(Code::Draft, format!("`{path}` is a draft"))
                    .note("only an approved plan is applied")
                    .help(format!(
                        "review it, then run `forge approve {}`",
                        self.header.revision
                    )),
            );
        };
        if self.sha256()? == approval.sha256 {
            return Ok(approval);
        }
        if self.is_converted(&approval.sha256)? {
            return Err(self.converted(path));
        }
        Err(Diagnostic::error(
            Code::EditedPlan,
            format!("`{path}` was edited after its approval"),
        )
        .note(format!(
            "{} approved it on {} with the hash {}",
            approval.by,
            approval.at,
            &approval.sha256[..12]
        ))
        .help("take the edit back, or make a new plan and have it approved"))
    }

    /// Whether the plan would have this hash if its literals had other line ends.
    fn is_converted(&self, sha256: &str) -> Result<bool> {
        for line_end in ["\n", "\r\n"] {
            let mut other = self.clone();
            let steps = other
                .plan
                .batches
                .iter_mut()
                .flat_map(|batch| &mut batch.steps);
            for statement in steps.flat_map(|step| &mut step.sql) {
                *statement = statement.replace("\r\n", "\n").replace('\n', line_end);
            }
            if other.sha256()? == sha256 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn converted(&self, path: &camino::Utf8Path) -> Diagnostic {
        let error = Diagnostic::error(
            Code::EditedPlan,
            format!("the line ends of `{path}` were converted after its approval"),
        );
        let steps = self.plan.steps();
        let holding = steps.filter(|step| step.sql.iter().any(|sql| holds_line_ends(sql)));
        holding
            .fold(error, |error, step| {
                error.note(format!(
                    "the text of {} holds line ends, which are part of what it is",
                    step.object
                ))
            })
            .help(
                "restore the file as it was approved, and keep git from converting it: write `*.sql -text` in \
                 `.gitattributes` of the plans folder",
            )
    }
}

/// Whether line ends stand between quotes in a statement, where they are not white space.
fn holds_line_ends(sql: &str) -> bool {
    let converted = sql.replace("\r\n", "\n").replace('\n', "\r\n");
    normalised(&converted).ok() != normalised(&sql.replace("\r\n", "\n")).ok()
}

/// What of the steps the hash covers.
fn hashed(plan: &Plan, text: &mut String) -> Result<()> {
    for part in &plan.parts {
        writeln!(text, "undo {} in {}", part.numbers(), part.batches)
            .expect("writing to a String can't fail");
        for change in &part.changes {
            writeln!(text, "changes {change}").expect("writing to a String can't fail");
        }
        for id in &part.stays {
            writeln!(text, "stays {id}").expect("writing to a String can't fail");
        }
    }
    let mut rollout = Rollout::default();
    for batch in &plan.batches {
        if batch.rollout() != rollout {
            rollout = batch.rollout();
            writeln!(text, "phase {rollout}").expect("writing to a String can't fail");
        }
        text.push_str(if batch.transactional {
            "transaction\n"
        } else {
            "alone\n"
        });
        for step in &batch.steps {
            writeln!(text, "{} {}", step.action, step.object)
                .expect("writing to a String can't fail");
            for (id, state) in &step.expects {
                writeln!(text, "expects {id} {state}").expect("writing to a String can't fail");
            }
            for (lock, relation) in &step.locks {
                writeln!(text, "lock {lock} {}", escaped(relation))
                    .expect("writing to a String can't fail");
            }
            for hazard in &step.hazards {
                writeln!(text, "hazard {} {}", hazard.kind, hazard.why)
                    .expect("writing to a String can't fail");
            }
            if let Some(hash) = &step.safe {
                writeln!(text, "safe {hash}").expect("writing to a String can't fail");
            }
            if let Some(batching) = &step.batching {
                writeln!(text, "batch {batching}").expect("writing to a String can't fail");
            }
            for statement in &step.sql {
                let tokens = normalised(statement).map_err(|error| {
                    Diagnostic::error(
                        Code::PlanFile,
                        format!("a statement of the step on `{}` isn't SQL", step.object),
                    )
                    .note(error.to_string())
                })?;
                writeln!(text, "{tokens};").expect("writing to a String can't fail");
            }
        }
    }
    Ok(())
}
