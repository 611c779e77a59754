//! Extensions (PostgreSQL docs: 38.17 Packaging Related Objects into an Extension).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Change, Context, Fragment, HazardKind, ObjectId, ObjectKind, Reaction, Step,
};
use crate::{attributes, sql::Ident};

/// An extension; what it contains is its own affair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// The schema of its objects.
    pub schema: Ident,
    /// The installed version. The schema tree asks for an extension, the server decides on the version.
    pub version: String,
}

impl ObjectKind for Extension {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] =
        attributes!(Self { schema => set_schema, version: physical });

    fn address(&self, id: &ObjectId) -> String {
        format!("EXTENSION {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(
            id,
            format!("CREATE EXTENSION {} WITH SCHEMA {}", id.sql(), self.schema),
        )]
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP EXTENSION {}", id.sql())).hazard(
                HazardKind::BreaksApplication,
                "its functions, types and operators go with it",
            ),
        ]
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
