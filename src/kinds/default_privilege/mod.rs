//! Default privileges: what objects to come will be granted (PostgreSQL docs: ALTER DEFAULT PRIVILEGES).

use serde::{Deserialize, Serialize};

use super::{
    Additions, Attribute, Change, Context, Fragment, HazardKind, Kind, Model, ObjectId, ObjectKind,
    Passage, Profile, Reaction, Step,
};
use crate::{attributes, sql::Ident};

/// What one grantee gets on the objects of a class that a role will create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefaultPrivilege {
    /// The role whose new objects it is about.
    pub role: Ident,
    /// The schema that it is about; none for the whole database.
    pub schema: Option<Ident>,
    /// The class of objects: `TABLES`, `SEQUENCES`, `FUNCTIONS`, `TYPES`, `SCHEMAS`.
    pub class: String,
    /// The privileges, sorted; a star marks the grant option.
    pub privileges: Vec<String>,
    /// Those that PostgreSQL gives without the rule.
    #[serde(default)]
    pub initial: Vec<String>,
    /// Those that the grantee has on a fresh object of the class where no rule is: a role has every one on its own.
    #[serde(default)]
    pub fresh: Vec<String>,
}

impl ObjectKind for DefaultPrivilege {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        role: physical,
        schema: physical,
        class: physical,
        privileges => set_privileges,
        initial: physical,
        fresh: physical,
    });
    const PROFILE: Profile = Profile {
        is_default_for_new_objects: true,
        ..Profile::USUAL
    };
    const ADDITIONS: Additions<Self> = Additions {
        adds_to: Self::adds_to,
        ..Additions::NONE
    };

    fn roles<'a>(&'a self, id: &'a ObjectId) -> Vec<&'a Ident> {
        id.grantee_role().into_iter().chain([&self.role]).collect()
    }

    fn address(&self, id: &ObjectId) -> String {
        id.to_string()
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        self.steps(Step::create, id, &self.initial, &self.privileges)
    }

    fn breaks(_change: &Passage<'_, Self>) -> Option<String> {
        None // It is about objects to come.
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        self.steps(Step::drop, id, &self.privileges, &self.initial)
    }
}

impl DefaultPrivilege {
    fn adds_to(
        &self,
        id: &ObjectId,
        created: &ObjectId,
        class: Option<&str>,
        role: &Ident,
    ) -> Option<(ObjectId, Box<dyn Model>)> {
        let concerned = self.role == *role
            && class == Some(self.class.as_str())
            && self
                .schema
                .as_ref()
                .is_none_or(|schema| created.path.len() > 1 && schema == created.schema());
        if !concerned {
            return None;
        }
        // A rule for the whole database says all that there is; one for a schema adds to it.
        let before = match self.schema {
            Some(_) => self.fresh.as_slice(),
            None => &[],
        };
        let grant = super::grant::Grant::with(self.fresh.clone(), before, &self.privileges);
        // What a fresh object has anyway is no grant.
        let says_more = grant.privileges != grant.initial;
        let id = ObjectId {
            grantee: id.grantee.clone(),
            ..ObjectId::about(Kind::Grant, created)
        };
        says_more.then_some((id, Box::new(grant)))
    }
}

impl DefaultPrivilege {
    fn steps(
        &self,
        step: fn(&ObjectId, String) -> Step,
        id: &ObjectId,
        live: &[String],
        desired: &[String],
    ) -> Vec<Step> {
        let schema = self
            .schema
            .as_ref()
            .map_or_else(String::new, |schema| format!("IN SCHEMA {schema} "));
        let grantee = id
            .grantee
            .as_ref()
            .expect("a default privilege has a grantee")
            .to_string();
        super::grant::privileges_change(live, desired, "", &self.class, &grantee)
            .into_iter()
            .map(|change| {
                step(
                    id,
                    format!(
                        "ALTER DEFAULT PRIVILEGES FOR ROLE {} {schema}{change}",
                        self.role
                    ),
                )
            })
            .map(|step| {
                step.hazard(
                    HazardKind::ChangesAccess,
                    "of objects that are created from now on",
                )
            })
            .collect()
    }
}

fn set_privileges(change: &Change<'_, DefaultPrivilege>) -> Reaction {
    let (live, desired) = (&change.live.privileges, &change.desired.privileges);
    Reaction::Alter(change.desired.steps(Step::alter, change.id, live, desired))
}
