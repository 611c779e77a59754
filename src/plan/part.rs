//! A part of a difference: some objects brought to what is declared, with what they need, and the others left as they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Catalog,
    diff::{Catalogs, Diff, Fate},
    kinds::{Glob, ObjectId},
};

/// A state between the live and the desired one.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The state: the live one, with the chosen objects as they are declared.
    pub desired: Catalog,
    /// What nobody has named and comes along, since something that is named needs it.
    pub along: BTreeSet<ObjectId>,
    /// What stays different.
    pub rest: BTreeSet<ObjectId>,
}

impl Part {
    /// The part of a difference that these names choose.
    pub fn new(catalogs: Catalogs<'_>, only: &[Glob]) -> Self {
        let difference = Difference::new(catalogs);
        let roots: BTreeSet<ObjectId> = difference.roots.keys().cloned().collect();
        let named: BTreeSet<ObjectId> = roots
            .iter()
            .filter(|root| is_named(root, only))
            .cloned()
            .collect();
        let mut chosen = named.clone();
        let mut waiting: Vec<ObjectId> = named.iter().cloned().collect();
        while let Some(root) = waiting.pop() {
            for needed in difference.needs(&root) {
                if chosen.insert(needed.clone()) {
                    waiting.push(needed);
                }
            }
        }
        let is_chosen = |id: &ObjectId| chosen.contains(&catalogs.root(id));
        Self {
            desired: catalogs.live.with(catalogs.desired, is_chosen),
            along: chosen.difference(&named).cloned().collect(),
            rest: roots.difference(&chosen).cloned().collect(),
        }
    }
}

/// Whether one of the names is that of an object that stands for itself, or of the schema that it lives in.
pub fn is_named(root: &ObjectId, only: &[Glob]) -> bool {
    let schema = root.lives_in().unwrap_or_else(|| root.name());
    only.iter()
        .any(|glob| glob.names_object(root) || glob.names_schema(schema.as_str()))
}

/// How many groups of relations of the live database change that have nothing to do with each other.
pub fn unrelated(catalogs: Catalogs<'_>) -> usize {
    let difference = Difference::new(catalogs);
    let mut groups: Vec<BTreeSet<&ObjectId>> = Vec::new();
    let mut linked: BTreeMap<&ObjectId, BTreeSet<&ObjectId>> = BTreeMap::new();
    // Every object lives in some schema: that relates none to another.
    let stands = |root: &&ObjectId| root.path.len() > 1;
    for catalog in [catalogs.live, catalogs.desired] {
        for (id, _) in catalog.objects() {
            let Some((root, _)) = difference.roots.get_key_value(&catalogs.root(id)) else {
                continue;
            };
            for on in catalog.dependencies(id) {
                if let Some((other, _)) = difference.roots.get_key_value(&catalogs.root(on))
                    && stands(&root)
                    && stands(&other)
                {
                    linked.entry(root).or_default().insert(other);
                    linked.entry(other).or_default().insert(root);
                }
            }
        }
    }
    for root in difference.roots.keys().filter(stands) {
        if groups.iter().any(|group| group.contains(root)) {
            continue;
        }
        let mut group = BTreeSet::from([root]);
        let mut waiting = vec![root];
        while let Some(one) = waiting.pop() {
            for other in linked.get(one).into_iter().flatten() {
                if group.insert(other) {
                    waiting.push(other);
                }
            }
        }
        groups.push(group);
    }
    let changes_live = |root: &&ObjectId| root.is_relation() && catalogs.live.contains(root);
    groups
        .iter()
        .filter(|group| group.iter().copied().any(|root| changes_live(&root)))
        .count()
}

/// What is different, by the objects that stand for themselves.
struct Difference<'a> {
    catalogs: Catalogs<'a>,
    roots: BTreeMap<ObjectId, Vec<&'a ObjectId>>,
    fates: BTreeMap<ObjectId, Fate>,
    live_dependents: BTreeMap<&'a ObjectId, BTreeSet<&'a ObjectId>>,
    /// What goes with an object, in either catalog.
    companions: BTreeMap<&'a ObjectId, BTreeSet<&'a ObjectId>>,
    /// What goes, by its name, which something that comes may take.
    freed: BTreeMap<&'a [crate::sql::Ident], Vec<&'a ObjectId>>,
}

impl<'a> Difference<'a> {
    fn new(catalogs: Catalogs<'a>) -> Self {
        let Catalogs { live, desired } = catalogs;
        let fates = Diff::new(catalogs).fates;
        let mut difference = Self {
            catalogs,
            roots: BTreeMap::new(),
            fates,
            live_dependents: live.dependents(),
            companions: BTreeMap::new(),
            freed: BTreeMap::new(),
        };
        let ids: BTreeSet<&ObjectId> = [live, desired]
            .into_iter()
            .flat_map(|catalog| catalog.objects().map(|(id, _)| id))
            .collect();
        for id in ids {
            let is_same = match (live.get(id), desired.get(id)) {
                (Some(one), Some(other)) => one.differences(other).is_empty(),
                (Some(_) | None, _) => false,
            };
            if is_same {
                continue;
            }
            let root = catalogs.root(id);
            difference.roots.entry(root).or_default().push(id);
            for with in difference.goes_with(id) {
                difference.companions.entry(with).or_default().insert(id);
            }
            if !desired.contains(id) {
                difference.freed.entry(&id.path).or_default().push(id);
            }
        }
        difference
    }

    fn goes_with(&self, id: &ObjectId) -> impl Iterator<Item = &'a ObjectId> + use<'a> {
        let Catalogs { live, desired } = self.catalogs;
        let objects = [live.get(id), desired.get(id)];
        objects
            .into_iter()
            .flatten()
            .filter_map(|object| object.facts().goes_with)
    }

    /// What has to change along with an object and its parts.
    fn needs(&self, root: &ObjectId) -> BTreeSet<ObjectId> {
        let Catalogs { live, desired } = self.catalogs;
        let mut needs: BTreeSet<&ObjectId> = BTreeSet::new();
        for id in self.roots.get(root).into_iter().flatten().copied() {
            needs.extend(desired.dependencies(id));
            needs.extend(self.goes_with(id));
            needs.extend(self.companions.get(id).into_iter().flatten());
            // What leans on something that goes, or goes meanwhile, has to be let go of it, or comes back as it is declared.
            let moves = !desired.contains(id)
                || matches!(
                    self.fates.get(id),
                    Some(Fate::Replace(_) | Fate::Dislodge | Fate::Repoint(_))
                );
            if moves {
                needs.extend(self.live_dependents.get(id).into_iter().flatten());
            }
            if !live.contains(id) {
                needs.extend(self.freed.get(id.path.as_slice()).into_iter().flatten());
            }
        }
        needs
            .into_iter()
            .map(|id| (id, self.catalogs.root(id)))
            .filter(|(id, root)| {
                let changed = self.roots.get(root);
                changed.is_some_and(|changed| changed.contains(id))
            })
            .map(|(_, root)| root)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sql::Ident;

    fn catalog(objects: &[(&str, Value)], depends: &[(&str, &str)]) -> Catalog {
        let mut catalog = Catalog::empty(150_000, Ident::new("me"));
        for (id, model) in objects {
            let id: ObjectId = id.parse().unwrap();
            let model = id.kind.read(model.clone()).unwrap();
            catalog.insert(id, model, None);
        }
        for (id, on) in depends {
            catalog.depend(&id.parse().unwrap(), &on.parse().unwrap());
        }
        catalog
    }

    fn view(definition: &str) -> Value {
        json!({"definition": definition, "columns": ["a integer"], "options": []})
    }

    fn check(only: &[&str], along: &[&str], rest: &[&str]) {
        let live = catalog(
            &[
                ("schema app", json!({})),
                ("table app.a", json!({})),
                ("view app.gone", view("1")),
                ("view app.leans", view("1")),
            ],
            &[("view app.leans", "view app.gone")],
        );
        let desired = catalog(
            &[
                ("schema app", json!({})),
                ("schema other", json!({})),
                ("table app.a", json!({})),
                ("table other.b", json!({})),
                ("view app.leans", view("2")),
                ("view app.new", view("1")),
            ],
            &[
                ("table other.b", "schema other"),
                ("view app.new", "table other.b"),
            ],
        );
        let catalogs = Catalogs {
            live: &live,
            desired: &desired,
        };
        let only: Vec<Glob> = only.iter().map(|glob| glob.parse().unwrap()).collect();
        let part = Part::new(catalogs, &only);
        let names = |ids: &BTreeSet<ObjectId>| -> Vec<String> {
            ids.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            (names(&part.along), names(&part.rest)),
            (
                along.iter().map(ToString::to_string).collect(),
                rest.iter().map(ToString::to_string).collect()
            )
        );
        let still = Catalogs {
            live: &part.desired,
            desired: &desired,
        };
        assert_eq!(Diff::new(still).is_empty(), rest.is_empty());
        assert_eq!(unrelated(catalogs), 1);
    }

    #[test]
    fn what_comes_along() {
        check(
            &["app.new"],
            &["schema other", "table other.b"],
            &["view app.gone", "view app.leans"],
        );
        check(
            &["app.gone"],
            &["view app.leans"],
            &["schema other", "table other.b", "view app.new"],
        );
        check(&["app", "other"], &[], &[]);
        check(
            &["app.a"],
            &[],
            &[
                "schema other",
                "table other.b",
                "view app.gone",
                "view app.leans",
                "view app.new",
            ],
        );
    }
}
