//! Where the history forks.

use serde::Serialize;

use super::{heads::Plan, project::Project, revisions};
use crate::diagnostic::Result;

/// Where the history forks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The forks, in the graph's order.
    pub forks: Vec<Fork>,
}

/// A revision that several follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// Its id; none for base.
    pub revision: Option<String>,
    /// What it is for, unless its file cannot be read.
    pub message: Option<String>,
    /// The revisions that follow it.
    pub children: Vec<Child>,
}

/// A revision that follows a fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Child {
    /// Its id.
    pub revision: String,
    /// Its plan, unless the file cannot be read.
    pub plan: Option<Plan>,
}

/// Lists the revisions that several follow. Needs no database.
pub fn branches(project: &Project<'_>) -> Result<Report> {
    let folder = revisions::readable_folder(project)?;
    let graph = folder.graph()?;
    let fork = |revision: Option<&str>, children: Vec<&str>| Fork {
        revision: revision.map(ToOwned::to_owned),
        message: revision
            .and_then(|revision| folder.plans.get(revision))
            .map(|filed| filed.plan.header.message.clone()),
        children: children
            .into_iter()
            .map(|child| Child {
                revision: child.to_owned(),
                plan: folder.plans.get(child).map(Plan::of),
            })
            .collect(),
    };
    let roots = graph.children(None);
    let base = (roots.len() > 1).then(|| fork(None, roots));
    let forks = graph.branch_points().into_iter();
    let forks = forks.map(|point| fork(Some(point), graph.children(Some(point))));
    Ok(Report {
        forks: base.into_iter().chain(forks).collect(),
    })
}
