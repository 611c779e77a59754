//! Expressions as PostgreSQL prints them.

use serde::{Deserialize, Deserializer};

use crate::sql::settled;

/// Reads an expression, or a text that has some in it, in the form that stays the same when it is run and read again.
pub(super) fn stable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| settled(&text))
}

/// As [`stable`], for a text that may be absent.
pub(super) fn stable_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(|text| settled(&text)))
}
