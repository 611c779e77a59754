//! What the server adds of its own accord.

use super::world::Model;
use crate::{kinds::ObjectId, sql::Ident};

/// What the server, or code in it, adds of its own accord: by default privileges, by event triggers, by who creates.
pub struct Additions<K: 'static> {
    /// What the server adds when an object comes into being under this one's rule: the object as it will be, of the kind that
    /// the id says. Given are the rule's id, that of the new object and its [class](super::Facts::privilege_class), and the role
    /// that creates it.
    #[expect(clippy::type_complexity, reason = "the names above say what it takes")]
    pub adds_to:
        fn(&K, &ObjectId, &ObjectId, Option<&str>, &Ident) -> Option<(ObjectId, Box<dyn Model>)>,
    /// Whether the object only says what holds anyway in a session of this role: whose new objects are, for one. It is left out
    /// of a catalog's fingerprint, so that a plan leads to the same state whoever applies it.
    pub is_implied: fn(&K, &Ident) -> bool,
    /// The object as it may have been before event triggers, whose functions say this in lower case, changed it.
    pub before_event_triggers: fn(&K, &str) -> Vec<K>,
}

impl<K> Additions<K> {
    /// It adds nothing, and nothing is added to it.
    pub const NONE: Self = Self {
        adds_to: |_, _, _, _, _| None,
        is_implied: |_, _| false,
        before_event_triggers: |_, _| Vec::new(),
    };
}
