//! Reads the schema tree.
mod dialect;
mod syntax;
mod tokens;

pub use syntax::SyntaxError;
pub use tokens::{normalised, split, statements_in};
