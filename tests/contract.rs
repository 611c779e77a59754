//! The rules of the architecture, held by reading the source: each test names the file and line that breaks one.
//!
//! What has to be excepted from a rule stands beside it with the reason. An exception that nothing needs any more fails too.

#![expect(
    clippy::unwrap_used,
    reason = "a file that can't be read fails the test that reads it"
)]

#[path = "contract/boundaries.rs"]
mod boundaries;
#[path = "contract/kinds.rs"]
mod kinds;
#[path = "contract/layers.rs"]
mod layers;
#[path = "contract/readme.rs"]
mod readme;
#[path = "contract/sources.rs"]
mod sources;
#[path = "contract/upkeep.rs"]
mod upkeep;
