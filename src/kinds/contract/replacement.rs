//! How a new object takes the place of an old one.

use super::{change::Passage, world::Context};
use crate::kinds::{ObjectId, Step};

/// How a new object takes the place of an old one, of which something is kept.
///
/// What can't be altered is dropped and created again. Where the old object holds what would be lost, it stands aside under
/// another name until the new one has taken that over; what depends on the old one is moved to the new one, or made again.
pub struct Replacement<K: 'static> {
    /// How to replace the object by the desired one, the second, without losing what only it holds.
    pub aside: fn(&K, &K, &ObjectId, &Context<'_>) -> Option<Aside>,
    /// Steps that move this object, which becomes the second, from a replaced dependency's old self, which stands aside under
    /// another name, to the new one. The second id is that of the dependency. `None`: it has to be dropped and created again.
    pub repoint: fn(&K, &K, &ObjectId, &ObjectId, &Context<'_>) -> Option<Vec<Step>>,
    /// Whether values of the object's old self, which stands aside, can be cast to the new one; otherwise they meet in text.
    pub makes_cast: fn(&K, &ObjectId, &Context<'_>) -> bool,
    /// The value that an object of the same name, the second, which takes the place of this one, gets for the value of this
    /// one; none where no cast leads there.
    pub carried: fn(&K, &K, &ObjectId, &Context<'_>) -> Option<String>,
    /// What is lost of the values that the object holds where they are assigned to those of the second: a clause.
    pub loses: fn(&K, &K, &ObjectId, &Context<'_>) -> Option<String>,
    /// The steps that free the object's names while what it belongs to stands aside. `None`: those that drop it.
    #[expect(clippy::type_complexity, reason = "the names above say what it takes")]
    pub make_way: Option<fn(&K, &ObjectId, &Context<'_>) -> Vec<Step>>,
    /// Whether PostgreSQL refuses the change while what the object belongs to stands, so that this is replaced.
    pub needs_new_parent: fn(&Passage<'_, K>) -> bool,
}

impl<K> Replacement<K> {
    /// Nothing is kept.
    pub const NONE: Self = Self {
        aside: |_, _, _, _| None,
        repoint: |_, _, _, _, _| None,
        makes_cast: |_, _, _| false,
        carried: |_, _, id, _| Some(id.name().to_string()),
        loses: |_, _, _, _| None,
        make_way: None,
        needs_new_parent: |_| false,
    };
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
