//! The revisions, newest first.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{current::Settled, locked, project::Project, revisions};
use crate::{
    diagnostic::Result,
    history::{Folder, Journal, Place, Range, Revisions, Standing},
};

/// Which revisions are listed, and what is asked of the database.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these, both ends among them.
    pub range: Option<Range>,
    /// Whether to say which are applied.
    pub standing: bool,
    /// Only those that are not applied.
    pub pending: bool,
    /// What the database remembers, instead of the plans folder.
    pub from_database: bool,
}

/// The revisions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The revisions.
    pub revisions: Vec<Entry>,
}

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its id.
    pub revision: String,
    /// What it is for.
    pub message: String,
    /// The revisions that it follows; none at base.
    pub parents: Vec<String>,
    /// Further revisions that have to be applied before.
    pub depends_on: Vec<String>,
    /// The labels of the branch that it begins.
    pub labels: Vec<String>,
    /// What it is in the graph, and that it is a draft.
    pub marks: Vec<Mark>,
    /// Where it stands in the database, if that was asked.
    pub applied: Option<Applied>,
    /// Its plan file, if there is one.
    pub file: Option<File>,
    /// How it came to be applied, if the history tells.
    pub settled: Option<Settled>,
}

/// What a revision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Nobody has approved it yet.
    Draft,
    /// It joins branches.
    Merge,
    /// Several revisions follow it.
    Fork,
    /// No revision follows it.
    Head,
}

/// Where a revision stands in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// The database is at it.
    Current,
    /// It is applied, as one that follows it.
    Applied,
    /// Some of its steps are.
    Partly,
    /// It is not.
    Absent,
}

/// What a plan file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// When it was planned.
    pub created: String,
    /// Who planned it.
    pub author: String,
    /// Who approved it, and when.
    pub approved: Option<Approved>,
}

/// Who approved a plan, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
}

/// Lists the revisions, newest first. Needs no database unless the options ask something of it.
pub async fn history(project: &Project<'_>, options: &Options) -> Result<Report> {
    let folder = if options.from_database {
        Folder::default()
    } else {
        revisions::readable_folder(project)?
    };
    let range_asks = options.range.as_ref().is_some_and(|range| {
        [&range.from, &range.to]
            .iter()
            .any(|end| end.place == Place::Current)
    });
    let journal = if options.standing || options.pending || options.from_database || range_asks {
        locked::journal(project, "history").await?
    } else {
        Journal::default()
    };
    listed(options, &Revisions::ever(folder, journal)?)
}

fn listed(options: &Options, revisions: &Revisions) -> Result<Report> {
    let shown: Vec<&str> = match &options.range {
        Some(range) => revisions.walk().range(range)?,
        None => revisions.graph.order().collect(),
    };
    let heads: BTreeSet<&str> = revisions.graph.heads().into_iter().collect();
    let forks: BTreeSet<&str> = revisions.graph.branch_points().into_iter().collect();
    let shown = shown.into_iter().rev();
    let wanted = shown.filter(|it| !(options.pending && revisions.applied.contains(*it)));
    let asks = options.standing || options.from_database;
    let entries = wanted.map(|revision| {
        let node = revisions.graph.node(revision);
        let filed = revisions.folder.plans.get(revision);
        let parents = revisions.graph.parents(revision);
        let is_draft = filed.is_some_and(|filed| filed.plan.header.approval.is_none());
        let marks = [
            (is_draft, Mark::Draft),
            (node.is_some_and(|node| node.parents.len() > 1), Mark::Merge),
            (forks.contains(revision), Mark::Fork),
            (heads.contains(revision), Mark::Head),
        ];
        Entry {
            revision: revision.to_owned(),
            message: revisions.message(revision).to_owned(),
            parents: parents.iter().map(ToString::to_string).collect(),
            depends_on: node.map_or(Vec::new(), |node| node.depends_on.clone()),
            labels: node.map_or(Vec::new(), |node| node.labels.clone()),
            marks: marks
                .into_iter()
                .filter_map(|(holds, mark)| holds.then_some(mark))
                .collect(),
            applied: asks.then(|| applied(revisions, revision)),
            file: filed.map(|filed| {
                let header = &filed.plan.header;
                File {
                    path: filed.path.to_string(),
                    created: header.created.clone(),
                    author: header.author.clone(),
                    approved: header.approval.as_ref().map(|approval| Approved {
                        at: approval.at.clone(),
                        by: approval.by.clone(),
                    }),
                }
            }),
            settled: Settled::of(revisions, revision),
        }
    });
    Ok(Report {
        revisions: entries.collect(),
    })
}

fn applied(revisions: &Revisions, revision: &str) -> Applied {
    match revisions.journal.standing(revision) {
        Standing::Applied if revisions.current().contains(&revision) => Applied::Current,
        Standing::Applied => Applied::Applied,
        Standing::Partly(_) => Applied::Partly,
        Standing::Absent => Applied::Absent,
    }
}
