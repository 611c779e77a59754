//! Objects that no kind models: forge doesn't manage them, and says where they differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

/// An object that no kind models.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmodelled {
    /// What PostgreSQL calls its kind: `aggregate`.
    pub noun: String,
    /// What PostgreSQL identifies it by among its kind: `app.total(integer)`.
    pub identity: String,
    /// A hash of what it is.
    pub content: i64,
}

impl fmt::Display for Unmodelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun, self.identity)
    }
}

impl Unmodelled {
    /// The statement that takes the object away, with what depends on it. It is for throwaway databases.
    pub fn removal(&self) -> String {
        let identity = &self.identity;
        match self.noun.as_str() {
            "statistics object" => format!("DROP STATISTICS IF EXISTS {identity} CASCADE"),
            "foreign-data wrapper" => {
                format!("DROP FOREIGN DATA WRAPPER IF EXISTS {identity} CASCADE")
            }
            // `for app.point on language plperl`, `app on server files`.
            "transform" => {
                let what = identity.replacen(" on language ", " LANGUAGE ", 1);
                format!("DROP TRANSFORM IF EXISTS {what} CASCADE")
            }
            "user mapping" => {
                let what = identity.replacen(" on server ", " SERVER ", 1);
                format!("DROP USER MAPPING IF EXISTS FOR {what}")
            }
            noun => format!("DROP {} IF EXISTS {identity} CASCADE", noun.to_uppercase()),
        }
    }
}

/// How the objects that no kind models differ between two states of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unlike<'a> {
    /// Those that only the first has.
    pub gone: Vec<&'a Unmodelled>,
    /// Those that only the second has.
    pub new: Vec<&'a Unmodelled>,
    /// Those that both have, and that aren't the same.
    pub changed: Vec<&'a Unmodelled>,
}

impl<'a> Unlike<'a> {
    /// Compares two states.
    pub fn between(first: &'a BTreeSet<Unmodelled>, second: &'a BTreeSet<Unmodelled>) -> Self {
        let named = |objects: &'a BTreeSet<Unmodelled>| -> BTreeMap<(&str, &str), &'a Unmodelled> {
            objects
                .iter()
                .map(|object| ((object.noun.as_str(), object.identity.as_str()), object))
                .collect()
        };
        let (first, second) = (named(first), named(second));
        let mut unlike = Self::default();
        for (name, object) in &first {
            match second.get(name) {
                None => unlike.gone.push(object),
                Some(other) if other.content != object.content => unlike.changed.push(other),
                Some(_) => {}
            }
        }
        let new = second.iter().filter(|(name, _)| !first.contains_key(*name));
        unlike.new.extend(new.map(|(_, object)| *object));
        unlike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_alike() {
        let object = |identity: &str, content| Unmodelled {
            noun: "aggregate".to_owned(),
            identity: identity.to_owned(),
            content,
        };
        let first = BTreeSet::from([object("a()", 1), object("b()", 1), object("c()", 1)]);
        let second = BTreeSet::from([object("b()", 2), object("c()", 1), object("d()", 1)]);
        let unlike = Unlike::between(&first, &second);
        assert_eq!(unlike.gone, [&object("a()", 1)]);
        assert_eq!(unlike.new, [&object("d()", 1)]);
        assert_eq!(unlike.changed, [&object("b()", 2)]);
    }
}
