//! What the tests of forge share.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what can't be set up fails the test; tests are configured by the environment"
)]

pub mod cluster;
pub mod desk;
pub mod dump;
mod environment;
pub mod inputs;
pub mod made_up;
pub mod pooler;
pub mod proxy;
pub mod server;

pub use environment::TestEnvironment;
