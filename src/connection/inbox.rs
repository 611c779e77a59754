//! What the server says by itself on a connection.

use std::sync::{Mutex, MutexGuard};

use crate::diagnostic::Diagnostic;

/// What comes from the server without being asked for.
#[derive(Default)]
pub(super) struct Inbox {
    pub(super) notices: Vec<Diagnostic>,
    pub(super) failure: Option<Diagnostic>,
    /// Why forge has given the connection up.
    pub(super) loss: Option<Diagnostic>,
}

pub(super) fn open_inbox(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox
        .lock()
        .expect("nothing panics while it holds the inbox")
}
