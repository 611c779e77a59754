//! Is all well? The lines that `doctor`, `verify` and `preflight` print, each with its evidence.
//!
//! A check asks the server in queries of its own, in short read-only transactions, and changes nothing.

mod ahead;
pub mod facts;
mod line;
mod preflight;
mod rights;
mod verify;

pub use self::{
    ahead::Ahead,
    line::{Line, Verdict},
    preflight::preflight,
    verify::verify,
};
