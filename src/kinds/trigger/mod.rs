//! Triggers (PostgreSQL docs: CREATE TRIGGER).

use serde::{Deserialize, Serialize};

use super::{Attribute, Change, Context, Fragment, Lock, ObjectId, ObjectKind, Reaction, Step};
use crate::attributes;

/// A trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its definition, as `pg_get_triggerdef` prints it.
    pub definition: String,
    /// When it fires: `ENABLE`, `DISABLE`, `ENABLE REPLICA`, `ENABLE ALWAYS`.
    pub state: String,
    /// Whether it is a constraint trigger.
    #[serde(default)]
    pub constraint: bool,
}

impl ObjectKind for Trigger {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { constraint, definition, state => set_state });

    fn address(&self, id: &ObjectId) -> String {
        format!("TRIGGER {} ON {}", id.name(), id.container())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
        let step = Step::create(id, self.definition.clone());
        vec![if cx.parent_is_created(id) { step } else { step.lock(Lock::ShareRowExclusive, id.container()) }]
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let sql = format!("DROP TRIGGER {} ON {}", id.name(), id.container());
        vec![Step::drop(id, sql).lock(Lock::AccessExclusive, id.container())]
    }

    fn complete(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        if self.state == "ENABLE" { Vec::new() } else { vec![switch(id, &self.state)] }
    }
}

fn switch(id: &ObjectId, state: &str) -> Step {
    // The same word serves tables, views and foreign tables.
    Step::alter(id, format!("ALTER TABLE {} {state} TRIGGER {}", id.container(), id.name()))
        .lock(Lock::ShareRowExclusive, id.container())
}

fn set_state(change: &Change<'_, Trigger>) -> Reaction {
    Reaction::Alter(vec![switch(change.id, &change.desired.state)])
}
