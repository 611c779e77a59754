//! Schemas (PostgreSQL docs: 5.10 Schemas).

use serde::{Deserialize, Serialize};

use super::{
    Attribute, Context, Facts, Fragment, ObjectId, ObjectKind, Passage, Renaming, Step,
    rename::{noticed, renaming},
};
use crate::attributes;

/// A schema. Its owner, grants and comment are objects of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {}

impl ObjectKind for Schema {
    const INTROSPECT: &'static str = include_str!("introspect.sql");
    const ATTRIBUTES: &'static [Attribute<Self>] = attributes!(Self {});
    const RENAMING: Renaming<Self> = Renaming {
        rename: Self::rename,
        ..Renaming::NONE
    };

    fn address(&self, id: &ObjectId) -> String {
        format!("SCHEMA {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::create(id, format!("CREATE SCHEMA {}", id.sql()))]
    }

    fn breaks(change: &Passage<'_, Self>) -> Option<String> {
        change.unless_it_stays("statements that name the schema")
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            privilege_class: Some("SCHEMAS"),
            ..Facts::default()
        }
    }

    fn drop(&self, id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP SCHEMA {}", id.sql()))]
    }
}

impl Schema {
    fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
        let sql = format!("ALTER SCHEMA {} RENAME TO {}", id.sql(), new.name());
        Some(noticed(renaming(id, new, vec![sql])))
    }
}
