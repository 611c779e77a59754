//! The program as its users see it. One file of tests per command under `tests/cli/`.

#[expect(dead_code, reason = "the cases use all of it")]
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/mod.rs"]
mod support;

#[path = "cli/env.rs"]
mod env;
#[path = "cli/global.rs"]
mod global;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/plans.rs"]
mod plans;
#[path = "cli/renames.rs"]
mod renames;
