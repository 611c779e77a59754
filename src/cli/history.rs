//! `forge history`: the revisions, newest first.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Context, locked, revisions};
use crate::{
    diagnostic::{Exit, Result},
    history::{Folder, Journal, Place, Range, Revisions, Standing},
    report::Verbosity,
    sql::visible,
};

/// List the revisions, newest first; with -v, all that is known of them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these, both ends among them: `FROM:TO`, `FROM:`, `:TO`
    #[arg(short = 'r', long, value_name = "RANGE", allow_hyphen_values = true)]
    rev_range: Option<Range>,

    /// Mark those that are applied
    #[arg(short, long)]
    indicate_current: bool,

    /// Only those that aren't applied
    #[arg(long)]
    pending: bool,

    /// What the database remembers, with who did it and when; no file is needed
    #[arg(long, conflicts_with = "pending")]
    from_db: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let settings = context.settings()?;
    let folder = if args.from_db {
        Folder::default()
    } else {
        revisions::readable_folder(context, &settings)?
    };
    let range_asks = args.rev_range.as_ref().is_some_and(|range| {
        [&range.from, &range.to]
            .iter()
            .any(|end| end.place == Place::Current)
    });
    let journal = if args.indicate_current || args.pending || args.from_db || range_asks {
        locked::journal(context, &settings, "history").await?
    } else {
        Journal::default()
    };
    let revisions = Revisions::ever(folder, journal)?;
    context.reporter.data(listed(args, context, &revisions)?);
    Ok(Exit::Done)
}

fn listed(args: &Args, context: &Context<'_>, revisions: &Revisions) -> Result<String> {
    let shown: Vec<&str> = match &args.rev_range {
        Some(range) => revisions.walk().range(range)?,
        None => revisions.graph.order().collect(),
    };
    let heads: BTreeSet<&str> = revisions.graph.heads().into_iter().collect();
    let forks: BTreeSet<&str> = revisions.graph.branch_points().into_iter().collect();
    let mut text = String::new();
    for revision in shown.into_iter().rev() {
        if args.pending && revisions.applied.contains(revision) {
            continue;
        }
        let line = Line {
            revisions,
            revision,
            is_head: heads.contains(revision),
            is_fork: forks.contains(revision),
            standing: (args.indicate_current || args.from_db)
                .then(|| revisions.journal.standing(revision)),
        };
        if context.reporter.verbosity() >= Verbosity::Verbose {
            line.describe(&mut text);
        } else {
            writeln!(
                text,
                "{} -> {revision}{}, {}",
                line.parents(),
                line.marks(),
                revisions.message(revision)
            )
            .expect("writing to a String can't fail");
        }
    }
    Ok(text)
}

/// One revision of the list.
struct Line<'a> {
    revisions: &'a Revisions,
    revision: &'a str,
    is_head: bool,
    is_fork: bool,
    /// Where it stands in the target, if that was asked.
    standing: Option<Standing>,
}

impl Line<'_> {
    fn parents(&self) -> String {
        match self.revisions.graph.parents(self.revision)[..] {
            [] => "<base>".to_owned(),
            ref parents => parents.join(", "),
        }
    }

    fn marks(&self) -> String {
        let mut marks = String::new();
        let node = self.revisions.graph.node(self.revision);
        if let Some(node) = node.filter(|node| !node.labels.is_empty()) {
            write!(marks, " ({})", node.labels.join(", ")).expect("writing to a String can't fail");
        }
        let filed = self.revisions.folder.plans.get(self.revision);
        let is_draft = filed.is_some_and(|filed| filed.plan.header.approval.is_none());
        let is_merge = node.is_some_and(|node| node.parents.len() > 1);
        for (holds, mark) in [
            (is_draft, " (draft)"),
            (is_merge, " (mergepoint)"),
            (self.is_fork, " (branchpoint)"),
            (self.is_head, " (head)"),
        ] {
            if holds {
                marks.push_str(mark);
            }
        }
        match &self.standing {
            Some(Standing::Applied) => {
                let current = self.revisions.current();
                let is_current = current.contains(&self.revision);
                marks.push_str(if is_current {
                    " (current)"
                } else {
                    " (applied)"
                });
            }
            Some(Standing::Partly(_)) => marks.push_str(" (partly applied)"),
            Some(Standing::Absent) | None => {}
        }
        marks
    }

    fn describe(&self, text: &mut String) {
        let mut line = |name: &str, value: &str| {
            writeln!(text, "{name}: {}", visible(value)).expect("writing to a String can't fail");
        };
        line("Rev", &format!("{}{}", self.revision, self.marks()));
        line("Parent", &self.parents());
        let node = self.revisions.graph.node(self.revision);
        if let Some(node) = node.filter(|node| !node.depends_on.is_empty()) {
            line("Depends on", &node.depends_on.join(", "));
        }
        if let Some(filed) = self.revisions.folder.plans.get(self.revision) {
            let header = &filed.plan.header;
            line("Path", filed.path.as_str());
            line(
                "Created",
                &format!("{} by {}", header.created, header.author),
            );
            if let Some(approval) = &header.approval {
                line("Approved", &format!("{} by {}", approval.at, approval.by));
            }
        }
        if let Some(event) = self.revisions.journal.settled(self.revision) {
            let commit = event.git_commit.as_ref().map_or(String::new(), |commit| {
                format!(", from git commit {commit}")
            });
            line(
                event.kind.participle(),
                &format!("{}, run {}{commit}", event.by(), event.run),
            );
        }
        writeln!(text, "\n    {}\n", self.revisions.message(self.revision))
            .expect("writing to a String can't fail");
    }
}
