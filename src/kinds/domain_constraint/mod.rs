//! CHECK constraints of domains (PostgreSQL docs: ALTER DOMAIN).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Claim, Context, Fragment, HazardKind, ObjectId, ObjectKind, Passage,
    Profile, Reaction, Renaming, Replacement, Step,
    rename::of_whole,
    stored::is_contained,
};
use crate::{attributes, source::Access, sql::Expression};

/// A CHECK constraint of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainConstraint {
    /// What follows its name, as `pg_get_constraintdef` prints it.
    pub definition: Expression,
    /// Whether the values that were there before it were checked.
    pub valid: bool,
}

impl ObjectKind for DomainConstraint {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { definition => set_definition, valid => set_definition });
    const PROFILE: Profile = Profile {
        runs_functions: true,
        splits: true,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        needs_new_parent: Self::needs_new_parent,
        ..Replacement::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("CONSTRAINT {} ON DOMAIN {}", id.name(), id.container())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let step = Step::create(
            id,
            format!("ALTER DOMAIN {} ADD {}", id.container(), element(self, id)),
        );
        vec![if cx.parent_is_created(id) || !self.valid {
            step
        } else {
            checking(step)
        }]
    }

    fn breaks(_change: &Passage<'_, Self>) -> Option<String> {
        None // It rejects some values, or no longer.
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(
            id,
            format!(
                "ALTER DOMAIN {} DROP CONSTRAINT {}",
                id.container(),
                id.name()
            ),
        )]
    }

    fn fold(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        self.valid.then(|| Fragment {
            position: 0,
            sql: element(self, id),
        })
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Constraint(id.sql())]
    }

    fn when_accessed(&self, id: &ObjectId, access: &Access) -> Option<Answer> {
        let adds = || Answer::Evaluates(format!("ALTER DOMAIN {} ADD {}", id.container(), self.definition));
        (*access == Access::Casts).then(adds)
    }
}

impl DomainConstraint {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(of_whole("DOMAIN", id, new, "CONSTRAINT"))
    }

    fn needs_new_parent(change: &Passage<'_, Self>) -> bool {
        let world = change.cx.world;
        let is_valid = |constraint: Option<&Self>| constraint.is_some_and(|constraint| constraint.valid);
        let is_checked = is_valid(change.desired) && (world.is_created(change.id) || !is_valid(change.live));
        let domain = world.parent(change.id).expect("it belongs to a domain");
        is_checked && is_contained(domain, change.cx)
    }
}

fn element(constraint: &DomainConstraint, id: &ObjectId) -> String {
    format!("CONSTRAINT {} {}", id.name(), constraint.definition)
}

/// Checking a domain's values has no online form: even VALIDATE blocks writes to every table that uses the domain
/// (measured on 14 to 18).
fn checking(step: Step) -> Step {
    step.hazard(
        HazardKind::BlocksWrites,
        "every table that uses the domain is scanned",
    )
    .hazard(
        HazardKind::MayFail,
        "a value that breaks the constraint stops it",
    )
}

fn set_definition(change: &Change<'_, DomainConstraint>) -> Reaction {
    let Change {
        live, desired, id, ..
    } = change;
    if !live.valid
        && desired.valid
        && live.definition.as_str() == format!("{} NOT VALID", desired.definition.as_str())
    {
        let sql = format!(
            "ALTER DOMAIN {} VALIDATE CONSTRAINT {}",
            id.container(),
            id.name()
        );
        return Reaction::Alter(vec![checking(Step::alter(id, sql))]);
    }
    Reaction::Replace
}
