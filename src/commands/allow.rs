//! `--allow`: the hazards that a person takes responsibility for.

use std::str::FromStr;

use camino::Utf8Path;

use crate::{
    diagnostic::{Code, Diagnostic, Result},
    kinds::{Hazard, HazardKind, Step},
    plan::Plan,
};

/// One `--allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// `all`
    All,
    /// `deletes-data`
    Kind(HazardKind),
    /// `deletes-data:app.users`
    On(HazardKind, String),
}

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let (name, object) = match text.split_once(':') {
            Some((name, object)) => (name, Some(object)),
            None => (text, None),
        };
        let mut kinds = HazardKind::ALL.iter().copied();
        let kind = kinds.find(|kind| kind.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = HazardKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{name}` is no hazard: all, {}", known.join(", "))
        })?;
        Ok(match object {
            None => Self::Kind(kind),
            Some(object) => Self::On(kind, object.to_owned()),
        })
    }
}

impl Allow {
    /// Whether it covers a hazard of a step. An object is named as the plan names it, or by its name alone.
    fn covers(&self, step: &Step, hazard: &Hazard) -> bool {
        match self {
            Self::All => true,
            Self::Kind(kind) => *kind == hazard.kind,
            Self::On(kind, object) => {
                *kind == hazard.kind
                    && match &hazard.about {
                        Some(about) => object == about,
                        None => *object == step.object.to_string() || *object == step.object.sql(),
                    }
            }
        }
    }
}

/// The hazards of a plan that need a person's word and have it, as the header lists them. `risks` says which a step has.
///
/// # Errors
/// [`Code::Hazard`] with each one that doesn't have it, and what to say.
pub(crate) fn check(
    path: &Utf8Path,
    plan: &Plan,
    allowed: &[Allow],
    risks: impl Fn(&Step) -> Vec<Hazard>,
) -> Result<Vec<String>> {
    let mut listed = Vec::new();
    let mut refused = Vec::new();
    let mut missing = Vec::new();
    for (number, step) in (1..).zip(plan.steps()) {
        for hazard in &risks(step) {
            if !hazard.kind.needs_approval() {
                continue;
            }
            if allowed.iter().any(|allow| allow.covers(step, hazard)) {
                listed.push(format!("{} {}", hazard.kind, hazard.subject(&step.object)));
                continue;
            }
            refused.push(format!(
                "step {number}, {} {}: {} · {}",
                step.action, step.object, hazard.kind, hazard.why
            ));
            let allow = format!("--allow {}", argument(hazard, step));
            if !missing.contains(&allow) {
                missing.push(allow);
            }
        }
    }
    if refused.is_empty() {
        listed.dedup();
        return Ok(listed);
    }
    let diagnostic = Diagnostic::error(
        Code::Hazard,
        format!("`{path}` has hazards that nobody has allowed"),
    );
    Err(refused
        .into_iter()
        .fold(diagnostic, Diagnostic::note)
        .help(format!("if that is meant: {}", missing.join(" "))))
}

/// What follows `--allow`, safe for a shell.
fn argument(hazard: &Hazard, step: &Step) -> String {
    let about = hazard.about.clone();
    let text = format!(
        "{}:{}",
        hazard.kind,
        about.unwrap_or_else(|| step.object.sql())
    );
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kinds::ObjectId, plan::Batch};

    fn plan() -> Plan {
        let step = |id: &str| {
            let id: ObjectId = id.parse().unwrap();
            Step::drop(&id, format!("DROP TABLE {}", id.sql()))
                .hazard(HazardKind::DeletesData, "rows go")
                .hazard(HazardKind::BreaksApplication, "it breaks")
        };
        Plan {
            batches: vec![Batch {
                transactional: true,
                steps: vec![step("table app.users"), step("table app.\"My Orders\"")],
            }],
            ..Plan::default()
        }
    }

    #[test]
    fn what_is_allowed() {
        fn check(allowed: &[&str], expected: Result<&str, &str>) {
            let allowed: Vec<Allow> = allowed.iter().map(|text| text.parse().unwrap()).collect();
            let result = super::check("p.sql".into(), &plan(), &allowed, Step::risks);
            assert_eq!(
                result
                    .map(|listed| listed.join(", "))
                    .map_err(|error| error.help_text().unwrap().to_owned()),
                expected
                    .map(ToOwned::to_owned)
                    .map_err(|help| format!("if that is meant: {help}")),
            );
        }
        let both = "deletes-data table app.users, deletes-data table app.\"My Orders\"";
        check(&["all"], Ok(both));
        check(&["deletes-data"], Ok(both));
        check(
            &["deletes-data:app.users"],
            Err("--allow 'deletes-data:app.\"My Orders\"'"),
        );
        check(
            &[
                "deletes-data:table app.users",
                "deletes-data:app.\"My Orders\"",
            ],
            Ok(both),
        );
        check(
            &["rewrites"],
            Err("--allow deletes-data:app.users --allow 'deletes-data:app.\"My Orders\"'"),
        );
        assert!(
            "deletes"
                .parse::<Allow>()
                .unwrap_err()
                .starts_with("`deletes` is no hazard: all, deletes-data,")
        );
    }
}
