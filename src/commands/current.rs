//! The newest applied revision.

use serde::Serialize;

use super::{locked, project::Project, revisions};
use crate::{
    diagnostic::{Diagnostic, Result},
    history::Revisions,
};

/// Where the database is in the history.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The newest applied revisions: several where branches are applied, none at base.
    pub current: Vec<Current>,
    /// Whether every approved plan is applied.
    pub at_head: bool,
    /// What is missing, if something is.
    #[serde(skip)]
    pub missing: Option<Diagnostic>,
}

/// A revision that the database is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Current {
    /// Its id.
    pub revision: String,
    /// What it is for.
    pub message: String,
    /// Whether no other follows it.
    pub head: bool,
    /// The schema's version.
    pub version: String,
    /// How it came there, if the history tells.
    pub settled: Option<Settled>,
}

/// How a revision came to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// `applied`, `stamped`.
    pub how: &'static str,
    /// Who did it, and when.
    pub by: String,
    /// The run of forge.
    pub run: String,
    /// The commit of the project's repository that was checked out.
    pub git_commit: Option<String>,
}

impl Settled {
    /// How a revision came to be applied, if the history tells.
    pub(super) fn of(revisions: &Revisions, revision: &str) -> Option<Self> {
        let event = revisions.journal.settled(revision)?;
        Some(Self {
            how: event.kind.participle(),
            by: event.by(),
            run: event.run.clone(),
            git_commit: event.git_commit.clone(),
        })
    }
}

/// Says which revision the database is at. Takes no lock.
pub async fn current(project: &Project<'_>) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let journal = locked::journal(project, "current").await?;
    let revisions = Revisions::new(folder, journal)?;
    let heads = revisions.graph.heads();
    let current = revisions.current().into_iter().map(|revision| Current {
        revision: revision.to_owned(),
        message: revisions.message(revision).to_owned(),
        head: heads.contains(&revision),
        version: revisions.version([revision]).to_string(),
        settled: Settled::of(&revisions, revision),
    });
    let missing = revisions.at_head().err();
    Ok(Report {
        current: current.collect(),
        at_head: missing.is_none(),
        missing,
    })
}
