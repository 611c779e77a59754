//! The terminal: the only code that prints.
//!
//! Data goes to stdout, everything else to stderr, and every message reads without colour. A reader that closes the
//! pipe (`forge show | head`) silences that stream; the command itself goes on, because a half-applied plan must not
//! depend on who is watching.

mod choice;
pub mod difference;
mod excerpts;
mod hearing;
mod human;
pub mod json;
pub mod log;
mod paint;
mod progress;
mod reporter;
mod screen;
pub mod sql;
mod stream;

pub use self::{
    choice::{ColorChoice, LogFormat, Verbosity},
    human::render,
    log::LogLevel,
    paint::{Paint, Role},
    progress::Progress,
    reporter::Reporter,
    stream::{Stream, StreamKind},
};

#[cfg(test)]
mod tests;
