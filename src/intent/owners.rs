//! The owners that the tree names.

use std::collections::BTreeSet;

use super::names::Names;
use crate::{
    catalog::Catalog,
    diff::Catalogs,
    kinds::{Kind, ObjectId},
    source::{Sort, Statement},
};

/// The owners in a tree's catalog that its statements name, be it the role that plans: the others are left open.
pub fn named_owners(statements: &[Statement], desired: &Catalog) -> BTreeSet<ObjectId> {
    if statements
        .iter()
        .all(|statement| statement.owned().is_none())
    {
        return BTreeSet::new();
    }
    let names = Names::new(Catalogs {
        live: desired,
        desired,
    });
    let loaded = statements.iter().filter(|statement| statement.is_loaded());
    loaded
        .filter_map(|statement| owned(statement, &names))
        .map(|target| ObjectId::about(Kind::Owner, &target))
        .collect()
}

fn owned(statement: &Statement, names: &Names<'_>) -> Option<ObjectId> {
    let symbol = statement.owned()?;
    if symbol.schema.is_some() || symbol.sort == Sort::Schema {
        return Some(names.defined(symbol)?.id);
    }
    let mut path = statement.session.search_path.iter();
    let found = path.find_map(|schema| names.defined(&symbol.clone().within(schema.as_str())));
    Some(found?.id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        diagnostic::SourceFile,
        source::{Tree, load_order},
        sql::Ident,
    };

    #[test]
    fn owners_are_found_as_the_server_finds_them() {
        fn check(sql: &str, expected: &[&str]) {
            let file = SourceFile {
                path: "all.sql".into(),
                text: sql.to_owned(),
            };
            let files = vec![Arc::new(file)];
            let statements = load_order(Tree { files }.parse().unwrap());
            let named = named_owners(&statements, &catalog());
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            assert_eq!(named, expected, "{sql}");
        }
        check("CREATE SCHEMA app;\nCREATE TABLE app.t (a int);", &[]);
        check("ALTER TABLE app.t OWNER TO me;", &["owner on table app.t"]);
        check("ALTER TABLE t OWNER TO me;", &["owner on table public.t"]);
        check(
            "SET search_path = app, public;\nALTER VIEW t OWNER TO me;",
            &["owner on table app.t"],
        );
        check("ALTER TABLE gone OWNER TO me;", &[]);
        check(
            "CREATE SCHEMA app AUTHORIZATION me;",
            &["owner on schema app"],
        );
        check(
            "ALTER FUNCTION app.f(int) OWNER TO me;",
            &["owner on function app.f(integer)"],
        );
        check(
            "ALTER TYPE app.mood OWNER TO me;\nALTER DOMAIN app.name OWNER TO me;",
            &["owner on enum app.mood", "owner on domain app.name"],
        );
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog::empty(150_000, Ident::new("me"));
        let function = json!({"language": "sql", "definition": "", "arguments": "", "named_arguments": "", "body": "SELECT 1"});
        let objects = [
            ("schema app", json!({})),
            ("table app.t", json!({})),
            ("table public.t", json!({})),
            ("function app.f(integer)", function.clone()),
            ("function app.f(text)", function),
            ("enum app.mood", json!({"values": []})),
            ("domain app.name", json!({"type": "text"})),
        ];
        for (id, model) in objects {
            let id: ObjectId = id.parse().unwrap();
            let model = id.kind.read(model).unwrap();
            catalog.insert(id, model, None);
        }
        catalog
    }
}
