//! What a command works with: flags, environment variables and `forge.toml`, brought together once.
//!
//! A flag beats a variable, a variable beats the file, the file beats the default; [`Setting`] remembers which it was.
//! Nothing else reads the process's environment or `forge.toml`.

mod connection_string;
mod duration;
mod excerpt;
mod file;
mod flags;
mod naming;
mod operations;
mod process;
mod provider;
mod resolve;
mod resolved;
mod setting;
mod sources;
mod surroundings;
mod tables;
#[cfg(test)]
mod tests;
mod window;
mod words;

pub use self::{
    connection_string::{ConnectionString, redact},
    duration::{parse_duration, parse_time_limit},
    file::{FILE_NAME, ForgeToml},
    flags::GlobalFlags,
    naming::{Naming, unknown_token},
    operations::{Backup, CommandLine, Operations, Webhook},
    process::{color, process_environment},
    provider::ShadowProvider,
    resolved::{Policy, Project, Settings, Shadow, Target},
    setting::{Origin, Setting},
    tables::Managed,
    window::Window,
};
