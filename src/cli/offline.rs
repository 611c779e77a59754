//! `--sql`: what a command would run, as a script for psql.

use std::{collections::BTreeSet, str::FromStr};

use super::Context;
use crate::{
    apply::{Beginning, Script, psql_script},
    catalog::Catalog,
    commands::{Project, revisions, target::OpenTarget},
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Direction, Filed, Journal, Range, Reference, Revisions, Walk},
};

/// Where a command leads: to a revision, or with `--sql` from one to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// From what is applied.
    To(Reference),
    /// From what the user says is applied; no database is asked.
    Between(Range),
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(':') {
            text.parse().map(Self::Between)
        } else {
            text.parse().map(Self::To)
        }
    }
}

impl Goal {
    /// The revision to go to, for a command that works on the database.
    ///
    /// # Errors
    /// [`Code::Usage`] for a range, which only a script has.
    pub(super) fn revision(&self) -> Result<&Reference> {
        match self {
            Self::To(reference) => Ok(reference),
            Self::Between(range) => Err(Diagnostic::error(
                Code::Usage,
                format!(
                    "`{}:{}` is a range, and the database knows where it is",
                    range.from, range.to
                ),
            )
            .help("name the revision to go to; a range is for `--sql`")),
        }
    }
}

/// Prints the script.
pub(super) async fn run(goal: &Goal, direction: Direction, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let folder = revisions::folder(&project)?;
    let mut live = None;
    let (revisions, to) = match goal {
        Goal::To(to) => {
            let (journal, catalog) = at_target(&project, direction).await?;
            live = catalog;
            (Revisions::new(folder, journal)?, to)
        }
        Goal::Between(range) => {
            let mut revisions = Revisions::new(folder, Journal::default())?;
            revisions.applied = before(&revisions, &range.from)?;
            (revisions, &range.to)
        }
    };
    let walk = revisions.walk();
    let going = match direction {
        Direction::Up => revisions.approved(walk.pending(to)?).0,
        Direction::Down | Direction::Abort => walk.reverting(to)?,
    };
    let applied: Vec<&str> = revisions.applied.iter().map(String::as_str).collect();
    let state = revisions
        .state(&applied.iter().copied().collect())
        .ok_or_else(|| {
            Diagnostic::error(Code::History, "there are no plans")
                .help("`forge plan` writes the first one")
        })?;
    for revision in &going {
        if let Some(up) = revisions.folder.plans.get(*revision) {
            let down = revisions.folder.downs.get(*revision);
            history::check_approved(up, down, project.signers())?;
        }
    }
    let scripts = scripts(&revisions, &going, direction)?;
    if let Some(live) = &live {
        // As for `forge apply`, what the plans meet there is what counts.
        let files: Vec<Filed> = scripts.iter().map(|script| script.file.clone()).collect();
        history::check_all_covered(&files, live, &revisions.journal)?;
    }
    if scripts.is_empty() {
        context.reporter.note("nothing to do");
        return Ok(Exit::Done);
    }
    let script = psql_script(&Beginning { applied, state }, &scripts)?;
    context.reporter.sql(&script);
    Ok(Exit::Done)
}

/// What the target remembers, and what it is where plans are to be applied.
async fn at_target(
    project: &Project<'_>,
    direction: Direction,
) -> Result<(Journal, Option<Catalog>)> {
    let target = OpenTarget::open_to_read(project, "sql").await?;
    let read = async {
        let journal = history::load(&target.session).await?;
        let live = match direction {
            Direction::Up => Some(target.catalog().await?),
            Direction::Down | Direction::Abort => None,
        };
        Ok((journal, live))
    };
    let read = read.await;
    target.close().await;
    read
}

/// What is applied where the newest one is this.
pub(super) fn before(revisions: &Revisions, from: &Reference) -> Result<BTreeSet<String>> {
    let nothing = BTreeSet::new();
    let walk = Walk {
        graph: &revisions.graph,
        applied: &nothing,
    };
    let newest = walk.resolve(from)?;
    let applied = newest
        .into_iter()
        .flat_map(|newest| revisions.graph.ancestors(newest));
    Ok(applied.map(ToOwned::to_owned).collect())
}

fn scripts<'a>(
    revisions: &'a Revisions,
    going: &[&str],
    direction: Direction,
) -> Result<Vec<Script<'a>>> {
    let lost = |revision: &str, what: &str| {
        Diagnostic::error(
            Code::History,
            format!("revision `{revision}` has no {what} in the plans folder"),
        )
        .help("`forge repair` restores the files that the database remembers")
    };
    let file = |files: &'a std::collections::BTreeMap<String, Filed>, revision: &str, what| {
        files.get(revision).ok_or_else(|| lost(revision, what))
    };
    let folder = &revisions.folder;
    going
        .iter()
        .map(|revision| {
            Ok(match direction {
                Direction::Up => Script {
                    direction,
                    file: file(&folder.plans, revision, "file")?,
                    down: folder.downs.get(*revision),
                    phase: None,
                },
                Direction::Down | Direction::Abort => Script {
                    direction,
                    file: file(&folder.downs, revision, "way back")?,
                    down: None,
                    phase: None,
                },
            })
        })
        .collect()
}
