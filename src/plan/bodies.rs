//! What the string bodies of functions refer to, which `pg_depend` doesn't have, and when that matters: a statement that
//! runs a function wants all of it to be there.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Catalog,
    diff::Diff,
    kinds::ObjectId,
    source::{Namespace, Symbol, body_references},
};

/// For each object whose making runs functions, what these refer to, in turn.
pub(super) fn referred<'a>(diff: &'a Diff<'_>) -> Vec<(&'a ObjectId, BTreeSet<&'a ObjectId>)> {
    let mut bodies = Bodies {
        catalog: diff.catalogs.desired,
        names: None,
        read: BTreeMap::new(),
    };
    let running = diff.fates.keys().filter(|id| {
        let object = diff.catalogs.desired.get(id);
        object.is_some_and(|object| object.profile().runs_functions)
    });
    running
        .map(|id| (id, bodies.behind(id)))
        .filter(|(_, referred)| !referred.is_empty())
        .collect()
}

struct Bodies<'a> {
    catalog: &'a Catalog,
    /// The objects by their last name; read once there is a body at all.
    names: Option<BTreeMap<&'a str, Vec<&'a ObjectId>>>,
    /// What each routine's body refers to.
    read: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
}

impl<'a> Bodies<'a> {
    /// What the routines refer to that an object leads to, by its dependencies and by their bodies.
    fn behind(&mut self, id: &'a ObjectId) -> BTreeSet<&'a ObjectId> {
        let mut referred = BTreeSet::new();
        let mut seen = BTreeSet::from([id]);
        let mut waiting = vec![id];
        while let Some(next) = waiting.pop() {
            let body = self.of(next);
            referred.extend(&body);
            let all = self.catalog.dependencies(next).chain(body);
            waiting.extend(all.filter(|other| seen.insert(other)));
        }
        referred.remove(id);
        referred
    }

    fn of(&mut self, id: &'a ObjectId) -> Vec<&'a ObjectId> {
        let Some(definition) = self
            .catalog
            .get(id)
            .and_then(|object| object.facts().string_body)
        else {
            return Vec::new();
        };
        if let Some(known) = self.read.get(id) {
            return known.clone();
        }
        let names = self.names.get_or_insert_with(|| by_name(self.catalog));
        let references = body_references(definition);
        let found: Vec<&ObjectId> = references
            .iter()
            .flat_map(|symbol| {
                let namesakes = names.get(symbol.name.as_str()).into_iter().flatten();
                namesakes.filter(|other| may_mean(symbol, other))
            })
            .copied()
            .collect();
        self.read.insert(id, found.clone());
        found
    }
}

/// What has a name in a schema.
fn by_name(catalog: &Catalog) -> BTreeMap<&str, Vec<&ObjectId>> {
    let mut names: BTreeMap<&str, Vec<&ObjectId>> = BTreeMap::new();
    for (id, _) in catalog.objects() {
        if let ([_, name], None, None) = (id.path.as_slice(), id.of, &id.grantee) {
            names.entry(name.as_str()).or_default().push(id);
        }
    }
    names
}

/// Whether a name in a body may stand for an object. Along which path it will be looked up isn't known.
fn may_mean(symbol: &Symbol, id: &ObjectId) -> bool {
    let namespace = symbol.namespace();
    let is_fitting = if id.args.is_some() {
        namespace == Namespace::Routine
    } else {
        namespace == Namespace::Relation || namespace == Namespace::Type
    };
    let schema = symbol.schema.as_ref();
    is_fitting && schema.is_none_or(|schema| *schema == id.path[0])
}
