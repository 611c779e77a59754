//! The thread that commands run on.

use std::thread;

use crate::diagnostic::{Code, Diagnostic, Result};

/// The stack that forge runs on. Syntax trees nest as deeply as PostgreSQL's parser allows, about five thousand levels of
/// expressions, and are read and dropped level by level; of the stack, only what is used takes memory.
pub const STACK: usize = if cfg!(debug_assertions) {
    512 << 20
} else {
    256 << 20
};

/// Runs commands to their end, on a thread with a stack of [`STACK`] bytes and a runtime of its own.
///
/// A program that has a tokio runtime can await commands on it, if its threads have such a stack or its schema tree has no deep
/// expressions.
pub fn block_on<T: Send>(work: impl AsyncFnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let running = thread.spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(work())
        })?;
        running.join().unwrap_or_else(|_| {
            let message = "the thread that carried the command out has panicked";
            Err(Diagnostic::error(Code::Interrupted, message))
        })
    })
}
