//! Logs for forge's developers, on stderr, switched on by `FORGE_LOG`. Messages for users go through the reporter.

use tracing_subscriber::EnvFilter;

use super::Paint;
use crate::diagnostic::{Code, Diagnostic, Result};

/// Starts logging with a filter such as `debug` or `forge::server=trace`.
pub fn start(filter: &str, paint: Paint) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Diagnostic::error(
            Code::Configuration,
            format!("`FORGE_LOG` holds no log filter: {error}"),
        )
        .help("write a level, or targets with levels: `FORGE_LOG=forge=debug`")
    })?;
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(paint.is_colored())
        .try_init();
    // The first of several runs in one process (a test's) has set up the log for all of them.
    drop(started);
    Ok(())
}
