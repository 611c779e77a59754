//! The revisions of a project and of its target, together.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::Context;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    history::{self, Direction, Filed, Folder, Graph, Journal, Standing},
    server::session::Session,
    settings::Settings,
};

/// The plans folder of the project.
pub(super) fn folder(settings: &Settings) -> Result<Folder> {
    let project = settings.project()?;
    Folder::read(&project.root, &project.plans.value)
}

/// What the folder holds and what the target remembers.
pub(super) struct Revisions {
    /// The files.
    pub(super) folder: Folder,
    /// What the target remembers.
    pub(super) journal: Journal,
    /// How all of them build on each other.
    pub(super) graph: Graph,
}

impl Revisions {
    /// Joins the folder's plans and those that stand in the target though their file is gone.
    pub(super) fn new(folder: Folder, journal: Journal) -> Result<Self> {
        let mut nodes = folder.nodes();
        for (revision, recorded) in &journal.revisions {
            if !nodes.contains_key(revision) && journal.standing(revision) != Standing::Absent {
                nodes.insert(revision.clone(), recorded.node.clone());
            }
        }
        let graph = Graph::new(nodes)?;
        let revisions = Self {
            folder,
            journal,
            graph,
        };
        revisions.check_applied()?;
        Ok(revisions)
    }

    /// A plan that is applied can't be edited any more.
    fn check_applied(&self) -> Result<()> {
        let mut wrong = Vec::new();
        for revision in self.journal.applied() {
            if let Some(filed) = self.folder.plans.get(&revision) {
                let recorded = &self.journal.revisions[&revision].sha256;
                if filed.plan.sha256()? != *recorded {
                    wrong.push(edited(filed));
                }
            }
        }
        Diagnostic::all(wrong).map_or(Ok(()), Err)
    }

    /// The applied revisions that no other applied one follows.
    pub(super) fn current(&self) -> Vec<&str> {
        let applied = self.journal.applied();
        self.graph
            .heads_among(|revision| applied.contains(revision))
    }

    /// What a revision is for.
    pub(super) fn message(&self, revision: &str) -> &str {
        let filed = self.folder.plans.get(revision);
        filed
            .map(|filed| filed.plan.header.message.as_str())
            .or_else(|| {
                let recorded = self.journal.revisions.get(revision);
                recorded.map(|recorded| recorded.message.as_str())
            })
            .unwrap_or_default()
    }

    /// Splits revisions that are to be applied, in order, into those that can be and those that nobody has approved or
    /// that build on such a one.
    pub(super) fn approved<'a>(&self, pending: Vec<&'a str>) -> (Vec<&'a str>, Vec<&'a str>) {
        let mut held: BTreeSet<&str> = BTreeSet::new();
        pending.into_iter().partition(|revision| {
            let filed = self.folder.plans.get(*revision);
            let draft = filed.is_some_and(|filed| filed.plan.header.approval.is_none());
            let ancestors = self.graph.ancestors(revision);
            let holds = draft || ancestors.iter().any(|earlier| held.contains(earlier));
            if holds {
                held.insert(*revision);
            }
            !holds
        })
    }

    /// Revisions that are being reverted count as there until that is done.
    pub(super) fn standing(&self) -> BTreeSet<String> {
        let mut standing = self.journal.applied();
        for (revision, partly) in self.journal.partly() {
            if partly.direction == Direction::Down {
                standing.insert(revision.to_owned());
            }
        }
        standing
    }

    /// The file of a revision, or what the target remembers of it.
    pub(super) async fn filed(&self, revision: &str, session: &Session) -> Result<Filed> {
        match self.folder.plans.get(revision) {
            Some(filed) => Ok(filed.clone()),
            None => remembered(revision, session).await,
        }
    }
}

/// A plan as the target remembers it.
pub(super) async fn remembered(revision: &str, session: &Session) -> Result<Filed> {
    let body = history::body(session, revision).await?;
    Filed::new(format!("forge.revision {revision}").into(), &body.up)
}

/// The way back as the target remembers it.
pub(super) async fn remembered_down(revision: &str, session: &Session) -> Result<Filed> {
    let body = history::body(session, revision).await?;
    let down = body.down.ok_or_else(|| {
        Diagnostic::error(
            Code::History,
            format!("revision `{revision}` was applied without a way back"),
        )
        .help("change the schema tree to what it was, and plan that")
    })?;
    Filed::new(format!("forge.revision {revision}.down").into(), &down)
}

fn edited(filed: &Filed) -> Diagnostic {
    Diagnostic::error(
        Code::EditedPlan,
        format!("`{}` was edited after it was applied", filed.path),
    )
    .help(format!(
        "put it back: `forge show {} --applied` prints it as it was applied; then make a new plan of the change",
        filed.revision()
    ))
}

/// The revision that a word on the command line names: its digits or its file.
pub(super) fn named<'a>(folder: &'a Folder, word: &str) -> Result<&'a Filed> {
    let file = Utf8Path::new(word.trim_start_matches("./"));
    let by_file = folder.plans.values().find(|filed| {
        filed.path.ends_with(file)
            || file.ends_with(&filed.path)
            || filed.path.file_stem() == Some(word)
    });
    if let Some(filed) = by_file {
        return Ok(filed);
    }
    let graph = folder.graph()?;
    let revision = graph.find(word)?.to_owned();
    Ok(&folder.plans[&revision])
}

/// Says which target a command works on.
pub(super) fn tell_target(context: &Context<'_>, settings: &Settings, url: &str) {
    let environment = settings.environment.as_ref();
    let environment = environment.map_or(String::new(), |name| format!(" ({})", name.value));
    context
        .reporter
        .note(format_args!("target: {url}{environment}"));
}

/// Counts as English does: `1 plan`, `2 plans`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The plans by the word that names them.
pub(super) fn drafts_of<'a>(
    folder: &'a Folder,
    words: &[String],
) -> Result<BTreeMap<&'a str, &'a Filed>> {
    let mut chosen = BTreeMap::new();
    for word in words {
        let filed = named(folder, word)?;
        chosen.insert(filed.revision(), filed);
    }
    Ok(chosen)
}
