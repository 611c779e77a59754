//! The contract.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    additions::Additions,
    attribute::Attribute,
    change::Passage,
    contents::Contents,
    facts::Facts,
    follow::Follow,
    profile::Profile,
    renaming::Renaming,
    replacement::Replacement,
    survival::Survival,
    world::{Context, Model},
};
use crate::{
    kinds::{Counter, ObjectId, Step},
    source::Access,
    sql::Ident,
};

/// A kind of object.
pub trait ObjectKind:
    Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned + 'static
{
    /// Reads every object of this kind from `pg_catalog`: a set-based query, columns named, ordered.
    ///
    /// Columns named as the model's fields become the model. Beside them stand the identity: `path` (text array), `args`,
    /// `grantee`; the address by which `pg_depend` knows the object: `classid`, `objid`, `objsubid`; and that of the
    /// object it belongs to: `parent_classid`, `parent_objid`, `parent_objsubid`. A column whose name ends in `_ref` is
    /// an address (an array of three OIDs) that becomes an [`ObjectId`].
    const INTROSPECT: &'static str;

    /// The attributes that decide equality, and what a difference in each one means. Every field of the model stands in
    /// exactly one entry, so that nothing is read and not compared.
    const ATTRIBUTES: &'static [Attribute<Self>];

    /// What holds for every object of the kind.
    const PROFILE: Profile = Profile::USUAL;

    /// How objects and their parts get other names.
    const RENAMING: Renaming<Self> = Renaming::NONE;

    /// How a new object takes the place of an old one.
    const REPLACEMENT: Replacement<Self> = Replacement::NONE;

    /// How an object outlives what it goes with.
    const SURVIVAL: Survival<Self> = Survival::NONE;

    /// What an object holds, which no schema tree can say.
    const CONTENTS: Contents<Self> = Contents::NONE;

    /// What the server adds of its own accord.
    const ADDITIONS: Additions<Self> = Additions::NONE;

    /// How SQL names the object after `COMMENT ON`, `ALTER` and `DROP`: `TABLE app.users`, `CONSTRAINT c ON app.users`.
    fn address(&self, id: &ObjectId) -> String;

    /// The steps that bring the object into being. `parts` are the fragments of those of its children that stand inside
    /// its own statement ([`ObjectKind::fold`]).
    fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step>;

    /// The steps that drop the object.
    fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step>;

    /// Which statements of an application that ran before the change fail after it, or find fewer rows: a clause. One of the
    /// two sides is there, and what the object belongs to is there before and after.
    ///
    /// What a statement can't use (an index, a comment), what only gives more (a column that takes NULL, a privilege) and what
    /// only rejects some rows (a constraint: the rows that are there are checked) breaks nothing.
    fn breaks(change: &Passage<'_, Self>) -> Option<String>;

    /// What the object is like.
    fn facts(&self) -> Facts<'_> {
        Facts::default()
    }

    /// The text that stands for this object inside its parent's `CREATE`, if it can stand there.
    fn fold(&self, _id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        None
    }

    /// The steps that a new object still needs after its `CREATE`, or its parent's, for what no `CREATE` can say.
    fn complete(&self, _id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The object as the server makes it by itself when what it belongs to is created, as it clones a partitioned table's
    /// columns and indexes onto a new partition. The differences to `self` are then altered.
    fn implied(&self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Self> {
        None
    }

    /// What becomes of this object when something that it depends on is changed in a way that nothing may lean on
    /// meanwhile (a column's type). `desired` is the same object afterwards.
    fn when_dislodged(&self, _desired: Option<&Self>) -> Follow {
        Follow::Rebuilt
    }

    /// The sequence that the object is or brings along: one that gives numbers to the same column instead of it goes on
    /// where it is.
    fn counter(&self, _id: &ObjectId) -> Option<Counter> {
        None
    }

    /// Names that two objects can't both have, besides the id's own.
    fn claims(&self, _id: &ObjectId) -> Vec<Claim> {
        Vec::new()
    }

    /// The roles that the object names, which have to be there before it.
    fn roles<'a>(&'a self, _id: &'a ObjectId) -> Vec<&'a Ident> {
        Vec::new()
    }

    /// What an operation that failed, or still runs, has left of the object, where no statement creates one like that.
    fn unfinished(&self, _id: &ObjectId) -> Option<Unfinished> {
        None
    }

    /// What the server does by itself, because of this object, when the relation or the type is accessed that the object is
    /// or belongs to.
    fn when_accessed(&self, _id: &ObjectId, _access: &Access) -> Option<Answer> {
        None
    }

    /// How the server changes rows of the relation that the object belongs to when those of another one are accessed.
    fn passed_on(&self, _other: &ObjectId, _access: &Access) -> Vec<Access> {
        Vec::new()
    }
}

/// What other kinds can ask of the object.
impl<K: ObjectKind> Model for K {
    fn facts(&self) -> Facts<'_> {
        ObjectKind::facts(self)
    }

    fn address(&self, id: &ObjectId) -> String {
        ObjectKind::address(self, id)
    }

    fn create(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        ObjectKind::create(self, id, &[], cx)
    }

    fn folds(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        self.fold(id, &[], cx).is_some()
    }

    fn stands_aside(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        (K::REPLACEMENT.aside)(self, self, id, cx).is_some()
    }

    fn is_made_by_itself(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        self.implied(id, cx).is_some()
    }

    fn counter(&self, id: &ObjectId) -> Option<Counter> {
        ObjectKind::counter(self, id)
    }

    fn makes_cast(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
        (K::REPLACEMENT.makes_cast)(self, id, cx)
    }

    fn carried(&self, desired: &dyn Model, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
        (K::REPLACEMENT.carried)(self, desired.of_kind()?, id, cx)
    }

    fn loses(&self, desired: &dyn Model, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
        (K::REPLACEMENT.loses)(self, desired.of_kind()?, id, cx)
    }
}

/// A piece of a parent's `CREATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Where it stands among its like.
    pub position: i32,
    /// Its text.
    pub sql: String,
}

/// What the server does by itself when a relation or a type is accessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It runs a function that may do anything.
    Fires,
    /// It evaluates what the object defines; by this statement, from which nothing is read but its expressions.
    Evaluates(String),
}

/// A name in one of PostgreSQL's name spaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// `pg_class`: tables, views, indexes, sequences, composite types of a schema.
    Relation(String),
    /// `pg_type`: types, domains, and the row types of relations.
    Type(String),
    /// `pg_constraint`: the constraints of one table or domain.
    Constraint(String),
    /// A part of a partitioned table's rows: which of them overlap, only PostgreSQL knows.
    Share {
        /// The partitioned table.
        of: String,
        /// The partition's bound.
        bound: String,
    },
}

/// What an operation that failed, or still runs, has left of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// What is wrong with the object: `is invalid: …`.
    pub problem: &'static str,
    /// What brings the object to what it should be.
    pub finish: String,
    /// The statement that takes it away, where it is of no use to anybody.
    pub removal: Option<String>,
}
