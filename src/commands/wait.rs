//! Waits for the database.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{project::Project, target::OpenTarget};
use crate::diagnostic::Result;

/// A database that accepts connections.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its URL, without the password.
    pub target: String,
    /// The server's major version.
    pub postgres: u32,
    /// How long it took.
    pub seconds: f32,
}

/// Waits until the database accepts connections, no longer than this.
///
/// # Errors
/// [`Code::Unreachable`](crate::diagnostic::Code::Unreachable) if it doesn't in time. What waiting can't mend, such as a wrong
/// password, ends it at once.
pub async fn wait(project: &Project<'_>, limit: Duration) -> Result<Report> {
    let started = Instant::now();
    let target = OpenTarget::open_within(project, "wait", limit).await?;
    let (url, postgres) = (target.url.clone(), target.session.major());
    target.close().await;
    Ok(Report {
        target: url,
        postgres,
        seconds: started.elapsed().as_secs_f32(),
    })
}
