//! Functions and procedures (PostgreSQL docs: CREATE FUNCTION, CREATE PROCEDURE).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Context, Follow, Fragment, HazardKind, ObjectId, ObjectKind, Reaction, Step,
    rename::{in_schema, noticed},
};
use crate::{attributes, sql::Expression};

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Whether it is a procedure.
    #[serde(default)]
    pub procedure: bool,
    /// Whether it is a window function.
    #[serde(default)]
    pub window: bool,
    /// Its language.
    pub language: String,
    /// Its whole definition, as `pg_get_functiondef` prints it.
    pub definition: Expression,
    /// What it returns.
    pub result: Option<String>,
    /// Its arguments with names, modes and defaults.
    pub arguments: Expression,
    /// Its arguments with names and modes.
    pub named_arguments: String,
    /// How many of them have a default.
    #[serde(default)]
    pub defaults: i32,
    /// Its string body, where `sql` or `plpgsql` reads one.
    pub body: Option<String>,
}

impl ObjectKind for Function {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {
        procedure "nature",
        window "nature",
        result,
        named_arguments "arguments",
        defaults => set_defaults,
        arguments => redefine,
        language => redefine,
        definition => redefine,
        body: physical,
    });

    fn address(&self, id: &ObjectId) -> String {
        format!(
            "{} {}",
            if self.procedure {
                "PROCEDURE"
            } else {
                "FUNCTION"
            },
            id.sql()
        )
    }

    fn privilege_class(&self) -> Option<&'static str> {
        Some("FUNCTIONS")
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(id, self.definition.to_string())]
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP {}", self.address(id))).hazard(
            HazardKind::BreaksApplication,
            "whoever still calls it fails",
        )]
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // A string body isn't bound to what it names; a body of SQL's own syntax is.
        if self.body.is_some() && desired == Some(self) {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }

    fn string_body(&self) -> Option<&str> {
        self.body.as_ref().map(|_| self.definition.as_str())
    }

    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        Some(noticed(in_schema(id, new, |id| self.address(id))))
    }
}

fn set_defaults(change: &Change<'_, Function>) -> Reaction {
    // CREATE OR REPLACE can add defaults and not take them away (42P13).
    if change.desired.defaults < change.live.defaults {
        Reaction::Replace
    } else {
        redefine(change)
    }
}

fn redefine(change: &Change<'_, Function>) -> Reaction {
    let statement = change.desired.definition.to_string();
    Reaction::Alter(vec![Step::alter(change.id, statement)])
}
