//! What a kind of object has to say of itself.
//!
//! A kind lives in one folder: the query that reads it, the model that a row becomes, the table of its attributes, and
//! the statements that create, drop and alter it. Comparison, order, quoting and printing are the engine's.

use std::{collections::BTreeSet, fmt};

use serde::{Serialize, de::DeserializeOwned};

use super::{Address, Counter, Object, ObjectId, Step};
use crate::{source::Access, sql::Ident};

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

    /// Whether policies decide which rows of the object are seen.
    fn hides_rows(&self) -> bool {
        false
    }

    /// The columns by which `ON CONFLICT` finds the object.
    fn arbitrates(&self) -> Option<&[Ident]> {
        None
    }

    /// The text that stands for this object inside its parent's `CREATE`, if it can stand there.
    fn fold(&self, _id: &ObjectId, _parts: &[Fragment], _cx: &Context<'_>) -> Option<Fragment> {
        None
    }

    /// Whether the object can leave its parent's `CREATE` for a statement of its own to break a cycle.
    const SPLITS: bool = false;

    /// Whether the object is, or brings along, a structure that is built from a table's rows.
    const HAS_INDEX: bool = false;

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

    /// What becomes of this object while something that it refers to is detached from the whole that it is a part of.
    fn when_detached(&self) -> Follow {
        Follow::Stays
    }

    /// Steps that move this object from a replaced dependency's old self, which stands aside under another name, to the
    /// new one. `None`: it has to be dropped and created again.
    fn repoint(
        &self,
        _desired: &Self,
        _id: &ObjectId,
        _replaced: &ObjectId,
        _cx: &Context<'_>,
    ) -> Option<Vec<Step>> {
        None
    }

    /// Whether values of the object's old self, which stands aside, can be cast to the new one; otherwise they meet in text.
    fn makes_cast(&self, _id: &ObjectId, _cx: &Context<'_>) -> bool {
        false
    }

    /// How to replace the object without losing what only it holds.
    fn aside(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Aside> {
        None
    }

    /// The object that takes this one along when it is dropped, other than the parent: a sequence's column, the table
    /// that this one is a partition of.
    fn goes_with(&self) -> Option<&ObjectId> {
        None
    }

    /// The object of a parent table that has handed this one down, be it that this one is declared here too and doesn't go
    /// with it.
    fn inherited_from(&self) -> Option<&ObjectId> {
        None
    }

    /// The objects among whose rows the object's own are found: a partitioned table, the parents of a table.
    fn wholes(&self) -> Vec<&ObjectId> {
        self.goes_with().into_iter().collect()
    }

    /// Whether the object can't be there before what it goes with.
    const NEEDS_WHAT_IT_GOES_WITH: bool = true;

    /// Whether the object can leave what it goes with while what the two belong to still goes together.
    const LEAVES: bool = true;

    /// Whether PostgreSQL refuses to drop what the object goes with for as long as the two go together.
    fn holds_whole(&self, _id: &ObjectId) -> bool {
        false
    }

    /// The steps that detach this object from what it goes with, and then attach it as it shall be.
    fn reattach(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The steps that let this object outlive what it goes with, which is dropped or replaced: those before the old one
    /// goes, then, as finishing steps, those that bind it to the new one; none where the object's own change, or the drop,
    /// sees to it. `None`: it can't, and is made anew.
    fn outlive(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<Vec<Step>> {
        None
    }

    /// The names of what holds rows, is no object of its own, and is dropped with the object.
    fn takes_along(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether its drop is written although what it goes with takes it along, so that a reviewer sees it. Never if its
    /// parent goes.
    const DROP_IS_SHOWN: bool = true;

    /// The steps that free the object's names while what it belongs to stands aside.
    fn make_way(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
        self.drop(id, cx)
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

    /// What the server adds of its own accord when `created` comes into being under this object's rule (default
    /// privileges): the object as it will be. `role` is who creates.
    fn adds_to(
        &self,
        _id: &ObjectId,
        _created: &ObjectId,
        _model: &Object,
        _role: &Ident,
    ) -> Option<(ObjectId, Object)> {
        None
    }

    /// Whether the object holds values of its own, which a replacement of its parent has to carry over.
    fn holds_values(&self) -> bool {
        false
    }

    /// The types of the values that the object stores.
    fn value_types(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether PostgreSQL refuses the change while what the object belongs to stands, so that this is replaced.
    fn needs_new_parent(_change: &Passage<'_, Self>) -> bool {
        false
    }

    /// The value that an object of the same name, which takes the place of this one, gets for the value of this one; none
    /// where no cast leads there.
    fn carried(&self, _desired: &Self, id: &ObjectId, _cx: &Context<'_>) -> Option<String> {
        Some(id.name().to_string())
    }

    /// What each part of the table that the object belongs to has under the same name, and keeps when it leaves; as long as it is
    /// a part, that is no object of its own.
    fn handed_down(&self) -> Option<HandedDown<'_>> {
        None
    }

    /// Whether the values that the object holds may be NULL, as far as it says.
    fn takes_null(&self) -> bool {
        false
    }

    /// The type that the object restricts, where it is a domain.
    fn restricts(&self) -> Option<&str> {
        None
    }

    /// Whether values of the type that the object is are labels, which go through text as they are.
    fn has_labels(&self) -> bool {
        false
    }

    /// Whether values of the type that the object is, or has the rows of, are rows.
    fn has_fields(&self) -> bool {
        false
    }

    /// What is lost of the values that the object holds where they are assigned to those of `desired`: a clause.
    fn loses(&self, _desired: &Self, _id: &ObjectId, _cx: &Context<'_>) -> Option<String> {
        None
    }

    /// Whether each value that the object holds is a row with fields of its own.
    fn holds_rows(&self) -> bool {
        false
    }

    /// Sets what no schema tree can say to what the tree's object comes with when it is new.
    fn declare(&mut self) {}

    /// Takes what no schema tree can say from the same object of the database.
    fn adopt(&mut self, _live: &Self) {}

    /// The step that gives the object the rows that `desired` holds and this one doesn't.
    fn fill(&self, _desired: &Self, _id: &ObjectId) -> Option<Step> {
        None
    }

    /// Whether the object only says what holds anyway in a session of `role`: whose new objects are, for one. It is left out
    /// of a catalog's fingerprint, so that a plan leads to the same state whoever applies it.
    fn goes_without_saying(&self, _role: &Ident) -> bool {
        false
    }

    /// The roles that the object names, which have to be there before it.
    fn roles<'a>(&'a self, _id: &'a ObjectId) -> Vec<&'a Ident> {
        Vec::new()
    }

    /// The class of objects that `ALTER DEFAULT PRIVILEGES` counts it among: `TABLES`, `SEQUENCES`, `FUNCTIONS`, `TYPES`,
    /// `SCHEMAS`.
    fn privilege_class(&self) -> Option<&'static str> {
        None
    }

    /// What an operation that failed, or still runs, has left of the object, where no statement creates one like that.
    fn unfinished(&self, _id: &ObjectId) -> Option<Unfinished> {
        None
    }

    /// What the body of a function says in lower case that adds objects of this kind to others: `comment on`. Event triggers
    /// whose functions say so may have added the object.
    const ADDED_BY: &'static [&'static str] = &[];

    /// The object as it may have been before event triggers, whose functions say `bodies`, changed it.
    fn before_event_triggers(&self, _bodies: &str) -> Vec<Self> {
        Vec::new()
    }

    /// The name of the index that stands for the object among the parts of a partitioned index, as SQL.
    fn index_name(&self, _id: &ObjectId) -> Option<String> {
        None
    }

    /// Its place among objects that are told apart by nothing but whom they are about, where PostgreSQL keeps one.
    fn turn(&self) -> i32 {
        0
    }

    /// The columns that tell the rows of the object's parent apart and are never null.
    fn row_key(&self) -> Option<&[Ident]> {
        None
    }

    /// The columns of an index whose copies on new partitions are no constraints.
    fn copied_columns(&self) -> Option<&[Ident]> {
        None
    }

    /// Whether what is declared on the object is spread over partitions.
    fn is_partitioned(&self) -> bool {
        false
    }

    /// Whether the object is a rule about objects to come, which the plan changes when its own objects are there.
    const RULES_THE_FUTURE: bool = false;

    /// The statement that makes a routine whose body is a string: `pg_depend` doesn't have what that refers to.
    fn string_body(&self) -> Option<&str> {
        None
    }

    /// Whether PostgreSQL runs functions to make the object: over rows, or to see what an expression comes to.
    const RUNS_FUNCTIONS: bool = false;

    /// What the server does by itself, because of this object, when the relation or the type is accessed that the object is
    /// or belongs to.
    fn when_accessed(&self, _id: &ObjectId, _access: &Access) -> Option<Answer> {
        None
    }

    /// How the server changes rows of the relation that the object belongs to when those of another one are accessed.
    fn passed_on(&self, _other: &ObjectId, _access: &Access) -> Vec<Access> {
        Vec::new()
    }

    /// The step that gives the object the name, and the schema, of `new`. `None`: the kind has no name of its own.
    fn rename(&self, _id: &ObjectId, _new: &ObjectId) -> Option<Step> {
        None
    }

    /// The names of parts that are no objects of their own and can be renamed: an enum's values, a type's attributes.
    fn part_names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The step that renames one of [`ObjectKind::part_names`].
    fn rename_part(&self, _id: &ObjectId, _from: &str, _to: &str) -> Option<Step> {
        None
    }

    /// The renames that give what belongs to the object, and is no object of its own, the names that it has in `desired`:
    /// PostgreSQL named it after the object, which has been renamed since.
    fn rename_along(&self, _desired: &Self, _id: &ObjectId) -> Vec<Step> {
        Vec::new()
    }

    /// Whether the two agree in everything but their names.
    fn is_namesake(&self, _id: &ObjectId, other: &Self, _other_id: &ObjectId) -> bool {
        Self::ATTRIBUTES
            .iter()
            .all(|attribute| !attribute.decides() || (attribute.same)(self, other))
    }

    /// Whether a new object looks like this one, which goes, under another name; what belongs to them is compared too. Only
    /// kinds whose drop loses values say so.
    fn resembles(&self, _created: &Self) -> bool {
        false
    }
}

/// What the server does by itself when a relation or a type is accessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It runs a function that may do anything.
    Fires,
    /// It evaluates what the object defines; by this statement, from which nothing is read but its expressions.
    Evaluates(String),
}

/// What the author of a change says of the values of rows that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// The value of each row when the column's type changes.
    pub using: Option<String>,
    /// The value of rows that have none when the column is new, or refuses NULL from now on.
    pub backfill: Option<String>,
    /// What the expressions name: it has to be there while they are computed.
    pub needs: Vec<ObjectId>,
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

/// What becomes of a dependent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// PostgreSQL carries it along.
    Stays,
    /// It is dropped before and created after.
    Rebuilt,
}

/// A replacement that keeps what the old object holds.
#[derive(Debug, Clone)]
pub struct Aside {
    /// Move the old object to another name.
    pub away: Vec<Step>,
    /// Carry over what it holds, once the new one is there.
    pub carry: Vec<Step>,
    /// Drop the old one.
    pub remove: Vec<Step>,
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

/// One attribute of a kind.
pub struct Attribute<K: 'static> {
    /// The model's field.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it is, in short; none where that is no short text.
    pub show: fn(&K) -> Option<String>,
    /// Whether two objects agree in it.
    pub same: fn(&K, &K) -> bool,
    /// What a difference means.
    pub on_change: fn(&Change<'_, K>) -> Reaction,
    /// How it decides equality.
    pub comparison: Comparison,
}

/// How an attribute decides equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// As it is.
    Exact,
    /// As a list whose order means nothing, and is kept where that costs nothing.
    Unordered,
    /// Not at all: it is a physical fact that no statement can change.
    Physical,
}

/// The values of a list in an order of their own, so that lists which hold the same are equal.
#[doc(hidden)]
pub fn sorted<T: Ord>(list: &[T]) -> Vec<&T> {
    let mut list: Vec<&T> = list.iter().collect();
    list.sort_unstable();
    list
}

impl<K> Attribute<K> {
    /// Whether it decides equality.
    pub fn decides(&self) -> bool {
        self.comparison != Comparison::Physical
    }
}

/// One object in both catalogs.
pub struct Change<'a, K> {
    /// As it is.
    pub live: &'a K,
    /// As it shall be.
    pub desired: &'a K,
    /// Its id.
    pub id: &'a ObjectId,
    /// The rest of the world.
    pub cx: &'a Context<'a>,
}

/// An object before a plan and after it.
pub struct Passage<'a, K> {
    /// As it is, if it is there.
    pub live: Option<&'a K>,
    /// As it shall be, if it stays or comes.
    pub desired: Option<&'a K>,
    /// Its id.
    pub id: &'a ObjectId,
    /// The rest of the world.
    pub cx: &'a Context<'a>,
}

impl<K> Passage<'_, K> {
    /// What breaks where statements use the object by its name: they fail once it is gone.
    pub(super) fn unless_it_stays(&self, statements: &str) -> Option<String> {
        let goes = self.live.is_some() && self.desired.is_none();
        goes.then(|| format!("{statements} {} fail", self.id.sql()))
    }

    /// Both sides, where the object is there before and after.
    pub(super) fn both(&self) -> Option<(&K, &K)> {
        self.live.zip(self.desired)
    }
}

/// What a difference means.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// It is changed in place.
    Alter(Vec<Step>),
    /// It is changed in place, and what depends on it may have to go meanwhile ([`ObjectKind::when_dislodged`]).
    Dislodge(Vec<Step>),
    /// It is dropped and created again.
    Replace,
}

/// Lists a kind's attributes: `field => reaction` or `field` (a difference replaces the object), either with `: unordered`
/// for a list whose order means nothing, or `field: physical`. What people call it follows the field's name where that is
/// something else.
#[macro_export]
#[doc(hidden)]
macro_rules! attributes {
    ($kind:ty { $($field:ident $($label:literal)? $(=> $reaction:path)? $(: $comparison:ident)?),* $(,)? }) => {
        &[$($crate::kinds::Attribute {
            name: stringify!($field),
            label: $crate::attributes!(@label $field $($label)?),
            show: |model: &$kind| $crate::kinds::shown(&model.$field),
            same: $crate::attributes!(@same $kind, $field $($comparison)?),
            on_change: $crate::attributes!(@reaction $kind $(, $reaction)?),
            comparison: $crate::attributes!(@comparison $($comparison)?),
        },)*]
    };
    (@label $field:ident) => { stringify!($field) };
    (@label $field:ident $label:literal) => { $label };
    (@reaction $kind:ty) => { $crate::kinds::replace::<$kind> };
    (@reaction $kind:ty, $reaction:path) => { $reaction };
    (@same $kind:ty, $field:ident unordered) => {
        |a: &$kind, b: &$kind| $crate::kinds::sorted(&a.$field) == $crate::kinds::sorted(&b.$field)
    };
    (@same $kind:ty, $field:ident $($comparison:ident)?) => { |a: &$kind, b: &$kind| a.$field == b.$field };
    (@comparison) => { $crate::kinds::Comparison::Exact };
    (@comparison unordered) => { $crate::kinds::Comparison::Unordered };
    (@comparison physical) => { $crate::kinds::Comparison::Physical };
}

/// A value as a reviewer reads it in a line; none where it is too long for that or has parts of its own.
#[doc(hidden)]
pub fn shown<T: Serialize>(value: &T) -> Option<String> {
    use serde_json::Value;
    const SHORT: usize = 40;
    let text = match serde_json::to_value(value).ok()? {
        Value::Null => "none".to_string(),
        Value::Bool(is_on) => if is_on { "on" } else { "off" }.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Array(items) if items.is_empty() => "none".to_string(),
        Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            items?.join(", ")
        }
        Value::Object(_) => return None,
    };
    let fits = !text.is_empty() && !text.contains('\n') && text.chars().count() <= SHORT;
    fits.then_some(text)
}

/// How an attribute differs: what people call it, and what it was and shall be where that is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What people call the attribute.
    pub label: &'static str,
    /// From what to what.
    pub values: Option<(String, String)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label.replace('_', " "))?;
        match &self.values {
            Some((from, to)) => write!(f, " from {from} to {to}"),
            None => Ok(()),
        }
    }
}

/// The reaction of an attribute that can't be changed in place.
pub fn replace<K>(_: &Change<'_, K>) -> Reaction {
    Reaction::Replace
}

/// A piece of a parent's `CREATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Where it stands among its like.
    pub position: i32,
    /// Its text.
    pub sql: String,
}

/// What a kind may know of the rest of the plan while it writes statements.
pub struct Context<'a> {
    /// `server_version_num` of the target.
    pub server_version: u32,
    /// The role that runs the plan.
    pub role: &'a Ident,
    /// Both catalogs and the fate of their objects.
    pub world: &'a dyn World,
}

/// Read-only questions that a kind may ask of the plan.
pub trait World {
    /// The object as it is.
    fn live(&self, id: &ObjectId) -> Option<&Object>;
    /// The object as it shall be.
    fn desired(&self, id: &ObjectId) -> Option<&Object>;
    /// Whether the plan creates the object: it isn't there, or is replaced.
    fn is_created(&self, id: &ObjectId) -> bool;
    /// Whether the object moves to the new self of what it depends on, whose old self stands aside until then.
    fn is_repointed(&self, id: &ObjectId) -> bool;
    /// Whether the object is detached from one whole and attached to another: its rows are out of sight meanwhile, so that
    /// nothing between the two may take a transaction of its own.
    fn changes_whole(&self, id: &ObjectId) -> bool;
    /// The object that this one belongs to, as it shall be, or as it is if it goes.
    fn parent(&self, id: &ObjectId) -> Option<&ObjectId>;
    /// The objects that belong to this one, as they shall be.
    fn children(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// The objects that belong to this one, as they are.
    fn live_children(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// What the object depends on, as it shall be.
    fn dependencies(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// What the object depends on, as it is.
    fn live_dependencies(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// The objects that go with this one, as they are.
    fn companions(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// The objects that go with this one, as they shall be: a partitioned table's partitions.
    fn desired_companions(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// The partitions of a partitioned table that are not managed.
    fn unmanaged_partitions(&self, table: &ObjectId) -> BTreeSet<&ObjectId>;
    /// What depends on the object, as it is.
    fn live_dependents(&self, id: &ObjectId) -> Vec<&ObjectId>;
    /// What the server will have added to an object that the plan creates.
    fn added_to(&self, created: &ObjectId) -> Vec<(ObjectId, Object)>;
    /// Whether the sequence of this object goes on where another is.
    fn has_predecessor(&self, id: &ObjectId) -> bool;
    /// Whether another sequence goes on where that of this object, which the plan drops, is.
    fn has_successor(&self, id: &ObjectId) -> bool;
    /// What the author says of the object's values.
    fn values(&self, id: &ObjectId) -> Option<&Values>;
}

impl Context<'_> {
    /// Whether the object's parent is created by the plan, so that nobody uses it yet.
    pub fn parent_is_created(&self, id: &ObjectId) -> bool {
        self.world
            .parent(id)
            .is_some_and(|parent| self.world.is_created(parent))
    }

    /// How SQL names an object of either catalog: `TABLE app.users`.
    pub fn address(&self, id: &ObjectId) -> String {
        let object = self.world.desired(id).or_else(|| self.world.live(id));
        object.map_or_else(
            || format!("{} {}", id.kind.noun().to_uppercase(), id.sql()),
            |object| object.address(id),
        )
    }

    /// How SQL names an object after `GRANT … ON`, where every relation with rows is a table.
    pub fn grant_address(&self, id: &ObjectId) -> String {
        let object = self.world.desired(id).or_else(|| self.world.live(id));
        match object.and_then(Object::privilege_class) {
            Some("TABLES") => format!("TABLE {}", id.sql()),
            _ => self.address(id),
        }
    }
}

/// An address as text, for error messages.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.class, self.object, self.sub)
    }
}
