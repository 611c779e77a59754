//! What tells a process of the server from all others.

/// A process of the server. Its number alone may be another's a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// The process's number.
    pub pid: i32,
    /// When it began: microseconds since 1970.
    pub since: i64,
}
