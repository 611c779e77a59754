//! The program as its users see it. One file of tests per command under `tests/cli/`.

mod consent;
mod embedded;
mod env;
mod global;
mod guest;
mod hazards;
mod health;
mod hooks;
mod init;
mod library;
mod memory;
mod paths;
mod plans;
mod renames;
mod screen;
mod secrets;
mod signatures;
mod tunnel;
mod untrusted;
mod wait;
