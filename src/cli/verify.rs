//! `forge verify`: whether the database is what its history says.

use super::{Context, Format, checks};
use crate::{
    apply,
    commands::{revisions, target::OpenTarget},
    diagnostic::{Exit, Result},
    health::{self, Line},
    history::{self, Revisions},
};

/// Verify that the database is what its history says
///
/// Looks at the connection, the hashes of the history, interrupted runs, the whole catalog, and what unfinished work has
/// left. Exits with 2 if something isn't as it should be.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::readable_folder(&project)?;
    let target = OpenTarget::open_to_read(&project, "verify").await?;
    revisions::tell_target(&project, &target.url);
    let lines = look(&target, folder).await;
    target.close().await;
    let lines = lines?;
    checks::print(context, &lines, args.format);
    Ok(if checks::any_bad(&lines) {
        Exit::Difference
    } else {
        Exit::Done
    })
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
