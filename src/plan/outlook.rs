//! What an application notices of a plan: whether it can keep running.

use super::Plan;
use crate::kinds::{HazardKind, Rollout};

/// What an application notices of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outlook {
    /// What breaks one that still uses the old shape: the object and why, in the plan's order.
    pub breaks: Vec<String>,
    /// Whether all of that comes in the phase `contract`, before which the new application is deployed.
    pub in_phases: bool,
    /// What makes one wait for as long as rows are read or written.
    pub blocks: Vec<String>,
}

/// What an application notices of a plan, by its hazards.
pub fn outlook(plan: &Plan) -> Outlook {
    let mut outlook = Outlook {
        in_phases: true,
        ..Outlook::default()
    };
    for (step, hazard) in plan.hazards() {
        let list = match hazard.kind {
            HazardKind::BreaksApplication => {
                outlook.in_phases &= step.rollout == Rollout::Contract;
                &mut outlook.breaks
            }
            HazardKind::BlocksReads | HazardKind::BlocksWrites => &mut outlook.blocks,
            // Of these an application notices nothing while they happen. Whether it may lose a privilege is its owner's to say.
            HazardKind::DeletesData
            | HazardKind::ChangesRows
            | HazardKind::RunsCode
            | HazardKind::Irreversible
            | HazardKind::Rewrites
            | HazardKind::MayFail
            | HazardKind::ChangesAccess
            | HazardKind::NotTransactional => continue,
        };
        let words = format!("{} {}: {}", step.action, step.object, hazard.why);
        if !list.contains(&words) {
            list.push(words);
        }
    }
    outlook.in_phases &= !outlook.breaks.is_empty();
    outlook
}

impl Outlook {
    /// Whether the application can keep running as it is and notices nothing.
    pub fn is_online(&self) -> bool {
        self.breaks.is_empty() && self.blocks.is_empty()
    }

    /// In lines: what to do, then why, each reason indented.
    pub fn lines(&self) -> Vec<String> {
        if self.is_online() {
            return vec!["online: the application can keep running".to_owned()];
        }
        let mut lines = Vec::new();
        let mut say = |what: &str, why: &[String]| {
            if !why.is_empty() {
                lines.push(what.to_owned());
                lines.extend(why.iter().map(|why| format!("  {why}")));
            }
        };
        say(
            if self.in_phases {
                "in two phases: deploy the application that no longer needs the old shape before `forge apply --phase contract`"
            } else {
                "stop the application, or roll out in two phases: first the application that no longer needs the old shape, then this"
            },
            &self.breaks,
        );
        say("the application waits meanwhile", &self.blocks);
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kinds::{Kind, ObjectId, Step};

    #[test]
    fn what_an_application_notices() {
        fn check(steps: Vec<Step>, expected: &[&str]) {
            assert_eq!(outlook(&Plan::from(steps)).lines(), expected);
        }
        let column = ObjectId::new(Kind::Column, ["app", "users", "name"]);
        let drop = || {
            Step::drop(&column, "")
                .hazard(HazardKind::DeletesData, "its values")
                .hazard(HazardKind::BreaksApplication, "whoever names it fails")
        };
        let online = "online: the application can keep running";
        check(vec![], &[online]);
        check(
            vec![Step::drop(&column, "").hazard(HazardKind::DeletesData, "")],
            &[online],
        );
        let why = "  drop column app.users.name: whoever names it fails";
        check(
            vec![drop(), drop()],
            &[
                "stop the application, or roll out in two phases: first the application that no longer needs the old shape, then this",
                why,
            ],
        );
        let contract = || drop().rollout(Rollout::Contract);
        let phases = "in two phases: deploy the application that no longer needs the old shape before `forge apply --phase contract`";
        check(vec![contract()], &[phases, why]);
        check(
            vec![
                contract(),
                Step::alter(&column, "").hazard(HazardKind::BlocksReads, "while it is scanned"),
            ],
            &[
                phases,
                why,
                "the application waits meanwhile",
                "  alter column app.users.name: while it is scanned",
            ],
        );
    }

    /// What a statement by hand breaks is said as what forge's own does, which says it itself.
    #[test]
    fn statements_by_hand_break_an_application_too() {
        let view = ObjectId::new(Kind::View, ["app", "v"]);
        for (sql, breaks) in [
            ("DROP VIEW app.v", true),
            ("REVOKE SELECT ON app.v FROM you", true),
            ("ALTER VIEW app.v RENAME TO w", true),
            ("COMMENT ON VIEW app.v IS ''", false),
        ] {
            let mut step = Step::alter(&view, sql);
            let by_hand = outlook(&Plan::from(vec![step.clone()]));
            assert_eq!(!by_hand.is_online(), breaks, "{sql}");
            step.settle(&mut BTreeSet::new(), |_| BTreeSet::new());
            let own = outlook(&Plan::from(vec![step]));
            assert!(own.is_online(), "{sql}");
        }
    }
}
