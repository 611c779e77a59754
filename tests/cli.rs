//! The program as its users see it. One file of tests per command under `tests/cli/`.

#[expect(
    dead_code,
    clippy::disallowed_methods,
    reason = "the cases use all of it; tests are configured by the environment"
)]
#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/made_up.rs"]
mod made_up;
#[path = "support/server.rs"]
mod server;
#[path = "support/mod.rs"]
mod support;

#[path = "cli/consent.rs"]
mod consent;
#[path = "cli/embedded.rs"]
mod embedded;
#[path = "cli/env.rs"]
mod env;
#[path = "cli/global.rs"]
mod global;
#[path = "cli/guest.rs"]
mod guest;
#[path = "cli/hazards.rs"]
mod hazards;
#[path = "cli/health.rs"]
mod health;
#[path = "cli/hooks.rs"]
mod hooks;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/paths.rs"]
mod paths;
#[path = "cli/plans.rs"]
mod plans;
#[path = "cli/renames.rs"]
mod renames;
#[path = "cli/screen.rs"]
mod screen;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/signatures.rs"]
mod signatures;
#[path = "cli/tunnel.rs"]
mod tunnel;
#[path = "cli/untrusted.rs"]
mod untrusted;
#[path = "cli/wait.rs"]
mod wait;
