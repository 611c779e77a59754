//! A database's schema as a tree of files, one for each object: `schema/<schema>/<kind>/<name>.sql`.
//!
//! The statements are those of a plan from an empty database, so that they say what the engine knows and nothing else. What
//! belongs to an object (a table's columns, constraints, indexes, triggers, policies, comments, grants) stands in its file.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::{
    names::Names,
    new_file::{NewFile, SCHEMA},
};
use crate::{
    catalog::Catalog,
    diagnostic::Result,
    diff::{Catalogs, Diff},
    kinds::{
        Action, Glob, Grantee, Kind, Object, ObjectId, Reaction, Step, World as _, grant::Grant,
        owner::Owner,
    },
    plan,
    sql::Ident,
};

/// The schema that every new database has.
const PUBLIC: &str = "public";

/// The first version in which the role `pg_database_owner` owns the schema `public`.
const PUBLIC_HAS_ROLE: u32 = 150_000;

/// The files that declare everything in a catalog that a new database doesn't have.
///
/// # Errors
/// If objects need each other in a circle that nothing can take apart.
pub fn files(catalog: &Catalog) -> Result<Vec<NewFile>> {
    let mut texts: BTreeMap<Utf8PathBuf, Text> = BTreeMap::new();
    for (_, path, step) in placed(catalog)? {
        texts.entry(path).or_default().add(&step);
    }
    Ok(texts
        .into_iter()
        .map(|(path, text)| NewFile::new(path, text.sql))
        .collect())
}

/// The statements that declare one object with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declaration {
    /// The file that would be the object's own, below the project's folder.
    pub path: Utf8PathBuf,
    /// The statements.
    pub sql: String,
}

/// How each object that stands for itself is declared.
///
/// # Errors
/// As [`files`].
pub fn declarations(catalog: &Catalog) -> Result<BTreeMap<ObjectId, Declaration>> {
    let mut texts: BTreeMap<ObjectId, (Utf8PathBuf, Text)> = BTreeMap::new();
    for (root, path, step) in placed(catalog)? {
        let (_, text) = texts.entry(root).or_insert_with(|| (path, Text::default()));
        text.add(&step);
    }
    Ok(texts
        .into_iter()
        .map(|(root, (path, Text { sql, .. }))| (root, Declaration { path, sql }))
        .collect())
}

/// The steps that make everything in a catalog that a new database doesn't have, each with the object that it belongs to
/// and that object's file.
fn placed(catalog: &Catalog) -> Result<Vec<(ObjectId, Utf8PathBuf, Step)>> {
    let fresh = fresh(catalog);
    let diff = Diff::new(Catalogs {
        live: &fresh,
        desired: catalog,
    });
    let plan = plan::plan(&diff)?;
    let mut names = Names::default();
    let mut placed = Vec::new();
    for step in plan.steps().chain(&withheld(&diff)) {
        let root = root(catalog, &step.object);
        let path = path(&root, &mut names);
        placed.push((root.clone(), path.clone(), step.clone()));
        if step.action == Action::Create {
            let along = owner_along(&diff, &step.object).into_iter();
            placed.extend(along.map(|step| (root.clone(), path.clone(), step)));
        }
    }
    Ok(placed)
}

/// Schemas that every new database has and this one doesn't. No statement of a schema tree says so.
pub(super) fn absent(catalog: &Catalog) -> Vec<Glob> {
    let public = ObjectId::new(Kind::Schema, [PUBLIC]);
    if catalog.contains(&public) {
        Vec::new()
    } else {
        vec![Glob::of_schema(public.name())]
    }
}

/// What a new database has of all this: the schema `public`, as `initdb` makes it.
fn fresh(catalog: &Catalog) -> Catalog {
    let mut fresh = Catalog::empty(catalog.server_version, catalog.role.clone());
    let public = ObjectId::new(Kind::Schema, [PUBLIC]);
    let everybody = ObjectId {
        grantee: Some(Grantee::Public),
        ..ObjectId::about(Kind::Grant, &public)
    };
    let owner = ObjectId::about(Kind::Owner, &public);
    let held = match catalog.get(&owner) {
        Some(Object::Owner(owner)) => Some(owner.role.clone()),
        Some(_) | None => None,
    };
    let (role, privileges): (_, &[&str]) = if catalog.server_version >= PUBLIC_HAS_ROLE {
        (Some(Ident::new("pg_database_owner")), &["USAGE"])
    } else {
        // It is the superuser's, whatever that is called; the plan for another database leaves the owner as it is.
        (held, &["CREATE", "USAGE"])
    };
    if let Some(model) = catalog.get(&public) {
        let privileges = privileges.iter().map(ToString::to_string).collect();
        fresh.insert(public.clone(), model.clone(), None);
        fresh.insert(
            everybody,
            Object::Grant(Grant {
                privileges,
                initial: Vec::new(),
                position: 0,
            }),
            Some(public.clone()),
        );
        if let Some(role) = role {
            fresh.insert(owner, Object::Owner(Owner { role }), Some(public));
        }
    }
    fresh
}

/// The steps that take back what default privileges would give an object and the database doesn't have: it may be older
/// than the rule, but in a schema tree nothing is older than anything.
fn withheld(diff: &Diff<'_>) -> Vec<Step> {
    let (catalog, cx) = (diff.catalogs.desired, diff.context());
    let mut steps = Vec::new();
    for (id, object) in catalog.objects().filter(|(id, _)| diff.is_created(id)) {
        for (rule_id, rule) in catalog.objects() {
            let Some((grant, given)) = rule.adds_to(rule_id, id, object, &catalog.role) else {
                continue;
            };
            // The owner has every privilege from the start; a rule can't add to that.
            if grant.grantee_role() == Some(&catalog.role) {
                continue;
            }
            match (catalog.get(&grant), &given) {
                (None, given) => steps.extend(given.drop(&grant, &cx)),
                (Some(Object::Grant(held)), Object::Grant(more))
                    if more
                        .privileges
                        .iter()
                        .all(|one| held.privileges.contains(one)) => {}
                (Some(held), given) => {
                    let reactions = given.compare(held, &grant, &cx);
                    steps.extend(
                        reactions
                            .into_iter()
                            .flat_map(|(_, reaction)| match reaction {
                                Reaction::Alter(steps) | Reaction::Dislodge(steps) => steps,
                                Reaction::Replace => Vec::new(),
                            }),
                    );
                }
            }
        }
    }
    steps
}

/// The step that gives a sequence the owner of the table that it goes with: in a plan it gets that with the table, but a
/// tree is loaded owners first, and then both have to have the same.
fn owner_along(diff: &Diff<'_>, id: &ObjectId) -> Vec<Step> {
    let catalog = diff.catalogs.desired;
    let table = match catalog.get(id) {
        Some(Object::Sequence(sequence)) => sequence.owned_by_ref.as_ref(),
        Some(_) | None => None,
    };
    let owner = table
        .and_then(|column| catalog.parent(column))
        .and_then(|table| catalog.get(&ObjectId::about(Kind::Owner, table)));
    match owner {
        Some(owner @ Object::Owner(held)) if held.role != catalog.role => {
            owner.create(&ObjectId::about(Kind::Owner, id), &[], &diff.context())
        }
        Some(_) | None => Vec::new(),
    }
}

/// The object in whose file a step belongs: the outermost that its own object is a part of.
fn root(catalog: &Catalog, id: &ObjectId) -> ObjectId {
    let mut root = id.clone();
    // What takes away a privilege that a new object would have is about an object without being in the catalog.
    while let Some(outer) = catalog.parent(&root).cloned().or_else(|| root.target()) {
        root = outer;
    }
    root
}

/// The file of an object. Routines that share a name share a file.
fn path(root: &ObjectId, names: &mut Names) -> Utf8PathBuf {
    let kinds = format!("{}s", root.kind.noun().replace(' ', "_"));
    let Some(schema) = root.lives_in() else {
        return Utf8PathBuf::from(format!("{SCHEMA}/{kinds}.sql"));
    };
    let folder = format!("{SCHEMA}/{}", names.within(SCHEMA, schema.as_str()));
    let own: Vec<&str> = root.path[1..].iter().map(Ident::as_str).collect();
    if own.is_empty() {
        return Utf8PathBuf::from(format!("{folder}/{}.sql", root.kind.noun()));
    }
    let folder = format!("{folder}/{kinds}");
    let name = names.within(&folder, &own.join("."));
    Utf8PathBuf::from(format!("{folder}/{name}.sql"))
}

/// A file's text: statements, with a gap around those of several lines.
#[derive(Default)]
struct Text {
    sql: String,
    last: Option<Kind>,
}

impl Text {
    fn add(&mut self, step: &Step) {
        for statement in &step.sql {
            let kind = (!statement.contains('\n')).then_some(step.object.kind);
            if !self.sql.is_empty() && (kind.is_none() || kind != self.last) {
                self.sql.push('\n');
            }
            self.sql.push_str(statement);
            self.sql.push_str(";\n");
            self.last = kind;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A catalog of objects: what each is called, and its model as JSON.
    struct Hand(Catalog);

    impl Hand {
        fn new() -> Self {
            Self(Catalog::empty(150_000, Ident::new("me")))
        }

        fn with(mut self, id: &str, model: Value, parent: Option<&str>) -> Self {
            let id: ObjectId = id.parse().unwrap();
            let parent = parent.map(|parent| parent.parse().unwrap());
            for on in parent.iter().chain(&schema_of(&id)) {
                self.0.depend(&id, on);
            }
            let model = id.kind.read(model).unwrap();
            self.0.insert(id, model, parent);
            self
        }

        fn check(&self, expected: &[(&str, &str)]) {
            let files = files(&self.0).unwrap();
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|file| (file.path.as_str(), file.text.as_str()))
                .collect();
            assert_eq!(files, expected);
        }
    }

    fn schema_of(id: &ObjectId) -> Option<ObjectId> {
        let schema = ObjectId::new(Kind::Schema, [id.lives_in()?.clone()]);
        (id.kind != Kind::Schema).then_some(schema)
    }

    #[test]
    fn what_belongs_to_an_object_stands_in_its_file() {
        Hand::new()
            .with("schema app", json!({}), None)
            .with(
                "owner on schema app",
                json!({"role": "me"}),
                Some("schema app"),
            )
            .with("table app.users", json!({}), None)
            .with(
                "owner on table app.users",
                json!({"role": "boss"}),
                Some("table app.users"),
            )
            .with(
                "column app.users.id",
                json!({"position": 1, "type": "bigint", "local": true}),
                Some("table app.users"),
            )
            .with(
                "comment on table app.users",
                json!({"text": "it's us"}),
                Some("table app.users"),
            )
            .with(
                "comment on column app.users.id",
                json!({"text": "x"}),
                Some("column app.users.id"),
            )
            .with(
                "grant on table app.users to reader",
                json!({"privileges": ["SELECT"]}),
                Some("table app.users"),
            )
            .with("enum app.mood", json!({"values": ["sad", "glad"]}), None)
            .check(&[
                (
                    "schema/app/enums/mood.sql",
                    "CREATE TYPE app.mood AS ENUM ('sad', 'glad');\n",
                ),
                ("schema/app/schema.sql", "CREATE SCHEMA app;\n"),
                (
                    "schema/app/tables/users.sql",
                    "CREATE TABLE app.users (\n    id bigint\n);\n\n\
                     ALTER TABLE app.users OWNER TO boss;\n\n\
                     GRANT SELECT ON TABLE app.users TO reader;\n\n\
                     COMMENT ON TABLE app.users IS 'it''s us';\n\
                     COMMENT ON COLUMN app.users.id IS 'x';\n",
                ),
            ]);
    }

    #[test]
    fn names_that_no_file_can_have() {
        Hand::new()
            .with("schema \"App\"", json!({}), None)
            .with("schema app", json!({}), None)
            .with("enum app.\"a/b\"", json!({"values": []}), None)
            .with("enum app.\"a:b\"", json!({"values": []}), None)
            .check(&[
                ("schema/App/schema.sql", "CREATE SCHEMA \"App\";\n"),
                (
                    "schema/app_2/enums/a_b.sql",
                    "CREATE TYPE app.\"a/b\" AS ENUM ();\n",
                ),
                (
                    "schema/app_2/enums/a_b_2.sql",
                    "CREATE TYPE app.\"a:b\" AS ENUM ();\n",
                ),
                ("schema/app_2/schema.sql", "CREATE SCHEMA app;\n"),
            ]);
    }

    #[test]
    fn what_lives_in_no_schema_and_overloads() {
        let function = |argument: &str| {
            json!({
                "language": "sql", "definition": format!("CREATE FUNCTION app.f({argument})"), "result": "integer",
                "arguments": argument, "named_arguments": argument, "defaults": 0,
            })
        };
        let rule = |schema: Option<&str>| json!({"role": "me", "schema": schema, "class": "TABLES", "privileges": ["SELECT"]});
        Hand::new()
            .with("schema app", json!({}), None)
            .with("extension citext", json!({"schema": "app", "version": "1"}), None)
            .with("extension \"uuid-ossp\"", json!({"schema": "app", "version": "1"}), None)
            .with("function app.f(integer)", function("integer"), None)
            .with("function app.f(text)", function("text"), None)
            .with("default privilege me.tables to reader", rule(None), None)
            .with("default privilege app.me.tables to reader", rule(Some("app")), None)
            .check(&[
                (
                    "schema/app/default_privileges/me.tables.sql",
                    "ALTER DEFAULT PRIVILEGES FOR ROLE me IN SCHEMA app GRANT SELECT ON TABLES TO reader;\n",
                ),
                ("schema/app/functions/f.sql", "CREATE FUNCTION app.f(integer);\nCREATE FUNCTION app.f(text);\n"),
                ("schema/app/schema.sql", "CREATE SCHEMA app;\n"),
                (
                    "schema/default_privileges.sql",
                    "ALTER DEFAULT PRIVILEGES FOR ROLE me GRANT SELECT ON TABLES TO reader;\n",
                ),
                (
                    "schema/extensions.sql",
                    "CREATE EXTENSION citext WITH SCHEMA app;\nCREATE EXTENSION \"uuid-ossp\" WITH SCHEMA app;\n",
                ),
            ]);
    }

    #[test]
    fn what_default_privileges_would_add_is_taken_back() {
        let reader = |privileges: &[&str]| json!({ "privileges": privileges });
        Hand::new()
            .with("schema app", json!({}), None)
            .with(
                "default privilege app.me.tables to reader",
                json!({"role": "me", "schema": "app", "class": "TABLES", "privileges": ["INSERT", "SELECT"]}),
                None,
            )
            .with("table app.kept", json!({}), None)
            .with("grant on table app.kept to reader", reader(&["INSERT", "SELECT"]), Some("table app.kept"))
            .with("table app.less", json!({}), None)
            .with("grant on table app.less to reader", reader(&["SELECT"]), Some("table app.less"))
            .with("table app.locked", json!({}), None)
            .check(&[
                (
                    "schema/app/default_privileges/me.tables.sql",
                    "ALTER DEFAULT PRIVILEGES FOR ROLE me IN SCHEMA app GRANT INSERT, SELECT ON TABLES TO reader;\n",
                ),
                ("schema/app/schema.sql", "CREATE SCHEMA app;\n"),
                (
                    "schema/app/tables/kept.sql",
                    "CREATE TABLE app.kept ();\nGRANT INSERT, SELECT ON TABLE app.kept TO reader;\n",
                ),
                (
                    "schema/app/tables/less.sql",
                    "CREATE TABLE app.less ();\n\
                     GRANT SELECT ON TABLE app.less TO reader;\n\n\
                     REVOKE INSERT ON TABLE app.less FROM reader;\n",
                ),
                (
                    "schema/app/tables/locked.sql",
                    "CREATE TABLE app.locked ();\n\nREVOKE INSERT, SELECT ON TABLE app.locked FROM reader;\n",
                ),
            ]);
    }

    #[test]
    fn the_schema_that_every_database_has() {
        let everybody = |privileges: &[&str]| json!({ "privileges": privileges });
        let public = |owner: &str| {
            let owner = json!({ "role": owner });
            Hand::new().with("schema public", json!({}), None).with(
                "owner on schema public",
                owner,
                Some("schema public"),
            )
        };
        let grant = "grant on schema public to PUBLIC";
        public("pg_database_owner")
            .with(grant, everybody(&["USAGE"]), Some("schema public"))
            .check(&[]);
        public("me").check(&[(
            "schema/public/schema.sql",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC;\n\nALTER SCHEMA public OWNER TO me;\n",
        )]);
        let none = Hand::new();
        none.check(&[]);
        assert_eq!(absent(&none.0), [Glob::of_schema(&PUBLIC.into())]);
    }
}
