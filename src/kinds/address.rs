//! How PostgreSQL's own catalogs name an object.

use std::fmt;

/// How `pg_depend` names an object: the catalog's OID, the object's OID, and the column's number or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The OID of the system catalog.
    pub class: u32,
    /// The object's OID.
    pub object: u32,
    /// The column's number, or zero.
    pub sub: i32,
}

/// An address as text, for error messages.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.class, self.object, self.sub)
    }
}
