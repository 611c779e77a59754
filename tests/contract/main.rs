//! The rules of the architecture, held by reading the source: each test names the file and line that breaks one.
//!
//! What has to be excepted from a rule stands beside it with the reason. An exception that nothing needs any more fails too.

#![expect(
    clippy::unwrap_used,
    reason = "a file that can't be read fails the test that reads it"
)]

mod boundaries;
mod circles;
mod kinds;
mod layers;
mod readme;
mod sources;
mod upkeep;
