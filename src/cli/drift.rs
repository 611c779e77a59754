//! `forge drift`: what somebody changed in the database behind forge's back.

mod found;
mod repair;

use std::fmt::Write as _;

use serde::Serialize;

use self::found::Found;
use super::{Context, Format, changes};
use crate::{
    apply,
    catalog::{self, Catalog, Unlike},
    commands::{
        Project, around, person,
        revisions::{self, counted},
        target::OpenTarget,
    },
    diagnostic::{Code, Diagnostic, Exit, Result},
    drift::{Change, Group, compare},
    history::{self, Journal},
    hooks::{Message, Outcome},
};

/// Show what somebody changed in the database since the last plan was applied
///
/// Exits with 2 if something is different.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Print the SQL that takes the changes back, for review and for psql; nothing is run
    #[arg(long, conflicts_with_all = ["adopt", "format"])]
    revert: bool,

    /// Edit the files under schema/ so that they declare what the database is now
    ///
    /// Exits with 2 if something is left to do by hand, which is printed.
    #[arg(long, conflicts_with = "format")]
    adopt: bool,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    if args.adopt {
        project.settings.project()?;
    }
    let target = OpenTarget::open_to_read(&project, "drift").await?;
    revisions::tell_target(&project, &target.url);
    let outcome = match look(context, &target).await {
        Ok(Looked { report, found }) if report.changed() > 0 && (args.revert || args.adopt) => {
            let found = found.expect("only what was compared has drifted");
            Box::pin(repair::run(args.revert, context, &project, &target, found)).await
        }
        Ok(Looked { report, .. }) => {
            tell(args, context, &project, &target.url, &report).await;
            Ok(if report.drift {
                Exit::Difference
            } else {
                Exit::Done
            })
        }
        Err(error) => Err(error),
    };
    target.close().await;
    outcome
}

async fn tell(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    url: &str,
    report: &Report,
) {
    if report.drift {
        let revisions: Vec<String> = report.revision.iter().cloned().collect();
        let message = Message {
            text: match &report.differs {
                Some(revision) if report.changed() == 0 => {
                    format!("revision {revision} has left something else than it promised")
                }
                _ => format!("{} changed by hand", counted(report.changed(), "object")),
            },
            event: "drift",
            outcome: Outcome::Drift,
            environment: None,
            target: url,
            revisions: &revisions,
            backup: None,
            error: None,
            by: None,
            at: person::now(),
        };
        around::tell(project, message).await;
    }
    match args.format {
        Format::Json => context.reporter.json(report),
        Format::Text => report.print(context),
    }
}

/// What a look at the database has shown.
struct Looked {
    report: Report,
    /// What was compared.
    found: Option<Found>,
}

/// The version of the JSON document.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    version: u32,
    drift: bool,
    /// What left the state with which the database is compared; none where nothing was ever applied.
    #[serde(skip)]
    left_by: Option<String>,
    /// The revision that the database is at; none at base.
    revision: Option<String>,
    /// When that was.
    since: Option<String>,
    /// The revision that left something else than it promised, if the database still is otherwise.
    differs: Option<String>,
    /// What was found to be otherwise then, behind a colon.
    #[serde(skip)]
    found: String,
    objects: Vec<Group>,
    unmodelled: Vec<Unmodelled>,
}

#[derive(Serialize)]
struct Unmodelled {
    change: Change,
    object: String,
}

async fn look(context: &Context<'_>, target: &OpenTarget<'_>) -> Result<Looked> {
    let session = &target.session;
    apply::acquire_shared(session).await?;
    let journal = history::load(session).await?;
    whole(&journal)?;
    let mut report = Report {
        version: VERSION,
        drift: false,
        left_by: left_by(&journal),
        revision: journal.at().map(ToOwned::to_owned),
        since: journal.taken.as_ref().map(|taken| taken.at.to_string()),
        differs: None,
        found: String::new(),
        objects: Vec::new(),
        unmodelled: Vec::new(),
    };
    let nothing = |report| Looked {
        report,
        found: None,
    };
    let Some(promised) = journal.promised() else {
        return Ok(nothing(report));
    };
    let progress = context.reporter.progress("reading the database");
    let live = target.catalog().await?;
    drop(progress);
    let left = history::snapshot(session, &target.scope).await?;
    // Nobody holds a lock there.
    if session.pooling().is_shared() {
        apply::acquire_shared(session).await?;
        if history::load(session).await? != journal {
            return Err(Diagnostic::error(
                Code::Busy,
                "another forge has changed the database while it was read",
            )
            .help("run the command again"));
        }
    }
    let Some(left) = left else {
        return untold(&journal, live.fingerprint() == promised).map(|()| nothing(report));
    };
    // What no kind models isn't part of the state that a plan promises, nor does a scope know where it lives.
    if target.scope.holds_every_schema() {
        report.unmodelled = unmodelled(&left, &live);
    }
    let owed = history::owed(session, &target.scope, &journal).await?;
    let is_as_owed = owed.is_some_and(|owed| owed.is_settled_by(live.fingerprint()));
    if let Some(owed) = owed.filter(|_| !is_as_owed) {
        report.differs = Some(owed.event.revision.clone());
        report.found = owed.found();
    }
    if live.fingerprint() != promised && !is_as_owed {
        if !journal.is_settled() {
            context.reporter.warn(
                "forge was stopped before it noted what the last revision left, so its own changes are listed too; \
                 `forge apply` notes it",
            );
        }
        report.objects = compare(&left, &live);
    }
    report.drift = report.changed() > 0 || report.differs.is_some();
    let unmodelled = report.unmodelled.iter().map(|it| it.object.clone());
    let found = Found {
        left_by: report.left_by.clone().unwrap_or_default(),
        unmodelled: unmodelled.collect(),
        settled: journal.is_settled(),
        left,
        live,
    };
    Ok(Looked {
        report,
        found: Some(found),
    })
}

/// What left the state that the history promises, in words. A revision that was taken back or undone is not there.
fn left_by(journal: &Journal) -> Option<String> {
    journal.last_settled()?;
    Some(match journal.at() {
        Some(revision) => format!("revision {revision}"),
        None => "the return to base".to_owned(),
    })
}

/// While a plan is half done, its own changes can't be told from others'.
fn whole(journal: &Journal) -> Result<()> {
    let Some((revision, partly)) = journal.partly().into_iter().next() else {
        return Ok(());
    };
    let (participle, _) = partly.direction.words();
    Err(Diagnostic::error(
        Code::Partial,
        format!("revision `{revision}` is partly {participle}, so nothing can be said of drift"),
    )
    .help(format!(
        "`forge status` shows what stands; {}",
        partly.direction.ways_out()
    )))
}

/// Without a snapshot, only whether something is different can be told, not what.
fn untold(journal: &Journal, same: bool) -> Result<()> {
    if same || journal.is_settled() {
        return Ok(());
    }
    Err(Diagnostic::error(
        Code::TargetChanged,
        "the database is not as the last revision left it",
    )
    .note("forge was stopped before it noted that state, so what is different isn't known")
    .help("`forge apply` notes the state as it is now"))
}

fn unmodelled(left: &Catalog, live: &Catalog) -> Vec<Unmodelled> {
    let Unlike { gone, new, changed } = Unlike::between(&left.unmodelled, &live.unmodelled);
    let sides = [
        (Change::Added, new),
        (Change::Removed, gone),
        (Change::Changed, changed),
    ];
    let of = |(change, objects): (Change, Vec<&catalog::Unmodelled>)| -> Vec<Unmodelled> {
        let named = objects.into_iter().map(|object| Unmodelled {
            change,
            object: object.to_string(),
        });
        named.collect()
    };
    sides.into_iter().flat_map(of).collect()
}

impl Report {
    /// How many objects aren't as they were.
    fn changed(&self) -> usize {
        self.objects.len() + self.unmodelled.len()
    }

    fn print(&self, context: &Context<'_>) {
        let Some(left_by) = &self.left_by else {
            context
                .reporter
                .note("nothing has been applied here, so there is nothing to compare with");
            return;
        };
        if !self.drift {
            context.reporter.note(format_args!(
                "no drift: the database is as {left_by} left it"
            ));
            return;
        }
        if let Some(revision) = &self.differs {
            context.reporter.warn(format_args!(
                "revision {revision} has left something else than it promised, which no later plan has taken back{}; \
                 `forge plan` shows the difference from the schema tree",
                self.found
            ));
        }
        if self.changed() == 0 {
            context
                .reporter
                .note(format_args!("nothing was changed since {left_by}"));
            return;
        }
        let left = format!("as {left_by} left it");
        let mut text = String::new();
        for group in &self.objects {
            text += &changes::section(context, group, &left, "as it is now");
        }
        for Unmodelled { change, object } in &self.unmodelled {
            writeln!(
                text,
                "{object} {} (not managed by forge)\n",
                change.as_str()
            )
            .expect("writing to a String can't fail");
        }
        context.reporter.data(text.trim_end());
        context.reporter.note(format_args!(
            "the database is not {left}: {} changed; `forge drift --revert` prints the SQL that takes that back, \
             `forge drift --adopt` brings it into the schema tree",
            counted(self.changed(), "object")
        ));
    }
}
