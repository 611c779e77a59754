//! Domains (PostgreSQL docs: CREATE DOMAIN).

use serde::{Deserialize, Serialize};

use super::{
    Action, Answer, Aside, Attribute, Change, Claim, Context, Facts, Follow, Fragment, HazardKind,
    ObjectId, ObjectKind, Passage, Reaction, Renaming, Replacement, Step,
    breakage::serves_as,
    rename::{in_schema, noticed},
    stored::is_contained,
};
use crate::{
    attributes,
    source::Access,
    sql::{Clauses, Expression, aside_name},
};

/// A domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The type that it restricts.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its collation, where it isn't the type's.
    pub collation: Option<String>,
    /// Its default.
    pub default: Option<Expression>,
    /// `NOT NULL`.
    #[serde(default)]
    pub not_null: bool,
}

impl ObjectKind for Domain {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self { type_name "type", collation, default => set_default, not_null "NOT NULL" => set_not_null });
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };
    const REPLACEMENT: Replacement<Self> = Replacement {
        aside: Self::aside,
        makes_cast: Self::makes_cast,
        ..Replacement::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("DOMAIN {}", id.sql())
    }

    fn create(&self, id: &ObjectId, parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        let mut text = Clauses::new(format!("CREATE DOMAIN {} AS {}", id.sql(), self.type_name));
        if let Some(collation) = &self.collation {
            text.push(format_args!(" COLLATE {collation}"));
        }
        if let Some(default) = &self.default {
            text.push(format_args!(" DEFAULT {default}"));
        }
        if self.not_null {
            text.push(" NOT NULL");
        }
        for part in parts {
            text.push(format_args!("\n    {}", part.sql));
        }
        vec![Step::create(id, text)]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that name the type");
        };
        let id = change.id.sql();
        if !serves_as(&live.type_name, &desired.type_name) {
            return Some(format!("statements that use values of {id} as {} fail", live.type_name));
        }
        let loses_default = live.default.is_some() && desired.default.is_none();
        loses_default.then(|| format!("inserts that rely on the default of {id} get no value"))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("TYPES"),
            restricts: Some(&self.type_name),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP DOMAIN {}", id.sql()))]
    }

    fn claims(&self, id: &ObjectId) -> Vec<Claim> {
        vec![Claim::Type(id.sql())]
    }

    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Stays // The type that it restricts changes under it.
    }

    fn when_accessed(&self, _id: &ObjectId, access: &Access) -> Option<Answer> {
        let default = self.default.as_ref()?;
        (*access == Access::Casts).then(|| Answer::Evaluates(format!("SELECT {default}")))
    }
}

impl Domain {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(noticed(in_schema(id, new, |id| self.address(id))))
    }

    fn aside(&self, _desired: &Self, id: &ObjectId, _cx: &Context<'_>) -> Option<Aside> {
        let old = id.renamed(aside_name(id.name()));
        let rename = format!("ALTER DOMAIN {} RENAME TO {}", id.sql(), old.name());
        Some(Aside {
            away: vec![Step::new(Action::Rename, id, rename).because("set the old domain aside")],
            carry: Vec::new(),
            remove: vec![
                Step::drop(id, format!("DROP DOMAIN {}", old.sql())).because("drop the old domain"),
            ],
        })
    }

    fn makes_cast(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        let needed = cx.world.live_dependencies(id).into_iter();
        let mut replaced = needed.filter(|needed| cx.world.is_created(needed));
        replaced.any(|needed| {
            let object = cx.world.live(needed);
            object.is_some_and(|object| object.makes_cast(needed, cx))
        })
    }
}

fn set_default(change: &Change<'_, Domain>) -> Reaction {
    let action = change.desired.default.as_ref().map_or_else(
        || "DROP DEFAULT".to_string(),
        |default| format!("SET DEFAULT {default}"),
    );
    Reaction::Alter(vec![Step::alter(
        change.id,
        format!("ALTER DOMAIN {} {action}", change.id.sql()),
    )])
}

fn set_not_null(change: &Change<'_, Domain>) -> Reaction {
    let id = change.id;
    if change.desired.not_null && is_contained(id, change.cx) {
        return Reaction::Replace;
    }
    Reaction::Alter(vec![if change.desired.not_null {
        Step::alter(id, format!("ALTER DOMAIN {} SET NOT NULL", id.sql()))
            .hazard(
                HazardKind::BlocksWrites,
                "every table that uses the domain is scanned",
            )
            .hazard(HazardKind::MayFail, "a NULL in one of them stops it")
    } else {
        Step::alter(id, format!("ALTER DOMAIN {} DROP NOT NULL", id.sql()))
    }])
}
