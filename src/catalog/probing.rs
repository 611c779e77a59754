//! What a catalog tells of rows: by which rule they are told apart, and which of them no constraint has looked at yet.

use super::Catalog;
use crate::{kinds::Object, source::Known};

/// A constraint that has not been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unvalidated {
    /// The table.
    pub of: String,
    /// The constraint's name, without quotes.
    pub name: String,
    /// The statement that adds it.
    pub statement: String,
}

impl Catalog {
    /// What queries for rows in a statement's way need to know of the database.
    pub fn known_to_probes(&self) -> Known {
        let mut known = Known::default();
        for (id, object) in self.objects() {
            if let Object::Column(column) = object
                && column.base_type.is_some()
            {
                let table_and_name = (id.container(), id.name().to_string());
                let of_domain = known.of_domain.entry(column.type_name.clone());
                of_domain.or_default().insert(table_and_name);
            }
            let Object::Table(table) = object else {
                continue;
            };
            if let Some(key) = &table.partition_key {
                let partitioned = known.partitioned.entry(id.sql()).or_default();
                partitioned.key = key.to_string();
            }
            if let Some(parent) = &table.partition_of_ref
                && table.partition_bound.as_deref() == Some("DEFAULT")
            {
                let partitioned = known.partitioned.entry(parent.sql()).or_default();
                partitioned.default = Some(id.sql());
            }
        }
        known
    }

    /// The constraints of tables that have not been validated.
    pub fn unvalidated(&self) -> impl Iterator<Item = Unvalidated> {
        self.objects().filter_map(|(id, object)| {
            let Object::Constraint(constraint) = object else {
                return None;
            };
            (!constraint.valid).then(|| Unvalidated {
                of: id.container(),
                name: id.name().as_str().to_owned(),
                statement: format!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {}",
                    id.container(),
                    id.name(),
                    constraint.definition
                ),
            })
        })
    }
}
