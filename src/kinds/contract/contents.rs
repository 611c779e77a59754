//! What an object holds, which no schema tree can say.

use crate::kinds::{ObjectId, Step};

/// What an object holds, which no schema tree can say: whether a materialized view is populated.
pub struct Contents<K: 'static> {
    /// Sets it to what the tree's object comes with when it is new.
    pub declare: fn(&mut K),
    /// Takes it from the same object of the database, the second.
    pub adopt: fn(&mut K, &K),
    /// The step that gives the object the rows that the second holds and this one doesn't.
    pub fill: fn(&K, &K, &ObjectId) -> Option<Step>,
}

impl<K> Contents<K> {
    /// The tree says all that there is.
    pub const NONE: Self = Self {
        declare: |_| {},
        adopt: |_, _| {},
        fill: |_, _, _| None,
    };
}
