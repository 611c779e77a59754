//! Owners of objects of every kind (PostgreSQL docs: 5.8 Privileges).

use serde::{Deserialize, Serialize};

use super::{
    Additions, Attribute, Change, Context, Follow, Fragment, HazardKind, ObjectId, ObjectKind,
    Passage, Profile, Reaction, Step,
};
use crate::{attributes, sql::Ident};

/// The owner of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// The role.
    pub role: Ident,
}

impl ObjectKind for Owner {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { role "owner" => set_role });
    const PROFILE: Profile = Profile {
        added_by: &["owner to"],
        ..Profile::USUAL
    };
    const ADDITIONS: Additions<Self> = Additions {
        is_implied: Self::goes_without_saying,
        ..Additions::NONE
    };

    fn roles<'a>(&'a self, _id: &'a ObjectId) -> Vec<&'a Ident> {
        vec![&self.role]
    }

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Stays
    }

    fn address(&self, id: &ObjectId) -> String {
        id.to_string()
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let step = Step::alter(id, owner_to(id, &self.role, cx));
        vec![step.because(format!("give it to {}", self.role))]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let (live, desired) = change.both()?;
        let target = change.id.target()?;
        let changes = live.role != desired.role && change.cx.world.live(&target).is_some();
        changes.then(|| format!("statements of {} that need the owner's rights on {} fail", live.role, target.sql()))
    }

    fn drop(&self, _id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        Vec::new() // An object always has an owner.
    }

    fn implied(&self, _id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
        Some(Self {
            role: cx.role.clone(),
        })
    }
}

impl Owner {
    fn goes_without_saying(&self, role: &Ident) -> bool {
        self.role == *role
    }
}

fn set_role(change: &Change<'_, Owner>) -> Reaction {
    let step = Step::alter(
        change.id,
        owner_to(change.id, &change.desired.role, change.cx),
    );
    let target = change.id.target().expect("an owner owns an object");
    // A new object is given away before anybody has used it.
    let new = change.cx.world.is_created(&target);
    Reaction::Alter(vec![if new {
        step
    } else {
        step.hazard(HazardKind::ChangesAccess, "the owner's rights change hands")
    }])
}

fn owner_to(id: &ObjectId, role: &Ident, cx: &Context<'_>) -> String {
    format!(
        "ALTER {} OWNER TO {role}",
        cx.address(&id.target().expect("an owner owns an object"))
    )
}
