//! A program that keeps its own database in the shape that its files declare.
//!
//! `cargo run --example embed -- FOLDER`, where the folder holds a `forge.toml` and the files under `schema/`; with
//! `url = "embedded"` in the environment, no server is needed.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use forge::{
    commands::{Project, apply, approve, block_on, drift, plan, status},
    diagnostic::Result,
};

fn main() -> ExitCode {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    // Syntax trees nest deeply, so the work runs on a thread with a stack that is large enough.
    let kept = block_on(async || keep(&Project::open(folder)?).await);
    match kept {
        Ok(said) => {
            writeln!(io::stdout(), "{said}").map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::from(error.code().exit() as u8)
        }
    }
}

/// Brings the database of a project to what its files declare, and says what was done.
pub(crate) async fn keep(project: &Project<'_>) -> Result<String> {
    // What somebody changed by hand is for a person to look at.
    let report = drift(project).await?;
    if report.drift {
        return Ok(format!("objects changed by hand: {}", report.changed()));
    }

    // What was approved and is not applied yet, on this database.
    if !status(project).await?.pending.is_empty() {
        apply(project, &apply::Options::default()).await?;
    }

    // The difference between the database and the files: a draft, which was proved on a throwaway server.
    let options = plan::Options {
        message: Some("what the program declares".to_owned()),
        ..plan::Options::default()
    };
    let draft = match plan(project, &options).await? {
        plan::Report::Written(draft) => draft,
        plan::Report::Same { .. } | plan::Report::SamePart | plan::Report::Different(_) => {
            return Ok("nothing to do".to_owned());
        }
    };

    // No hazard is allowed: a draft that deletes rows, for example, is refused here.
    let options = approve::Options {
        plans: vec![draft.revision],
        ..approve::Options::default()
    };
    approve(project, &options).await?;
    apply(project, &apply::Options::default()).await?;
    Ok(format!("applied steps: {}", draft.steps.len()))
}
