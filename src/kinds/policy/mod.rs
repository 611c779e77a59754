//! Row-level security policies (PostgreSQL docs: 5.9 Row Security Policies).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Context, Fragment, HazardKind, Lock, ObjectId, ObjectKind, Reaction, Step,
    rename::on_table,
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, Expression, Ident, join},
};

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `PERMISSIVE`; otherwise `RESTRICTIVE`.
    #[serde(default)]
    pub permissive: bool,
    /// The command that it is for.
    pub command: String,
    /// The roles that it is for, as SQL; sorted.
    pub roles: Vec<String>,
    /// Their names.
    #[serde(default)]
    pub role_names: Vec<Ident>,
    /// Which rows are seen.
    pub using: Option<Expression>,
    /// Which rows may be written.
    pub with_check: Option<Expression>,
}

impl ObjectKind for Policy {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ADDED_BY: &'static [&'static str] = &["create policy"];
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        permissive "nature",
        command,
        roles => alter,
        role_names: physical,
        using "condition" => alter,
        with_check "check" => alter,
    });

    fn roles<'a>(&'a self, _id: &'a ObjectId) -> Vec<&'a Ident> {
        self.role_names.iter().collect()
    }

    fn address(&self, id: &ObjectId) -> String {
        format!("POLICY {} ON {}", id.name(), id.container())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let mut text = Clauses::new(format!("CREATE POLICY {} ON {}", id.name(), id.container()));
        if !self.permissive {
            text.push(" AS RESTRICTIVE");
        }
        if self.command != "ALL" {
            text.push(format_args!(" FOR {}", self.command));
        }
        if self.roles != ["PUBLIC"] {
            text.push(format_args!(" TO {}", join(&self.roles, ", ")));
        }
        text.push(self.conditions());
        vec![if cx.parent_is_created(id) {
            Step::create(id, text)
        } else {
            guarded(Step::create(id, text), id)
        }]
    }

    const SPLITS: bool = true;

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![guarded(
            Step::drop(
                id,
                format!("DROP POLICY {} ON {}", id.name(), id.container()),
            ),
            id,
        )]
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        // Whether the role that runs the statement is exempt is not known here.
        let applies = match access {
            Access::Reads | Access::Inserts | Access::Updates(_) | Access::Deletes => true,
            Access::Truncates { .. } | Access::Refreshes | Access::Computes | Access::Casts => false,
        };
        let expressions = self.using.iter().chain(&self.with_check);
        applies.then(|| Answer::Evaluates(format!("SELECT {}", join(expressions, ", "))))
    }

    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(on_table(&self.address(id), id, new))
    }
}

impl Policy {
    fn conditions(&self) -> String {
        let using = self
            .using
            .as_ref()
            .map_or_else(String::new, |using| format!("\n    USING ({using})"));
        let check = self
            .with_check
            .as_ref()
            .map_or_else(String::new, |check| format!("\n    WITH CHECK ({check})"));
        using + &check
    }
}

fn guarded(step: Step, id: &ObjectId) -> Step {
    step.lock(Lock::AccessExclusive, id.container())
        .hazard(HazardKind::ChangesAccess, "other rows are seen or written")
}

fn alter(change: &Change<'_, Policy>) -> Reaction {
    let Change {
        live, desired, id, ..
    } = change;
    // ALTER POLICY can't take a condition away.
    if (live.using.is_some() && desired.using.is_none())
        || (live.with_check.is_some() && desired.with_check.is_none())
    {
        return Reaction::Replace;
    }
    let mut text = Clauses::new(format!("ALTER POLICY {} ON {}", id.name(), id.container()));
    if live.roles != desired.roles {
        text.push(format_args!(" TO {}", join(&desired.roles, ", ")));
    }
    text.push(desired.conditions());
    Reaction::Alter(vec![guarded(Step::alter(id, text), id)])
}
