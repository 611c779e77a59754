//! Whether the database is what its history says.

use super::{checks::Report, project::Project, revisions, target::OpenTarget};
use crate::{
    apply,
    diagnostic::Result,
    health::{self, Line},
    history::{self, Revisions},
};

/// Verifies that the database is what its history says: the connection, the hashes, interrupted runs, the whole catalog and what
/// unfinished work has left. Changes nothing.
pub async fn verify(project: &Project<'_>) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let target = OpenTarget::open_to_read(project, "verify").await?;
    revisions::tell_target(project, &target.url);
    let lines = look(&target, folder).await;
    target.close().await;
    lines.map(Report::of)
}

async fn look(target: &OpenTarget<'_>, folder: history::Folder) -> Result<Vec<Line>> {
    apply::acquire_shared(&target.session).await?;
    let server = health::facts::server(&target.session).await?;
    let connection = format!("PostgreSQL {} as `{}`", server.version, server.role);
    let mut lines = vec![Line::good("connection", connection)];
    let journal = history::load(&target.session).await?;
    let revisions = match Revisions::new(folder, journal) {
        Ok(revisions) => revisions,
        // The files don't go with what was applied; the rest can't be judged before that is mended.
        Err(error) => {
            lines.push(Line::failed("files", &error));
            return Ok(lines);
        }
    };
    lines.push(Line::good(
        "files",
        "each applied plan is as it was applied",
    ));
    let live = target.catalog().await?;
    lines.extend(health::verify(&target.session, &target.scope, &revisions, &live).await?);
    Ok(lines)
}
