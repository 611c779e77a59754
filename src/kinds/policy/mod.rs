//! Row-level security policies (PostgreSQL docs: 5.9 Row Security Policies).

use serde::{Deserialize, Serialize};

use super::{
    Answer, Attribute, Change, Context, Fragment, HazardKind, Lock, ObjectId, ObjectKind,
    Passage, Profile, Reaction, Renaming, Step,
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
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        permissive "nature",
        command,
        roles => alter,
        role_names: physical,
        using "condition" => alter,
        with_check "check" => alter,
    });
    const PROFILE: Profile = Profile {
        added_by: &["create policy"],
        splits: true,
        ..Profile::USUAL
    };
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };

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

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let table = change.cx.world.parent(change.id)?;
        let world = change.cx.world;
        let is_used = [world.live(table), world.desired(table)]
            .into_iter()
            .all(|object| object.is_some_and(|object| object.facts().hides_rows));
        let narrows = match (change.live, change.desired) {
            (Some(live), Some(desired)) => !desired.shows_all_of(live),
            (Some(live), None) => live.permissive,
            (None, Some(desired)) => !desired.permissive,
            (None, None) => false,
        };
        (is_used && narrows).then(|| format!("statements on {} may find or write fewer rows", change.id.container()))
    }

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
            Access::Moves
            | Access::Truncates { .. }
            | Access::Refreshes
            | Access::Computes
            | Access::Analyzes
            | Access::Vacuums
            | Access::Defaults
            | Access::Casts => false,
        };
        let expressions = self.using.iter().chain(&self.with_check);
        applies.then(|| Answer::Evaluates(format!("SELECT {}", join(expressions, ", "))))
    }
}

impl Policy {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(on_table(&self.address(id), id, new))
    }
}

impl Policy {
    /// Whether it surely lets everybody see and write what another one does: of two conditions only the same ones are known
    /// to, and that `true` lets everything through.
    fn shows_all_of(&self, other: &Self) -> bool {
        let lets = |condition: &Option<Expression>, other: &Option<Expression>| {
            condition == other || condition.as_ref().is_some_and(|condition| condition.as_str() == "true")
        };
        let covers = |roles: &[String], others: &[String]| {
            roles == ["PUBLIC"] || others.iter().all(|role| roles.contains(role))
        };
        let same_roles = if self.permissive {
            covers(&self.roles, &other.roles)
        } else {
            covers(&other.roles, &self.roles)
        };
        let same_command = self.command == other.command || (self.permissive && self.command == "ALL");
        self.permissive == other.permissive
            && same_command
            && same_roles
            && lets(&self.using, &other.using)
            && lets(&self.with_check, &other.with_check)
    }

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
