//! What an object is like, as the engine and other kinds need to know it.

use super::follow::Follow;
use crate::{kinds::ObjectId, sql::Ident};

/// What an object is like, as the engine and other kinds need to know it. Most objects have few of these.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer to a question of its own"
)]
pub struct Facts<'a> {
    /// The object that takes this one along when it is dropped, other than the parent: a sequence's column, the table
    /// that this one is a partition of.
    pub goes_with: Option<&'a ObjectId>,
    /// The objects among whose rows the object's own are found, where these are more than what it goes with: the parents of a
    /// table. See [`Facts::wholes`].
    pub parents: Vec<&'a ObjectId>,
    /// The object of a parent table that has handed this one down, be it that this one is declared here too and doesn't go
    /// with it.
    pub inherited_from: Option<&'a ObjectId>,
    /// Whether PostgreSQL refuses to drop what the object goes with for as long as the two go together.
    pub holds_whole: bool,
    /// What becomes of this object while something that it refers to is detached from the whole that it is a part of.
    pub when_detached: Follow,
    /// The names of what holds rows, is no object of its own, and is dropped with the object.
    pub takes_along: Vec<&'a str>,
    /// The class of objects that `ALTER DEFAULT PRIVILEGES` counts it among: `TABLES`, `SEQUENCES`, `FUNCTIONS`, `TYPES`,
    /// `SCHEMAS`.
    pub privilege_class: Option<&'static str>,
    /// Its place among objects that are told apart by nothing but whom they are about, where PostgreSQL keeps one.
    pub position: i32,
    /// The statement that makes a routine whose body is a string: `pg_depend` doesn't have what that refers to.
    pub string_body: Option<&'a str>,
    /// Whether policies decide which rows of the object are seen.
    pub hides_rows: bool,
    /// Whether what is declared on the object is spread over partitions.
    pub is_partitioned: bool,
    /// The columns by which `ON CONFLICT` finds the object.
    pub arbitrates: Option<&'a [Ident]>,
    /// The columns that tell the rows of the object's parent apart and are never null.
    pub row_key: Option<&'a [Ident]>,
    /// The columns of an index whose copies on new partitions are no constraints.
    pub copied_columns: Option<&'a [Ident]>,
    /// The index that stands for the object among the parts of a partitioned index.
    pub index_name: Option<IndexName<'a>>,
    /// What each part of the table that the object belongs to has under the same name, and keeps when it leaves; as long as it is
    /// a part, that is no object of its own.
    pub handed_down: Option<HandedDown<'a>>,
    /// Whether the object holds values of its own, which a replacement of its parent has to carry over.
    pub holds_values: bool,
    /// The types of the values that the object stores.
    pub value_types: Vec<&'a str>,
    /// Whether the values that the object holds may be NULL, as far as it says.
    pub takes_null: bool,
    /// Whether each value that the object holds is a row with fields of its own.
    pub holds_rows: bool,
    /// Whether values of the type that the object is, or has the rows of, are rows.
    pub has_fields: bool,
    /// The type that the object restricts, where it is a domain.
    pub restricts: Option<&'a str>,
    /// Whether values of the type that the object is are labels, which go through text as they are.
    pub has_labels: bool,
}

/// An object of which nothing special is to be known.
impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            goes_with: None,
            parents: Vec::new(),
            inherited_from: None,
            holds_whole: false,
            when_detached: Follow::Stays,
            takes_along: Vec::new(),
            privilege_class: None,
            position: 0,
            string_body: None,
            hides_rows: false,
            is_partitioned: false,
            arbitrates: None,
            row_key: None,
            copied_columns: None,
            index_name: None,
            handed_down: None,
            holds_values: false,
            value_types: Vec::new(),
            takes_null: false,
            holds_rows: false,
            has_fields: false,
            restricts: None,
            has_labels: false,
        }
    }
}

impl<'a> Facts<'a> {
    /// The objects among whose rows the object's own are found: a partitioned table, the parents of a table.
    pub fn wholes(&self) -> Vec<&'a ObjectId> {
        if self.parents.is_empty() {
            self.goes_with.into_iter().collect()
        } else {
            self.parents.clone()
        }
    }
}

/// What a table hands down to its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedDown<'a> {
    /// What follows its name after `ADD CONSTRAINT`.
    pub definition: &'a str,
    /// Whether existing rows were checked.
    pub valid: bool,
    /// Whether a table must have it before it becomes a part; otherwise it gets it then.
    pub is_needed: bool,
}

/// What an object's index is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexName<'a> {
    /// It is the object itself.
    Own,
    /// This, as SQL.
    Other(&'a str),
}

impl IndexName<'_> {
    /// The name as SQL; `id` is the object's.
    pub fn of(self, id: &ObjectId) -> String {
        match self {
            Self::Own => id.sql(),
            Self::Other(name) => name.to_owned(),
        }
    }
}
