//! The state of a database in 32 digits.
//!
//! A fingerprint is the sum of a hash of each object, so that what a plan changes is the difference of two fingerprints:
//! a plan that leads from `from` to `to` adds `to - from` to the fingerprint of any database in which the objects that it
//! touches are as it expects, whatever else there is.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::Catalog;
use crate::{
    kinds::{Action, Comparison, Object, ObjectId},
    sql::Ident,
};

/// A sum of hashes, modulo 2^128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of one object: of its id and every attribute that decides equality.
    pub fn of(id: &ObjectId, object: &Object) -> Self {
        let serde_json::Value::Object(outer) =
            serde_json::to_value(object).expect("a model is JSON")
        else {
            unreachable!("an object is tagged with its kind")
        };
        let mut model = outer
            .into_iter()
            .next()
            .map(|(_, model)| model)
            .unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(id.to_string());
        if let serde_json::Value::Object(fields) = &mut model {
            for (name, comparison) in id.kind.attributes() {
                // What is absent isn't hashed, so that an attribute which a later version learns to read leaves the
                // fingerprints of objects without it as they were.
                let value = fields
                    .get(name)
                    .or_else(|| fields.get(name.trim_end_matches("_name")));
                let Some(value) = value.filter(|value| !is_nothing(value)) else {
                    continue;
                };
                let text = match (comparison, value) {
                    (Comparison::Physical, _) => continue,
                    (Comparison::Unordered, serde_json::Value::Array(list)) => sorted(list),
                    (Comparison::Unordered | Comparison::Exact, value) => value.to_string(),
                };
                hash.update([0]);
                hash.update(name);
                hash.update([0]);
                hash.update(text);
            }
        }
        Self::of_hash(hash)
    }

    fn of_hash(hash: Sha256) -> Self {
        let digest = hash.finalize();
        Self(u128::from_be_bytes(
            digest[..16]
                .try_into()
                .expect("a SHA-256 hash has 32 bytes"),
        ))
    }

    /// The state that a change leads to, which leads from `from` to `to`, if it begins here.
    #[must_use]
    pub fn after(self, from: Self, to: Self) -> Self {
        Self(self.0.wrapping_add(to.0.wrapping_sub(from.0)))
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// The first twelve digits, to tell objects apart where a change is improbable rather than malicious.
    pub fn short(self) -> String {
        self.to_string()[..12].to_string()
    }
}

impl Catalog {
    /// The fingerprint of the whole catalog.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint_for(&self.role)
    }

    /// Whether two catalogs of one database are the same, whoever has read them.
    pub fn is_same_state(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint_for(&self.role)
    }

    /// The fingerprint that the catalog has in a session of this role.
    fn fingerprint_for(&self, role: &Ident) -> Fingerprint {
        self.objects()
            .filter(|(_, object)| !object.is_implied(role))
            .fold(Fingerprint::default(), |sum, (id, object)| {
                sum.plus(Fingerprint::of(id, object))
            })
    }

    /// The fingerprints of objects with everything that belongs to them.
    pub fn families(&self) -> Families<'_> {
        Families {
            catalog: self,
            children: self.children(),
            partitions: self.partitions(),
        }
    }
}

/// A catalog's objects by what belongs to them.
pub struct Families<'a> {
    catalog: &'a Catalog,
    children: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    partitions: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
}

/// What stands before the state of a table's set of partitions, so that it is not taken for the state of the table.
const PARTITIONS: &str = "partitions:";

impl Families<'_> {
    /// The state that a step on the object relies on: the object's own, and where it goes that of everything that goes
    /// with it, so that nothing is dropped that nobody has seen in the plan. `None` if there is no such object.
    pub fn state(&self, action: Action, id: &ObjectId) -> Option<String> {
        let object = self.catalog.get(id)?;
        let own = Fingerprint::of(id, object);
        let all = match action {
            Action::Drop => own.plus(self.members(id)).plus(taken_along(object)),
            Action::Rename => own.plus(self.members(id)),
            Action::Create | Action::Alter | Action::Data => own,
        };
        Some(all.short())
    }

    /// Whether the object is again as a plan expects it: in a state of [`Families::state`] or [`Families::partitions`].
    /// `None` if there is no such object.
    pub fn is_as(&self, action: Action, id: &ObjectId, state: &str) -> Option<bool> {
        if state.starts_with(PARTITIONS) {
            return Some(self.partitions(id)? == state);
        }
        Some(self.state(action, id)? == state)
    }

    /// Whether a state is that of a set of partitions.
    pub fn is_of_partitions(state: &str) -> bool {
        state.starts_with(PARTITIONS)
    }

    /// The set of a partitioned table's partitions and of theirs, so that none is there of which a plan knows nothing. `None`
    /// if there is no such table.
    pub fn partitions(&self, id: &ObjectId) -> Option<String> {
        let is_partitioned = self.catalog.get(id)?.facts().is_partitioned;
        is_partitioned.then(|| {
            let mut hash = Sha256::new();
            self.hash_partitions(id, &mut hash);
            format!("{PARTITIONS}{}", Fingerprint::of_hash(hash).short())
        })
    }

    fn hash_partitions(&self, id: &ObjectId, hash: &mut Sha256) {
        for partition in self.partitions.get(id).into_iter().flatten() {
            hash.update(partition.to_string());
            hash.update([0]);
            self.hash_partitions(partition, hash);
        }
    }

    fn members(&self, id: &ObjectId) -> Fingerprint {
        let children = self.children.get(id).into_iter().flatten();
        children.fold(Fingerprint::default(), |sum, child| {
            let object = self
                .catalog
                .get(child)
                .expect("a child is an object of the catalog");
            let own = if object.is_implied(&self.catalog.role) {
                Fingerprint::default()
            } else {
                Fingerprint::of(child, object)
            };
            sum.plus(own).plus(self.members(child))
        })
    }
}

/// What is dropped with the object and is no object of its own.
fn taken_along(object: &Object) -> Fingerprint {
    let names = object.facts().takes_along;
    if names.is_empty() {
        return Fingerprint::default();
    }
    let mut hash = Sha256::new();
    for name in names {
        hash.update(name);
        hash.update([0]);
    }
    Fingerprint::of_hash(hash)
}

/// A list as JSON, in the order of its values' texts.
fn sorted(list: &[serde_json::Value]) -> String {
    let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    format!("[{}]", texts.join(","))
}

fn is_nothing(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Bool(value) => !value,
        serde_json::Value::Array(list) => list.is_empty(),
        serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Object(_) => false,
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        digits
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no fingerprint: 32 hexadecimal digits"))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
