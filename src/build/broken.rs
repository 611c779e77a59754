//! An error that ends the work with a shadow server.

use crate::diagnostic::{Code, Diagnostic};

/// An error that is the server's own, not a statement's.
pub(super) fn broken(error: &tokio_postgres::Error) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Server,
        "the shadow server gave up while the schema was being loaded",
    );
    match error.as_db_error() {
        Some(error) => diagnostic.note(format!("it says: {}", error.message())),
        None => diagnostic.note(error.to_string()),
    }
}
