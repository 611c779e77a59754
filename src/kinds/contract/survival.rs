//! How an object outlives what it goes with.

use super::world::Context;
use crate::kinds::{ObjectId, Step};

/// How an object outlives what it [goes with](super::Facts::goes_with), or leaves it: a sequence its column, a partition its
/// table.
pub struct Survival<K: 'static> {
    /// The steps that let this object, which becomes the second, outlive what it goes with, which is dropped or replaced: those
    /// before the old one goes, then, as finishing steps, those that bind it to the new one; none where the object's own
    /// change, or the drop, sees to it. `None`: it can't, and is made anew.
    pub outlive: fn(&K, &K, &ObjectId, &Context<'_>) -> Option<Vec<Step>>,
    /// The steps that detach this object from what it goes with, and then attach it as the second says.
    pub reattach: fn(&K, &K, &ObjectId, &Context<'_>) -> Vec<Step>,
}

impl<K> Survival<K> {
    /// The object goes, too.
    pub const NONE: Self = Self {
        outlive: |_, _, _, _| None,
        reattach: |_, _, _, _| Vec::new(),
    };
}
