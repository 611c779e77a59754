//! A composite type as the catalog has it.

use serde::{Deserialize, Serialize};

use crate::sql::Ident;

/// A composite type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// Its attributes in order.
    pub attributes: Vec<TypeAttribute>,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeAttribute {
    /// Its name.
    pub name: Ident,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its collation, where it isn't the type's.
    pub collation: Option<String>,
}

impl TypeAttribute {
    pub(super) fn definition(&self) -> String {
        format!("{} {}", self.name, self.type_clause())
    }

    pub(super) fn type_clause(&self) -> String {
        let collation = self
            .collation
            .as_ref()
            .map_or_else(String::new, |collation| format!(" COLLATE {collation}"));
        format!("{}{collation}", self.type_name)
    }
}
