//! The revisions that no other follows.

use serde::Serialize;

use super::{project::Project, revisions};
use crate::{
    diagnostic::{Diagnostic, Result},
    history::Filed,
};

/// The revisions that no other follows.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The heads.
    pub heads: Vec<Head>,
    /// Why they are no single one, if there are several.
    #[serde(skip)]
    pub several: Option<Diagnostic>,
}

/// A revision that no other follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its id.
    pub revision: String,
    /// Its plan, unless the file cannot be read.
    pub plan: Option<Plan>,
}

/// What a plan says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The labels of the branch that it begins.
    pub labels: Vec<String>,
    /// What it is for.
    pub message: String,
    /// Its file.
    pub path: String,
    /// Who planned it.
    pub author: String,
}

impl Plan {
    /// What a plan says of itself.
    pub(super) fn of(filed: &Filed) -> Self {
        Self {
            labels: filed.plan.header.branch_labels.clone(),
            message: filed.plan.header.message.clone(),
            path: filed.path.to_string(),
            author: filed.plan.header.author.clone(),
        }
    }
}

/// Lists the revisions that no other follows. Needs no database.
pub fn heads(project: &Project<'_>) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let graph = folder.graph()?;
    let heads = graph.heads().into_iter().map(|head| Head {
        revision: head.to_owned(),
        plan: folder.plans.get(head).map(Plan::of),
    });
    Ok(Report {
        heads: heads.collect(),
        several: graph.head().err(),
    })
}
