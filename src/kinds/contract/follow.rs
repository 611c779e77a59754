//! What becomes of a dependent.

/// What becomes of a dependent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// PostgreSQL carries it along.
    Stays,
    /// It is dropped before and created after.
    Rebuilt,
}
