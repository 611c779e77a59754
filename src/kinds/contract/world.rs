//! What a kind sees of the rest of the plan.

use std::{any::Any, collections::BTreeSet};

use super::facts::Facts;
use crate::{
    kinds::{Counter, ObjectId, Step},
    sql::Ident,
};

/// An object of any kind, as kinds see each other's.
///
/// Every [`ObjectKind`](super::ObjectKind) is one. The methods are those of the contract, with the same meaning; where another
/// object is wanted, one of another kind gives nothing.
pub trait Model: Any {
    /// What it is like.
    fn facts(&self) -> Facts<'_>;
    /// How SQL names it.
    fn address(&self, id: &ObjectId) -> String;
    /// The steps that bring it into being.
    fn create(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step>;
    /// Whether it can stand inside its parent's `CREATE`.
    fn folds(&self, id: &ObjectId, cx: &Context<'_>) -> bool;
    /// Whether it can stand aside, so that a new self takes over what it holds.
    fn stands_aside(&self, id: &ObjectId, cx: &Context<'_>) -> bool;
    /// Whether the server makes it by itself when what it belongs to is created.
    fn is_made_by_itself(&self, id: &ObjectId, cx: &Context<'_>) -> bool;
    /// The sequence that it is or brings along.
    fn counter(&self, id: &ObjectId) -> Option<Counter>;
    /// Whether values of its old self can be cast to the new one.
    fn makes_cast(&self, id: &ObjectId, cx: &Context<'_>) -> bool;
    /// The value that an object of the same name gets for its value.
    fn carried(&self, desired: &dyn Model, id: &ObjectId, cx: &Context<'_>) -> Option<String>;
    /// What is lost of its values.
    fn loses(&self, desired: &dyn Model, id: &ObjectId, cx: &Context<'_>) -> Option<String>;
}

impl dyn Model {
    /// The object, if it is of this kind.
    pub fn of_kind<K: Model>(&self) -> Option<&K> {
        (self as &dyn Any).downcast_ref()
    }
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
    fn live(&self, id: &ObjectId) -> Option<&dyn Model>;
    /// The object as it shall be.
    fn desired(&self, id: &ObjectId) -> Option<&dyn Model>;
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
    /// Whether the sequence of this object goes on where another is.
    fn has_predecessor(&self, id: &ObjectId) -> bool;
    /// Whether another sequence goes on where that of this object, which the plan drops, is.
    fn has_successor(&self, id: &ObjectId) -> bool;
    /// What the author says of the object's values.
    fn values(&self, id: &ObjectId) -> Option<&Values>;
}

impl Context<'_> {
    /// The object as it is, if it is there and of this kind.
    pub fn live<K: Model>(&self, id: &ObjectId) -> Option<&K> {
        self.world.live(id)?.of_kind()
    }

    /// The object as it shall be, if it is there and of this kind.
    pub fn desired<K: Model>(&self, id: &ObjectId) -> Option<&K> {
        self.world.desired(id)?.of_kind()
    }

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
        match object.and_then(|object| object.facts().privilege_class) {
            Some("TABLES") => format!("TABLE {}", id.sql()),
            _ => self.address(id),
        }
    }
}
