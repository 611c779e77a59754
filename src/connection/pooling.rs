//! What a connection pooler does with the server's processes.

/// What stands between forge and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing: the server's process knows the nonce of forge's startup message.
    Direct,
    /// A pooler that keeps a process for each connection (PgBouncer's `pool_mode=session`).
    Session,
    /// A pooler that may take another process for each transaction (`pool_mode=transaction`).
    Transaction,
    /// A pooler that may take another process for each statement (`pool_mode=statement`), or one of which nothing is known.
    Statement,
}

impl Pooling {
    /// Whether the session's process may be another's a moment later: then nothing that belongs to a session holds, no lock
    /// and no setting.
    pub fn is_shared(self) -> bool {
        match self {
            Self::Direct | Self::Session => false,
            Self::Transaction | Self::Statement => true,
        }
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Direct => "none: the server's process knows this session's own setting",
            Self::Session => "one that keeps a server process for each connection (session mode)",
            Self::Transaction => {
                "one that may take another server process for each transaction (transaction mode)"
            }
            Self::Statement => {
                "one that may take another server process for each statement (statement mode)"
            }
        }
    }
}
