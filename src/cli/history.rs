//! `forge history`: the revisions, newest first.

use std::fmt::Write as _;

use super::{Context, heads::labels};
use crate::{
    commands::{
        self,
        log::{Applied, Entry, Mark, Options},
    },
    diagnostic::{Exit, Result},
    history::Range,
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
    let options = Options {
        range: args.rev_range.clone(),
        standing: args.indicate_current,
        pending: args.pending,
        from_database: args.from_db,
    };
    let report = commands::history(&context.project()?, &options).await?;
    let verbose = context.reporter.verbosity() >= Verbosity::Verbose;
    let mut text = String::new();
    for entry in &report.revisions {
        if verbose {
            describe(entry, &mut text);
        } else {
            let Entry {
                revision, message, ..
            } = entry;
            let (parents, marks) = (parents(entry), marks(entry));
            writeln!(text, "{parents} -> {revision}{marks}, {message}")
                .expect("writing to a String can't fail");
        }
    }
    context.reporter.data(text);
    Ok(Exit::Done)
}

fn parents(entry: &Entry) -> String {
    match &entry.parents[..] {
        [] => "<base>".to_owned(),
        parents => parents.join(", "),
    }
}

fn marks(entry: &Entry) -> String {
    let mut marks = labels(&entry.labels);
    for mark in &entry.marks {
        marks.push_str(match mark {
            Mark::Draft => " (draft)",
            Mark::Merge => " (mergepoint)",
            Mark::Fork => " (branchpoint)",
            Mark::Head => " (head)",
        });
    }
    marks.push_str(match entry.applied {
        Some(Applied::Current) => " (current)",
        Some(Applied::Applied) => " (applied)",
        Some(Applied::Partly) => " (partly applied)",
        Some(Applied::Absent) | None => "",
    });
    marks
}

fn describe(entry: &Entry, text: &mut String) {
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name}: {}", visible(value)).expect("writing to a String can't fail");
    };
    line("Rev", &format!("{}{}", entry.revision, marks(entry)));
    line("Parent", &parents(entry));
    if !entry.depends_on.is_empty() {
        line("Depends on", &entry.depends_on.join(", "));
    }
    if let Some(file) = &entry.file {
        line("Path", &file.path);
        line("Created", &format!("{} by {}", file.created, file.author));
        if let Some(approved) = &file.approved {
            line("Approved", &format!("{} by {}", approved.at, approved.by));
        }
    }
    if let Some(settled) = &entry.settled {
        let commit = settled.git_commit.as_ref();
        let commit = commit.map_or(String::new(), |commit| {
            format!(", from git commit {commit}")
        });
        line(
            settled.how,
            &format!("{}, run {}{commit}", settled.by, settled.run),
        );
    }
    writeln!(text, "\n    {}\n", entry.message).expect("writing to a String can't fail");
}
