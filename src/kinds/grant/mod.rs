//! Privileges on objects of every kind (PostgreSQL docs: 5.8 Privileges, GRANT).

mod privileges;

use serde::{Deserialize, Serialize};

pub(super) use self::privileges::change as privileges_change;
use super::{
    Attribute, Change, Context, Facts, Follow, Fragment, HazardKind, ObjectId, ObjectKind, Passage,
    Profile, Reaction, Step,
};
use crate::{attributes, sql::{Ident, join}};

/// The privileges of one grantee on one object, where they aren't those of a fresh object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// The privileges, sorted; a star marks the grant option.
    pub privileges: Vec<String>,
    /// Those that the grantee has on a fresh object.
    #[serde(default)]
    pub initial: Vec<String>,
    /// The grantee's place among those of the object.
    #[serde(default)]
    pub position: i32,
}

impl ObjectKind for Grant {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { privileges => set_privileges, initial: physical, position: physical });
    const PROFILE: Profile = Profile {
        added_by: &["grant ", "revoke "],
        ..Profile::USUAL
    };

    fn roles<'a>(&'a self, id: &'a ObjectId) -> Vec<&'a Ident> {
        id.grantee_role().into_iter().collect()
    }

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Stays
    }

    fn address(&self, id: &ObjectId) -> String {
        id.to_string()
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        steps(Step::create, id, &self.initial, &self.privileges, cx)
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let before = change.live.map_or_else(|| change.desired.map(|grant| &grant.initial), |grant| Some(&grant.privileges))?;
        let after = change.desired.map_or_else(|| change.live.map(|grant| &grant.initial), |grant| Some(&grant.privileges))?;
        let plain = |list: &[String]| -> Vec<String> { list.iter().map(|it| it.trim_end_matches('*').to_owned()).collect() };
        let after = plain(after);
        let lost: Vec<String> = plain(before).into_iter().filter(|privilege| !after.contains(privilege)).collect();
        let (target, grantee) = (change.id.target()?, change.id.grantee.as_ref()?);
        let goes = change.cx.world.live(&target).is_none() || change.cx.world.desired(&target).is_none();
        (!lost.is_empty() && !goes)
            .then(|| format!("statements of {grantee} that need {} on {} fail", join(lost, ", "), target.sql()))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            position: self.position,
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        steps(Step::drop, id, &self.privileges, &self.initial, cx)
    }
}

fn set_privileges(change: &Change<'_, Grant>) -> Reaction {
    Reaction::Alter(steps(
        Step::alter,
        change.id,
        &change.live.privileges,
        &change.desired.privileges,
        change.cx,
    ))
}

fn steps(
    step: fn(&ObjectId, String) -> Step,
    id: &ObjectId,
    live: &[String],
    desired: &[String],
    cx: &Context<'_>,
) -> Vec<Step> {
    let target = id.target().expect("a grant is on an object");
    let grantee = id
        .grantee
        .as_ref()
        .expect("a grant has a grantee")
        .to_string();
    let (columns, on) = match (target.path.as_slice(), &target.args) {
        // Only a column's name has three parts: its privileges are the table's, restricted.
        ([schema, relation, column], None) => (
            format!(" ({column})"),
            format!("TABLE {}", crate::sql::dotted([schema, relation])),
        ),
        _ => (String::new(), cx.grant_address(&target)),
    };
    let new = cx.world.is_created(&target);
    privileges_change(live, desired, &columns, &on, &grantee)
        .into_iter()
        .map(|sql| step(id, sql))
        .map(|step| {
            if new {
                step
            } else {
                step.hazard(HazardKind::ChangesAccess, format!("of {grantee}"))
            }
        })
        .collect()
}

impl Grant {
    /// The privileges of a grantee on a new object: `before`, and `added` on top.
    pub(super) fn with(initial: Vec<String>, before: &[String], added: &[String]) -> Self {
        let mut privileges: Vec<String> = before.iter().chain(added).cloned().collect();
        privileges.sort();
        privileges.dedup();
        Self {
            privileges,
            initial,
            position: 0,
        }
    }
}
