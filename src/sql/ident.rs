//! Identifiers.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
    ptr,
    sync::{LazyLock, Mutex, PoisonError},
};

#[expect(
    clippy::disallowed_types,
    reason = "names are looked up, and never gone through in the set's order"
)]
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::keywords;

/// An SQL identifier, unquoted. [`fmt::Display`] quotes it where PostgreSQL's `quote_ident` would.
///
/// (`PostgreSQL docs: 4.1.1 Identifiers and Key Words`.)
///
/// Names are what a catalog and a schema tree hold most of. So each text is kept once, for as long as the process lives: a
/// name is a pointer to it, copying one costs nothing, and two are the same where their pointers are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Ident(&'static &'static str);

impl Ident {
    /// Takes the name as the catalog stores it.
    pub fn new(name: impl AsRef<str>) -> Self {
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.ident(name.as_ref())
    }

    /// The name as the catalog stores it.
    pub fn as_str(&self) -> &'static str {
        self.0
    }
}

/// Every name that there is in this process.
static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Names {
    #[expect(clippy::disallowed_types, reason = "see where it is imported")]
    known: HashSet<Known>,
    /// Room for further texts, and for the places at which names find them.
    texts: &'static mut [u8],
    places: &'static mut [&'static str],
}

/// How much room is made at a time: bytes, and names.
const TEXTS: usize = 16 << 10;
const PLACES: usize = 512;

impl Names {
    fn ident(&mut self, name: &str) -> Ident {
        if let Some(Known(known)) = self.known.get(name) {
            return Ident(known);
        }
        if self.texts.len() < name.len() {
            self.texts = Vec::leak(vec![0; TEXTS.max(name.len())]);
        }
        if self.places.is_empty() {
            self.places = Vec::leak(vec![""; PLACES]);
        }
        let (text, rest) = std::mem::take(&mut self.texts).split_at_mut(name.len());
        text.copy_from_slice(name.as_bytes());
        self.texts = rest;
        let (place, rest) = std::mem::take(&mut self.places)
            .split_first_mut()
            .expect("room was made");
        *place = std::str::from_utf8(text).expect("it is a copy of a text");
        self.places = rest;
        self.known.insert(Known(place));
        Ident(place)
    }
}

/// A name that is known, found by its text.
#[derive(PartialEq, Eq, Hash)]
struct Known(&'static &'static str);

impl Borrow<str> for Known {
    fn borrow(&self) -> &str {
        self.0
    }
}

impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.0, other.0)
    }
}

impl Eq for Ident {}

impl Ord for Ident {
    /// By their texts, so that what is ordered by names is so in every process.
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Ident {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Ident {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ident").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.as_str();
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !keywords::needs_quotes(name);
        if plain {
            return f.write_str(name);
        }
        f.write_char('"')?;
        for c in name.chars() {
            if c == '"' {
                f.write_char('"')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

impl From<&str> for Ident {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Ident {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(name: Ident) -> Self {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        fn check(name: &str, quoted: &str) {
            assert_eq!(Ident::new(name).to_string(), quoted);
        }
        check("users", "users");
        check("select", "\"select\"");
        check("Users", "\"Users\"");
        check("a\"b", "\"a\"\"b\"");
        check("1st", "\"1st\"");
        check("größe", "\"größe\"");
        check("", "\"\"");
        check("_x1", "_x1");
    }

    #[test]
    fn a_text_is_kept_once() {
        let long = "x".repeat(TEXTS + 1);
        for name in ["", "kept_once", "größe", long.as_str()] {
            let copy = name.to_owned();
            let (one, other) = (Ident::new(name), Ident::new(copy));
            assert_eq!(one.as_str(), name);
            assert!(ptr::eq(one.as_str(), other.as_str()));
        }
        assert!(Ident::new("b") > Ident::new("a"));
    }
}
