//! An object that changes, and what a difference means.

use super::world::Context;
use crate::kinds::{ObjectId, Step};

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
    pub(in crate::kinds) fn unless_it_stays(&self, statements: &str) -> Option<String> {
        let goes = self.live.is_some() && self.desired.is_none();
        goes.then(|| format!("{statements} {} fail", self.id.sql()))
    }

    /// Both sides, where the object is there before and after.
    pub(in crate::kinds) fn both(&self) -> Option<(&K, &K)> {
        self.live.zip(self.desired)
    }
}

/// What a difference means.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// It is changed in place.
    Alter(Vec<Step>),
    /// It is changed in place, and what depends on it may have to go meanwhile ([`when_dislodged`](super::ObjectKind::when_dislodged)).
    Dislodge(Vec<Step>),
    /// It is dropped and created again.
    Replace,
}
