//! What forge manages: everything, or the schemas that the project names, without the objects that it leaves out.

use std::collections::BTreeSet;

use super::Catalog;
use crate::kinds::{Glob, ObjectId};

/// What forge keeps, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The schemas that are managed; all where the list is empty.
    pub include: Vec<Glob>,
    /// Those of them that aren't, and single objects that aren't.
    pub exclude: Vec<Glob>,
}

impl Scope {
    /// Whether a schema is managed.
    pub fn holds_schema(&self, schema: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.names_schema(schema)))
            && !self.exclude.iter().any(|glob| glob.names_schema(schema))
    }

    /// Whether every schema is managed, though perhaps not every object of it.
    pub fn holds_every_schema(&self) -> bool {
        self.include.is_empty() && !self.exclude.iter().any(Glob::is_of_schemas)
    }

    /// Leaves out of a catalog what isn't managed.
    pub fn restrict(&self, catalog: &mut Catalog) {
        if self.include.is_empty() && self.exclude.is_empty() {
            return;
        }
        let left_out: BTreeSet<ObjectId> = catalog
            .objects()
            .filter(|(id, _)| self.leaves_out(catalog, id))
            .map(|(id, _)| id.clone())
            .collect();
        catalog.unmanaged_partitions = catalog
            .partitions()
            .into_iter()
            .filter(|(whole, _)| !left_out.contains(whole))
            .map(|(whole, partitions)| {
                let unmanaged = partitions.into_iter().filter(|id| left_out.contains(id));
                (whole.clone(), unmanaged.cloned().collect::<BTreeSet<_>>())
            })
            .filter(|(_, unmanaged)| !unmanaged.is_empty())
            .collect();
        catalog.retain(|id| !left_out.contains(id));
    }

    /// Whether an object isn't managed: itself, or what it belongs to. One that lives in no schema (an extension) is.
    fn leaves_out(&self, catalog: &Catalog, id: &ObjectId) -> bool {
        let schema = id.lives_in();
        if schema.is_some_and(|schema| !self.holds_schema(schema.as_str()))
            || self.exclude.iter().any(|glob| glob.names_object(id))
        {
            return true;
        }
        let parent = catalog.parent(id);
        let goes_with = catalog.get(id).and_then(|object| object.facts().goes_with);
        parent
            .into_iter()
            .chain(goes_with)
            .any(|whole| self.leaves_out(catalog, whole))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sql::Ident;

    /// What is left of a table with a column that draws from a sequence, and of another.
    fn check(include: &[&str], exclude: &[&str], left: &[&str]) {
        let mut catalog = Catalog::empty(150_000, Ident::new("me"));
        let mut insert = |id: &str, model: serde_json::Value, parent: Option<&str>| {
            let id: ObjectId = id.parse().unwrap();
            let object = id.kind.read(model).unwrap();
            catalog.insert(id, object, parent.map(|parent| parent.parse().unwrap()));
        };
        insert("schema app", json!({}), None);
        for table in ["books", "users"] {
            let name = format!("table app.{table}");
            insert(&name, json!({}), None);
            insert(
                &format!("column app.{table}.id"),
                json!({"position": 1, "type": "integer", "local": true}),
                Some(&name),
            );
            insert(
                &format!("comment on {name}"),
                json!({"text": "x"}),
                Some(&name),
            );
        }
        insert(
            "sequence app.books_id_seq",
            json!({
                "type": "integer", "start": 1, "increment": 1, "minimum": 1, "maximum": 9, "cache": 1,
                "owned_by_ref": "column app.books.id",
            }),
            None,
        );
        insert(
            "comment on sequence app.books_id_seq",
            json!({"text": "x"}),
            Some("sequence app.books_id_seq"),
        );
        let globs = |globs: &[&str]| globs.iter().map(|glob| glob.parse().unwrap()).collect();
        let scope = Scope {
            include: globs(include),
            exclude: globs(exclude),
        };
        scope.restrict(&mut catalog);
        let found: Vec<String> = catalog.objects().map(|(id, _)| id.to_string()).collect();
        assert_eq!(found, left);
    }

    #[test]
    fn what_belongs_to_an_object_goes_along() {
        let users = [
            "schema app",
            "table app.users",
            "column app.users.id",
            "comment on table app.users",
        ];
        check(&[], &["app.books"], &users);
        check(&["app"], &["*.boo*"], &users);
        check(&[], &["app"], &[]);
        check(&["other"], &[], &[]);
        check(&[], &["app.*"], &["schema app"]);
    }
}
