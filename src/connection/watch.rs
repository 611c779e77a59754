//! The end of a task that watches a connection.

use tokio::task::AbortHandle;

/// Watches a connection until it is dropped.
pub(super) struct Watch(pub(super) AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
