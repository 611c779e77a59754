//! From names that people write to objects of both catalogs.

use std::{collections::BTreeMap, fmt};

use crate::{
    catalog::Catalog,
    diff::Catalogs,
    kinds::{Kind, ObjectId},
    source::{Sort, Symbol, argument_types},
    sql::Ident,
};

/// Something with a name: an object, or a part of one that is no object of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The object.
    pub id: ObjectId,
    /// The part of it: an enum's value, a type's attribute.
    pub part: Option<String>,
}

impl Named {
    /// An object.
    pub(super) fn object(id: ObjectId) -> Self {
        Self { id, part: None }
    }

    /// The whole name, from the outermost part to the innermost.
    pub(super) fn path(&self) -> Vec<Ident> {
        let part = self.part.iter().map(|part| Ident::new(part.as_str()));
        self.id.path.iter().cloned().chain(part).collect()
    }

    /// Whether a catalog has it.
    pub(super) fn is_in(&self, catalog: &Catalog) -> bool {
        let object = catalog.get(&self.id);
        object.is_some_and(|object| match &self.part {
            None => true,
            Some(part) => object.part_names().contains(&part.as_str()),
        })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            None => self.id.fmt(f),
            Some(part) => write!(f, "{part} of {}", self.id),
        }
    }
}

/// When the turn of a rename is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Schemas.
    Schemas,
    /// What stands in a schema.
    Wholes,
    /// What stands in a schema and leans on something else there.
    Leaning,
    /// What belongs to something.
    Parts,
}

impl Turn {
    pub(super) const ALL: [Self; 4] = [Self::Schemas, Self::Wholes, Self::Leaning, Self::Parts];
}

/// The names of both catalogs, and what of the outer ones is renamed.
pub(super) struct Names<'a> {
    pub(super) catalogs: Catalogs<'a>,
    declared: BTreeMap<&'a [Ident], Vec<&'a ObjectId>>,
    /// Old names by new ones, and the other way round.
    before: BTreeMap<Vec<Ident>, Vec<Ident>>,
    after: BTreeMap<Vec<Ident>, Vec<Ident>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(catalogs: Catalogs<'a>) -> Self {
        let mut declared: BTreeMap<&[Ident], Vec<&ObjectId>> = BTreeMap::new();
        let own = |id: &&ObjectId| id.of.is_none() && id.grantee.is_none();
        for id in catalogs.desired.objects().map(|(id, _)| id).filter(own) {
            declared.entry(&id.path).or_default().push(id);
        }
        Self {
            catalogs,
            declared,
            before: BTreeMap::new(),
            after: BTreeMap::new(),
        }
    }

    /// Notes what is called otherwise from now on, so that what belongs to it is found.
    pub(super) fn renamed(&mut self, from: &Named, to: &Named) {
        self.before.insert(to.path(), from.path());
        self.after.insert(from.path(), to.path());
    }

    /// When the rename's turn is: outer names come before those that stand in them, and what is found by another object's
    /// name comes after it, an index after its table, a function after the types of its arguments.
    pub(super) fn turn(&self, to: &Named) -> Turn {
        let desired = self.catalogs.desired;
        let goes_with = desired
            .get(&to.id)
            .and_then(|object| object.facts().goes_with);
        let leans = desired.parent(&to.id).or(goes_with).is_some() || to.id.args.is_some();
        match (to.path().len(), leans) {
            (0 | 1, _) => Turn::Schemas,
            (2, false) => Turn::Wholes,
            (2, true) => Turn::Leaning,
            (3.., _) => Turn::Parts,
        }
    }

    /// What the desired catalog has under a name.
    pub(super) fn declared(&self, path: &[Ident]) -> Vec<Named> {
        let objects = self.declared.get(path).into_iter().flatten();
        let objects = objects.map(|&id| Named::object(id.clone()));
        let parts = path.split_last().into_iter().flat_map(|(part, whole)| {
            let wholes = self.declared.get(whole).into_iter().flatten();
            wholes.map(|&id| Named {
                id: id.clone(),
                part: Some(part.as_str().to_owned()),
            })
        });
        objects
            .chain(parts)
            .filter(|named| named.is_in(self.catalogs.desired))
            .collect()
    }

    /// What the desired catalog has for what a statement of the tree defines.
    pub(super) fn defined(&self, symbol: &Symbol) -> Option<Named> {
        let kinds = kinds(symbol.sort);
        let found: Vec<Named> = self
            .declared(&path(symbol))
            .into_iter()
            .filter(|named| kinds.contains(&named.id.kind))
            .collect();
        let same = |named: &&Named| {
            let (own, written) = (
                named.id.args.as_deref(),
                symbol.arguments.as_ref().map(Ident::as_str),
            );
            let own = own.and_then(argument_types);
            own.as_deref().map(unqualified) == written.map(unqualified)
        };
        match found.as_slice() {
            [only] => Some(only.clone()),
            several => several.iter().find(same).cloned(),
        }
    }

    /// The live object that has the place of a declared one under an old name, whose outer parts may be called as the tree
    /// calls them.
    pub(super) fn live(&self, declared: &Named, old: &[Ident]) -> Option<Named> {
        let Some(_) = &declared.part else {
            return Some(Named::object(self.live_object(&declared.id, old)?));
        };
        let (part, whole) = old.split_last()?;
        let found = Named {
            id: self.live_object(&declared.id, &translated(&self.before, whole))?,
            part: Some(part.as_str().to_owned()),
        };
        found.is_in(self.catalogs.live).then_some(found)
    }

    /// What the live catalog calls a declared object, be it renamed or not.
    pub(super) fn before(&self, declared: &Named) -> Option<Named> {
        let path = declared.path();
        let old = self.before.get(&path).unwrap_or(&path);
        self.live(declared, old)
    }

    fn live_object(&self, declared: &ObjectId, old: &[Ident]) -> Option<ObjectId> {
        let (name, outer) = old.split_last()?;
        let mut path = self.outer_before(outer);
        path.push(name.clone());
        if let Some(found) = self.find_live(declared, path) {
            return Some(found);
        }
        // An index moves to another schema with its table, a sequence with its column's.
        let Catalogs { desired, .. } = self.catalogs;
        let goes_with = desired
            .get(declared)
            .and_then(|object| object.facts().goes_with);
        let holder = desired.parent(declared).or(goes_with)?;
        let held = self.live_object(holder, &translated(&self.before, &holder.path))?;
        let path = [held.schema().clone(), name.clone()];
        (declared.path.len() == 2)
            .then(|| self.find_live(declared, path.to_vec()))
            .flatten()
    }

    fn find_live(&self, declared: &ObjectId, path: Vec<Ident>) -> Option<ObjectId> {
        let id = ObjectId {
            path,
            ..declared.clone()
        };
        let live = self.catalogs.live;
        if live.contains(&id) {
            return Some(id);
        }
        // A type among its arguments may be called otherwise.
        let count = |args: &str| args.split(", ").count();
        let arguments = count(id.args.as_deref()?);
        let is_left = |other: &&ObjectId| {
            other.kind == id.kind
                && other.of.is_none()
                && other.path == id.path
                && other.args.as_deref().map(count) == Some(arguments)
                && !self.catalogs.desired.contains(other)
        };
        let mut left = live.objects().map(|(other, _)| other).filter(is_left);
        let only = left.next()?;
        left.next().is_none().then(|| only.clone())
    }

    /// What the live catalog calls the outer parts of a name.
    fn outer_before(&self, outer: &[Ident]) -> Vec<Ident> {
        translated(&self.before, outer)
    }

    /// What the desired catalog calls the outer parts of a name.
    pub(super) fn outer_after(&self, outer: &[Ident]) -> Vec<Ident> {
        translated(&self.after, outer)
    }
}

/// The name with its longest known beginning exchanged.
fn translated(names: &BTreeMap<Vec<Ident>, Vec<Ident>>, path: &[Ident]) -> Vec<Ident> {
    let known = (1..=path.len()).rev().find_map(|length| {
        let other = names.get(&path[..length])?;
        Some(other.iter().chain(&path[length..]).cloned().collect())
    });
    known.unwrap_or_else(|| path.to_vec())
}

/// A list of types without their schemas, which the tree may leave out.
fn unqualified(types: &str) -> Vec<String> {
    types
        .split(", ")
        .map(|name| name.rsplit('.').next().unwrap_or(name).to_owned())
        .collect()
}

/// The dotted name of what a statement defines.
pub(super) fn path(symbol: &Symbol) -> Vec<Ident> {
    let schema = symbol.schema.iter();
    schema
        .chain([&symbol.name])
        .chain(&symbol.member)
        .cloned()
        .collect()
}

/// The kinds that a sort of name can stand for.
fn kinds(sort: Sort) -> &'static [Kind] {
    match sort {
        Sort::Schema => &[Kind::Schema],
        Sort::Table => &[Kind::Table],
        Sort::View => &[Kind::View],
        Sort::MaterializedView => &[Kind::MaterializedView],
        Sort::Index => &[Kind::Index],
        Sort::Sequence => &[Kind::Sequence],
        Sort::CompositeType => &[Kind::Composite],
        Sort::Type => &[Kind::Enumeration, Kind::Composite, Kind::Domain],
        Sort::EnumValue => &[Kind::Enumeration],
        Sort::Domain => &[Kind::Domain],
        Sort::Function | Sort::Procedure | Sort::Routine => &[Kind::Function],
        Sort::Trigger => &[Kind::Trigger],
        Sort::Policy => &[Kind::Policy],
        Sort::Constraint => &[Kind::Constraint, Kind::DomainConstraint],
        Sort::Column => &[Kind::Column, Kind::Composite],
        Sort::Relation => &[
            Kind::Table,
            Kind::View,
            Kind::MaterializedView,
            Kind::Sequence,
        ],
        Sort::Extension
        | Sort::ForeignTable
        | Sort::Aggregate
        | Sort::Operator
        | Sort::OperatorClass
        | Sort::OperatorFamily
        | Sort::Collation
        | Sort::Conversion
        | Sort::TextSearchConfiguration
        | Sort::TextSearchDictionary
        | Sort::TextSearchParser
        | Sort::TextSearchTemplate
        | Sort::Statistics
        | Sort::Language
        | Sort::AccessMethod
        | Sort::ForeignDataWrapper
        | Sort::Server
        | Sort::Publication
        | Sort::Subscription
        | Sort::EventTrigger
        | Sort::Rule
        | Sort::Key => &[],
    }
}
