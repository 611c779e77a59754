//! Functions and procedures (PostgreSQL docs: CREATE FUNCTION, CREATE PROCEDURE).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Context, Facts, Follow, Fragment, ObjectId, ObjectKind, Passage, Reaction,
    Renaming, Step,
    breakage::serves_as,
    rename::{in_schema, noticed},
};
use crate::{attributes, sql::{Expression, join}};

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
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };

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

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(id, self.definition.to_string())]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("calls of");
        };
        let id = change.id.sql();
        let mut reasons = Vec::new();
        let is_called_alike = (live.procedure, live.window) == (desired.procedure, desired.window);
        if is_called_alike {
            let (from, to) = (live.result.as_deref().unwrap_or_default(), desired.result.as_deref().unwrap_or_default());
            if !serves_as(from, to) {
                reasons.push(format!("statements that use the result of {id} as {from} fail"));
            }
            // The names may come: nothing has used them.
            let names_none = change.id.args.as_deref() == Some(live.named_arguments.as_str());
            if live.named_arguments != desired.named_arguments && !names_none {
                reasons.push(format!("calls of {id} that name its arguments fail"));
            }
            if desired.defaults < live.defaults {
                reasons.push(format!("calls of {id} that leave arguments out fail"));
            }
        } else {
            reasons.push(format!("calls of {id} fail"));
        }
        (!reasons.is_empty()).then(|| join(reasons, "; "))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("FUNCTIONS"),
            string_body: self.body.as_ref().map(|_| self.definition.as_str()),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP {}", self.address(id)))]
    }

    fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
        // A string body isn't bound to what it names; a body of SQL's own syntax is.
        if self.body.is_some() && desired == Some(self) {
            Follow::Stays
        } else {
            Follow::Rebuilt
        }
    }
}

impl Function {
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
