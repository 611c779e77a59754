//! What somebody changed in a database behind forge's back: two catalogs of one database, and how objects differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    catalog::Catalog,
    diff::{Catalogs, Diff},
    kinds::{Object, ObjectId},
    plan,
    sql::join,
};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It wasn't there.
    Added,
    /// It is gone.
    Removed,
    /// It isn't as it was.
    Changed,
}

impl Change {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One attribute of a changed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeChange {
    /// Its name.
    pub name: String,
    /// Its value before.
    pub before: String,
    /// Its value now.
    pub after: String,
}

/// An object that isn't as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What happened to it.
    pub change: Change,
    /// The object.
    pub object: ObjectId,
    /// For a changed one: how.
    pub attributes: Vec<AttributeChange>,
}

/// The differences of an object and of what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The object to which the others belong: a table with its columns.
    pub object: ObjectId,
    /// The differences, without those that follow from the addition or removal of what they belong to.
    pub differences: Vec<Difference>,
    /// The SQL that would create it as it was.
    pub before: Option<String>,
    /// The SQL that would create it as it is.
    pub after: Option<String>,
}

/// Compares a database's catalog with an earlier one.
pub fn compare(before: &Catalog, after: &Catalog) -> Vec<Group> {
    let mut groups: BTreeMap<ObjectId, Vec<Difference>> = BTreeMap::new();
    let catalogs = Catalogs {
        live: before,
        desired: after,
    };
    for difference in differences(before, after) {
        let root = catalogs.root(&difference.object);
        groups.entry(root).or_default().push(difference);
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let roots: BTreeSet<&ObjectId> = groups.keys().collect();
    let definitions = |catalog: &Catalog| definitions(catalog, &roots);
    let (mut old, mut new) = (definitions(before), definitions(after));
    groups
        .into_iter()
        .map(|(object, differences)| Group {
            differences,
            before: old.remove(&object),
            after: new.remove(&object),
            object,
        })
        .collect()
}

/// The objects that stand for themselves and aren't as they were, or have parts that aren't.
pub fn roots(before: &Catalog, after: &Catalog) -> BTreeSet<ObjectId> {
    let catalogs = Catalogs {
        live: before,
        desired: after,
    };
    let differences = differences(before, after).into_iter();
    differences
        .map(|difference| catalogs.root(&difference.object))
        .collect()
}

/// What approved plans have made of a database behind a run that led from `before` to `after`, if they had left `left`: what
/// the run left alone is as it was left, and all else as it is now.
pub fn carry(left: &Catalog, before: &Catalog, after: &Catalog) -> Catalog {
    let alike = |one: Option<&Object>, other: Option<&Object>| match (one, other) {
        (Some(one), Some(other)) => one.differences(other).is_empty(),
        (one, other) => one.is_none() && other.is_none(),
    };
    let went_with_its_parent = |id: &ObjectId| {
        left.ancestors(id)
            .any(|parent| before.contains(parent) && !after.contains(parent))
    };
    after.with(left, |id| {
        !alike(left.get(id), before.get(id))
            && alike(before.get(id), after.get(id))
            && !went_with_its_parent(id)
    })
}

fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    let alone = |change, catalog: &Catalog, other: &Catalog, id: &ObjectId| {
        let with_parent = catalog
            .parent(id)
            .is_some_and(|parent| !other.contains(parent));
        (!with_parent && !other.contains(id)).then(|| Difference {
            change,
            object: id.clone(),
            attributes: Vec::new(),
        })
    };
    let added = after
        .objects()
        .filter_map(|(id, _)| alone(Change::Added, after, before, id));
    let removed = before
        .objects()
        .filter_map(|(id, _)| alone(Change::Removed, before, after, id));
    let changed = before.objects().filter_map(|(id, old)| {
        let new = after.get(id)?;
        let names = old.differences(new);
        (!names.is_empty()).then(|| Difference {
            change: Change::Changed,
            object: id.clone(),
            attributes: names
                .into_iter()
                .map(|name| AttributeChange {
                    name: name.trim_end_matches("_name").replace('_', " "),
                    before: value(old, name),
                    after: value(new, name),
                })
                .collect(),
        })
    });
    let mut differences: Vec<Difference> = added.chain(removed).chain(changed).collect();
    differences.sort_by(|a, b| a.object.cmp(&b.object));
    differences
}

/// An attribute's value as it stands in the model's JSON: strings as they are, lists with commas.
fn value(object: &Object, name: &str) -> String {
    let model = serde_json::to_value(object).expect("a model is JSON");
    let fields = model
        .as_object()
        .and_then(|tagged| tagged.values().next())
        .expect("an object is tagged with its kind");
    // A field whose name is a keyword of Rust's is written without the suffix.
    let value = fields
        .get(name)
        .or_else(|| fields.get(name.trim_end_matches("_name")));
    value.map_or_else(|| "none".to_owned(), words)
}

fn words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) if list.is_empty() => "none".to_owned(),
        serde_json::Value::Array(list) => join(list.iter().map(words), ", "),
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Object(_) => value.to_string(),
    }
}

/// The SQL that would create each of these objects with what belongs to it.
fn definitions(catalog: &Catalog, roots: &BTreeSet<&ObjectId>) -> BTreeMap<ObjectId, String> {
    let empty = Catalog::empty(catalog.server_version, catalog.role.clone());
    let diff = Diff::new(Catalogs {
        live: &empty,
        desired: catalog,
    });
    // Where no order can be found, the attributes have to say it all.
    let Ok(plan) = plan::plan(&diff) else {
        return BTreeMap::new();
    };
    let mut definitions: BTreeMap<ObjectId, String> = BTreeMap::new();
    for step in plan.steps() {
        let root = diff.catalogs.root(&step.object);
        if roots.contains(&root) {
            let text = definitions.entry(root).or_default();
            for sql in &step.sql {
                text.push_str(sql);
                text.push_str(";\n");
            }
        }
    }
    definitions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kinds::Kind, sql::Ident};

    fn catalog(objects: &[(&str, serde_json::Value, Option<&str>)]) -> Catalog {
        let mut catalog = Catalog::empty(150_000, Ident::new("me"));
        for (id, model, parent) in objects {
            let id: ObjectId = id.parse().unwrap();
            let object = id.kind.read(model).unwrap();
            let parent = parent.map(|parent| parent.parse().unwrap());
            if let Some(parent) = &parent {
                catalog.depend(&id, parent);
            }
            catalog.insert(id, object, parent);
        }
        catalog
    }

    fn view(definition: &str) -> serde_json::Value {
        serde_json::json!({"definition": definition, "columns": ["a integer"], "options": []})
    }

    fn comment(text: &str) -> serde_json::Value {
        serde_json::json!({ "text": text })
    }

    #[test]
    fn what_a_run_leaves_alone_is_still_drift() {
        let views = |views: &[(&'static str, &str)]| -> Vec<_> {
            views
                .iter()
                .map(|(id, definition)| (*id, view(definition), None))
                .collect()
        };
        let comment = |id, on, text| (id, comment(text), Some(on));
        let on_gone = comment("comment on view app.gone", "view app.gone", "x");
        // By hand: `changed` is another, `missing` is dropped, `strange` is there, the comment on `gone` is dropped.
        let mut left = views(&[
            ("view app.changed", " SELECT 1"),
            ("view app.gone", " SELECT 1"),
            ("view app.missing", " SELECT 1"),
            ("view app.replaced", " SELECT 1"),
        ]);
        left.push(on_gone);
        let before = views(&[
            ("view app.changed", " SELECT 2"),
            ("view app.gone", " SELECT 1"),
            ("view app.replaced", " SELECT 2"),
            ("view app.strange", " SELECT 1"),
        ]);
        // A plan drops `gone`, and writes `made` and `replaced`.
        let after = views(&[
            ("view app.changed", " SELECT 2"),
            ("view app.made", " SELECT 1"),
            ("view app.replaced", " SELECT 3"),
            ("view app.strange", " SELECT 1"),
        ]);
        let carried = carry(&catalog(&left), &catalog(&before), &catalog(&after));
        let expected = catalog(&views(&[
            ("view app.changed", " SELECT 1"),
            ("view app.made", " SELECT 1"),
            ("view app.missing", " SELECT 1"),
            ("view app.replaced", " SELECT 3"),
        ]));
        assert_eq!(carried, expected);
        assert_eq!(carry(&carried, &catalog(&after), &catalog(&after)), carried);
    }

    #[test]
    fn what_happened_to_whom() {
        let before = catalog(&[
            ("view app.kept", view(" SELECT 1"), None),
            (
                "comment on view app.kept",
                comment("old"),
                Some("view app.kept"),
            ),
            ("view app.gone", view(" SELECT 1"), None),
            (
                "comment on view app.gone",
                comment("x"),
                Some("view app.gone"),
            ),
        ]);
        let after = catalog(&[
            ("view app.kept", view(" SELECT 2"), None),
            (
                "comment on view app.kept",
                comment("new"),
                Some("view app.kept"),
            ),
            ("view app.new", view(" SELECT 3"), None),
        ]);
        let groups = compare(&before, &after);
        let told: Vec<String> = groups
            .iter()
            .flat_map(|group| &group.differences)
            .map(|difference| {
                let changes = difference.attributes.iter();
                let changes: Vec<String> = changes
                    .map(|change| format!("{}: {} → {}", change.name, change.before, change.after))
                    .collect();
                format!(
                    "{} {} {}",
                    difference.object,
                    difference.change.as_str(),
                    changes.join(", ")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "view app.gone removed ",
                "view app.kept changed definition:  SELECT 1 →  SELECT 2",
                "comment on view app.kept changed text: old → new",
                "view app.new added ",
            ]
        );
        assert_eq!(groups[1].object, ObjectId::new(Kind::View, ["app", "kept"]));
        assert_eq!(
            groups[1].after.as_deref(),
            Some("CREATE VIEW app.kept AS\n SELECT 2;\nCOMMENT ON VIEW app.kept IS 'new';\n")
        );
        assert_eq!(
            (groups[0].after.as_ref(), groups[2].before.as_ref()),
            (None, None)
        );
        assert_eq!(compare(&before, &before), []);
    }
}
