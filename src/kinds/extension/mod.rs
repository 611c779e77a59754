//! Extensions (PostgreSQL docs: 38.17 Packaging Related Objects into an Extension).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Context, Facts, Fragment, HazardKind, Lock, ObjectId, ObjectKind, Passage,
    Reaction, Step,
};
use crate::{attributes, sql::Ident};

/// An extension; what it contains is its own affair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// The schema of its objects.
    pub schema: Ident,
    /// The installed version. The schema tree asks for an extension, the server decides on the version.
    pub version: String,
    /// The tables that belong to it, whose rows are dropped with it.
    #[serde(default)]
    pub tables: Vec<String>,
    /// The sequences that belong to it.
    #[serde(default)]
    pub sequences: Vec<String>,
}

impl ObjectKind for Extension {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self {
        schema => set_schema,
        version: physical,
        tables: physical,
        sequences: physical,
    });

    fn address(&self, id: &ObjectId) -> String {
        format!("EXTENSION {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(
            id,
            format!("CREATE EXTENSION {} WITH SCHEMA {}", id.sql(), self.schema),
        )]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        let Some((live, desired)) = change.both() else {
            return change.unless_it_stays("statements that use the functions, types and operators of");
        };
        let moves = live.schema != desired.schema;
        moves.then(|| format!("statements that name what belongs to {} in the schema {} fail", change.id.sql(), live.schema))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            takes_along: self.takes_along(),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        let mut step = Step::drop(id, format!("DROP EXTENSION {}", id.sql()));
        for table in &self.tables {
            step = step
                .lock(Lock::AccessExclusive, table)
                .hazard(HazardKind::DeletesData, format!("deletes all rows of {table}"));
        }
        for sequence in &self.sequences {
            let why = format!("deletes the position of the sequence {sequence}");
            step = step.hazard(HazardKind::DeletesData, why);
        }
        vec![step]
    }
}

impl Extension {
    fn takes_along(&self) -> Vec<&str> {
        let all = self.tables.iter().chain(&self.sequences);
        all.map(String::as_str).collect()
    }
}

fn set_schema(change: &Change<'_, Extension>) -> Reaction {
    let sql = format!(
        "ALTER EXTENSION {} SET SCHEMA {}",
        change.id.sql(),
        change.desired.schema
    );
    Reaction::Alter(vec![Step::alter(change.id, sql)])
}
