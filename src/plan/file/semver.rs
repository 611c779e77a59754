//! The semantic version of a schema: what a plan does to those who use it.

use std::{fmt, str::FromStr};

use crate::{
    kinds::{Action, HazardKind},
    plan::Plan,
};

/// A version: `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Semver {
    /// Counts what breaks those who use the schema.
    pub major: u32,
    /// Counts what adds to it.
    pub minor: u32,
    /// Counts the rest.
    pub patch: u32,
}

impl Semver {
    /// The version after a plan: what breaks or deletes is major, what creates is minor, the rest is a patch.
    #[must_use]
    pub fn after(self, plan: &Plan) -> Self {
        let breaks = plan.hazards().any(|(_, hazard)| {
            matches!(
                hazard.kind,
                HazardKind::DeletesData | HazardKind::BreaksApplication
            )
        });
        if breaks {
            return Self {
                major: self.major + 1,
                minor: 0,
                patch: 0,
            };
        }
        if plan.steps().any(|step| step.action == Action::Create) {
            return Self {
                minor: self.minor + 1,
                patch: 0,
                ..self
            };
        }
        Self {
            patch: self.patch + 1,
            ..self
        }
    }
}

impl FromStr for Semver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no version such as `1.4.0`");
        let parts: Vec<u32> = text
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        match parts[..] {
            [major, minor, patch] => Ok(Self {
                major,
                minor,
                patch,
            }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinds::{ObjectId, Step},
        plan::Batch,
    };

    #[test]
    fn versions_follow_what_a_plan_does() {
        fn check(step: Step, expected: &str) {
            let plan = Plan {
                batches: vec![Batch {
                    transactional: true,
                    steps: vec![step],
                }],
                ..Plan::default()
            };
            let before: Semver = "1.2.3".parse().unwrap();
            assert_eq!(before.after(&plan).to_string(), expected);
        }
        let table: ObjectId = "table app.users".parse().unwrap();
        check(Step::create(&table, ""), "1.3.0");
        check(Step::alter(&table, ""), "1.2.4");
        let hazard = |kind| Step::alter(&table, "").hazard(kind, "why");
        check(hazard(HazardKind::DeletesData), "2.0.0");
        check(hazard(HazardKind::BreaksApplication), "2.0.0");
        check(hazard(HazardKind::Rewrites), "1.2.4");
    }

    #[test]
    fn what_is_no_version() {
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "-1.0.0"] {
            assert!(text.parse::<Semver>().is_err(), "{text}");
        }
    }
}
