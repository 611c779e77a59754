//! How objects get other names.

use crate::kinds::{ObjectId, Step};

/// How objects of a kind, and their parts, get other names.
///
/// The author says what was renamed; which steps that takes, the kind says. A rename keeps all that the object holds, so forge
/// also looks for objects of which it may have been forgotten to say so.
pub struct Renaming<K: 'static> {
    /// The step that gives the object the name, and the schema, of the second id. `None`: the kind has no name of its own.
    pub rename: fn(&K, &ObjectId, &ObjectId) -> Option<Step>,
    /// The names of parts that are no objects of their own and can be renamed: an enum's values, a type's attributes.
    pub part_names: fn(&K) -> Vec<&str>,
    /// The step that renames one of the parts, from and to these names.
    pub rename_part: fn(&K, &ObjectId, &str, &str) -> Option<Step>,
    /// The renames that give what belongs to the object, and is no object of its own, the names that it has in the other, the
    /// desired one: PostgreSQL named it after the object, which has been renamed since.
    pub rename_along: fn(&K, &K, &ObjectId) -> Vec<Step>,
    /// Whether the two agree in everything but their names. `None`: the attributes tell.
    #[expect(clippy::type_complexity, reason = "the names above say what it takes")]
    pub is_namesake: Option<fn(&K, &ObjectId, &K, &ObjectId) -> bool>,
    /// Whether a new object, the other one, looks like this one, which goes, under another name; what belongs to them is
    /// compared too. Only kinds whose drop loses values say so.
    pub resembles: fn(&K, &K) -> bool,
}

impl<K> Renaming<K> {
    /// Nothing can be renamed.
    pub const NONE: Self = Self {
        rename: |_, _, _| None,
        part_names: |_| Vec::new(),
        rename_part: |_, _, _, _| None,
        rename_along: |_, _, _| Vec::new(),
        is_namesake: None,
        resembles: |_, _| false,
    };
}
