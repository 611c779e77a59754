//! `forge apply`: brings the target up to a revision.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    time::Duration,
};

use super::{
    Context, abort,
    conditions::Conditions,
    offline::{self, Goal},
    phase::Phase,
    rows::Rows,
};
use crate::{
    apply::{self, Acquired, Reached, Script, Work},
    commands::{
        Project,
        allow::Allow,
        around::Around,
        person,
        revisions::{self, counted},
        target::OpenTarget,
    },
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{self, Direction, Filed, Journal, Place, Reference, Revisions},
    kinds::{HazardKind, Rollout, Step},
    listener::Status,
    plan::file::render_steps,
    settings::parse_duration,
};

/// Apply approved plans to the database
///
/// Goes on where an earlier apply was stopped.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go up to this revision: its first digits, a branch label, `head`, `heads`, `BRANCH@head`, or `+N`
    #[arg(value_name = "REVISION", default_value = "head")]
    to: Goal,

    /// Change nothing, and print a script that psql runs; `FROM:TO` needs no database
    #[arg(long)]
    sql: bool,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,

    /// Check and print what would be run
    #[arg(long)]
    dry_run: bool,

    /// Stop behind this part of the next plan
    #[arg(long, value_name = "PHASE")]
    phase: Option<Phase>,

    /// Let batches wait for a standby that is further behind: 10 s unless this says otherwise
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_lag: Option<Duration>,

    /// Wait this long for the database to accept connections
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait_db: Option<Duration>,

    #[command(flatten)]
    undoing: Undoing,

    #[command(flatten)]
    besides: Besides,

    #[command(flatten)]
    around: Conditions,
}

/// Back instead of on.
#[derive(Debug, Default, clap::Args)]
struct Undoing {
    /// Undo the steps of a partly applied plan that stand, instead of going on with it
    #[arg(long, conflicts_with_all = ["sql", "phase"])]
    abort: bool,

    /// With `--abort`: allow a hazard that needs approval: `deletes-data`, `deletes-data:app.users`, `all`
    #[arg(long, value_name = "HAZARD[:OBJECT]", requires = "abort")]
    allow: Vec<Allow>,
}

/// What an apply does besides, where somebody asks for it.
#[derive(Debug, Default, clap::Args)]
struct Besides {
    /// End the process that an earlier run has left on the server, if it holds the lock, and go on where that run stopped
    #[arg(long)]
    takeover: bool,

    #[command(flatten)]
    rows: Rows,
}

/// Applies every approved plan, and asks nothing.
pub(super) async fn to_head(context: &Context<'_>) -> Result<Exit> {
    let args = Args {
        to: Goal::To(Reference::to(Place::Heads)),
        sql: false,
        yes: true,
        dry_run: false,
        phase: None,
        max_lag: None,
        undoing: Undoing::default(),
        besides: Besides::default(),
        wait_db: None,
        around: Conditions::default(),
    };
    Box::pin(run(&args, context)).await
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    if args.sql {
        return offline::run(&args.to, Direction::Up, context).await;
    }
    if args.undoing.abort {
        let wish = abort::Wish {
            allow: &args.undoing.allow,
            dry_run: args.dry_run,
            rows: &args.besides.rows,
        };
        return Box::pin(abort::run(&wish, context)).await;
    }
    args.to.revision()?;
    let project = context.project()?;
    let folder = revisions::placed_folder(&project)?;
    folder.graph()?;
    let target = match args.wait_db {
        Some(limit) => OpenTarget::open_within(&project, "apply", limit).await?,
        None => OpenTarget::open_to_read(&project, "apply").await?,
    };
    let target = if args.dry_run {
        target
    } else {
        target.of_its_own().await?
    };
    revisions::tell_target(&project, &target.url);
    let result = with_target(args, context, &project, folder, &target).await;
    target.close().await;
    result
}

async fn with_target(
    args: &Args,
    context: &Context<'_>,
    project: &Project<'_>,
    folder: history::Folder,
    target: &OpenTarget<'_>,
) -> Result<Exit> {
    let actor = person::actor(project, &target.session).await?;
    let work = Work {
        max_lag: args.max_lag.unwrap_or(apply::MAX_LAG),
        dropped: args.besides.rows.dropped(),
        looks_for_rows: !args.besides.rows.skip_row_checks,
        ..target.work(project, &actor)
    };
    let journal = history::load(work.session).await?;
    let seen = Revisions::new(folder.clone(), journal)?;
    let (ready, held) = pending(&seen, args.to.revision()?)?;
    if ready.is_empty() && !held.is_empty() {
        return Err(not_approved(&seen, &held));
    }
    let follows = project.settings.operations.after_apply.is_some();
    let unfollowed = unfollowed(&seen);
    if !unfollowed.is_empty() && !follows {
        context.reporter.diagnostic(&without_hook(&unfollowed));
    }
    if ready.is_empty() && seen.journal.is_settled() {
        if seen.journal.owed().is_some() {
            let target = apply::Target::read(&work, &seen.journal).await?;
            let kept = target.keeps(&work, &seen.journal).await;
            kept.map_err(|differs| match &unfollowed[..] {
                [] => differs,
                _ if !follows => differs,
                _ => differs.note(format!(
                    "`after_apply` has not followed the apply of {}: it is run once the difference is gone, or behind the next plan",
                    unfollowed.join(", ")
                )),
            })?;
        }
        if unfollowed.is_empty() || !follows {
            nothing_to_do(context, &seen);
            return Ok(Exit::Done);
        }
    }
    let mut plans = Vec::new();
    for revision in &ready {
        let (filed, down) = seen.pair(revision, work.session).await?;
        history::check_approved(&filed, down.as_ref(), work.signers)?;
        plans.push(filed);
    }
    announce(context, &plans);
    if follows && !unfollowed.is_empty() {
        context.reporter.note(format_args!(
            "`after_apply` has not followed the apply of {} yet: it is run behind this one",
            unfollowed.join(", ")
        ));
    }
    if args.dry_run {
        return dry_run(context, &work, &seen, &plans).await;
    }
    let conditions = args.around.wanted();
    if !ready.is_empty() {
        conditions.check_window(&project.settings.operations)?;
    }
    if !args.yes && !may_go_on(context, &plans)? {
        context.reporter.note("nothing was changed");
        return Ok(Exit::Done);
    }
    let acquired = if args.besides.takeover {
        apply::take_over(&work).await?
    } else {
        apply::acquire(&work).await?
    };
    // What was pending may have been applied while this forge waited or asked.
    let journal = history::load(work.session).await?;
    let revisions = Revisions::new(folder, journal)?;
    let (ready, held) = pending(&revisions, args.to.revision()?)?;
    tell_applied_by_others(context, &seen, &revisions, acquired);
    let around = Around {
        project,
        target,
        actor: &actor,
        revisions: ready.iter().map(ToString::to_string).collect(),
        unfollowed: self::unfollowed(&revisions),
    };
    let mut backup = None;
    if !ready.is_empty() {
        conditions.check_window(&project.settings.operations)?;
        backup = around.before(&conditions).await?;
    }
    let work = Work {
        backup: backup.as_deref(),
        ..work
    };
    let reconnect = async || target.another_session(project, "apply").await;
    let applied = apply::outlast(&work, reconnect, async |work| {
        let journal = history::load(work.session).await?;
        let revisions = Revisions::new(revisions.folder.clone(), journal)?;
        bring_up(work, args.phase.map(Rollout::from), &revisions, &ready).await
    })
    .await;
    let reached = if ready.is_empty() && around.unfollowed.is_empty() {
        applied?
    } else {
        around.after(applied, backup.as_deref()).await?
    };
    if reached == Way::Waits {
        return Ok(Exit::Done);
    }
    if let Some(last) = ready.last() {
        context.reporter.note(format_args!(
            "applied {}, the database is at {last}",
            counted(ready.len(), "plan")
        ));
    }
    if !held.is_empty() {
        context.reporter.warn(format_args!(
            "not applied, because nobody has approved them: {}",
            held.join(", ")
        ));
    }
    Ok(Exit::Done)
}

/// Where a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All revisions are applied.
    Ends,
    /// The next phase of a revision wasn't asked for.
    Waits,
}

/// Applies revisions one after the other.
async fn bring_up(
    work: &Work<'_>,
    phase: Option<Rollout>,
    revisions: &Revisions,
    ready: &[&str],
) -> Result<Way> {
    let mut target = apply::Target::read(work, &revisions.journal).await?;
    let mut pairs = Vec::new();
    for revision in ready {
        pairs.push(revisions.pair(revision, work.session).await?);
    }
    let plans = pairs.iter().map(|(filed, _)| filed);
    check_roles(work, &revisions.journal, plans, phase).await?;
    for (filed, down) in &pairs {
        let revision = filed.revision();
        let script = Script {
            direction: Direction::Up,
            file: filed,
            down: down.as_ref(),
            phase,
        };
        target = match apply::run(work, &script, &revisions.journal, target).await? {
            Reached::End(after) => *after,
            Reached::Before(next) => {
                work.listener.note(format_args!(
                    "revision {revision} waits for its phase {next}: `forge apply --phase {next}`"
                ));
                return Ok(Way::Waits);
            }
        };
    }
    target.tell(work);
    if revisions.journal.owed().is_some() {
        // An earlier run has left something else than it promised, and this one may have changed that.
        let journal = history::load(work.session).await?;
        if let Err(differs) = target.keeps(work, &journal).await {
            work.listener.diagnostic(&differs.into_warning());
        }
    }
    Ok(Way::Ends)
}

/// Refuses plans whose steps name roles that the server does not have, before the first one.
async fn check_roles(
    work: &Work<'_>,
    journal: &Journal,
    plans: impl Iterator<Item = &Filed> + Clone,
    phase: Option<Rollout>,
) -> Result<()> {
    let mut revisions = plans.clone().map(Filed::revision);
    let is_begun = revisions.any(|revision| !journal.done(revision).is_empty());
    let left = apply::statements_left(journal, plans, phase);
    apply::check_roles(work.session, left, is_begun).await
}

/// The revisions that can be applied, and those that a missing approval holds up.
fn pending<'a>(revisions: &'a Revisions, to: &Reference) -> Result<(Vec<&'a str>, Vec<&'a str>)> {
    let pending = revisions.walk().pending(to)?;
    Ok(revisions.approved(pending))
}

/// The revisions whose apply `after_apply` has not followed yet.
fn unfollowed(revisions: &Revisions) -> Vec<String> {
    let events = revisions.journal.to_follow().into_iter();
    events.map(|event| event.revision.clone()).collect()
}

fn without_hook(unfollowed: &[String]) -> Diagnostic {
    Diagnostic::warning(
        Code::AfterHook,
        format!(
            "`after_apply` has not followed the apply of {} yet, and these settings have none",
            unfollowed.join(", ")
        ),
    )
    .help("choose the environment that has it with `--env`; `after_apply = \"true\"` settles it")
}

fn not_approved(revisions: &Revisions, held: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Draft,
        format!(
            "{} not approved",
            if held.len() == 1 {
                "the pending plan is"
            } else {
                "the pending plans are"
            }
        ),
    );
    held.iter()
        .filter_map(|revision| revisions.folder.plans.get(*revision))
        .fold(diagnostic, |diagnostic, filed| {
            diagnostic.note(format!("`{}`: {}", filed.path, filed.plan.header.message))
        })
        .help(format!("review it, then run `forge approve {}`", held[0]))
}

fn nothing_to_do(context: &Context<'_>, revisions: &Revisions) {
    let current = revisions.current();
    context.reporter.note(if current.is_empty() {
        "nothing to do: there are no plans to apply".to_owned()
    } else {
        format!("nothing to do: the database is at {}", current.join(", "))
    });
}

fn announce(context: &Context<'_>, plans: &[Filed]) {
    for filed in plans {
        let header = &filed.plan.header;
        context.reporter.note(format_args!(
            "pending: {} {} ({})",
            header.revision,
            header.message,
            counted(filed.plan.plan.steps().count(), "step")
        ));
    }
}

async fn dry_run(
    context: &Context<'_>,
    work: &Work<'_>,
    revisions: &Revisions,
    plans: &[Filed],
) -> Result<Exit> {
    let live = apply::read_target(work).await?;
    if let Some(first) = plans.first() {
        let begun = revisions.journal.standing(first.revision());
        if begun == history::Standing::Absent {
            apply::check(&first.path, &first.plan, &live)?;
        }
    }
    history::check_all_covered(plans, &live, &revisions.journal)?;
    check_roles(work, &revisions.journal, plans.iter(), None).await?;
    for filed in plans {
        context.reporter.sql(&render_steps(&filed.plan.plan));
    }
    work.listener.note("a dry run: nothing was changed");
    Ok(Exit::Done)
}

/// Asks on a terminal before rows are deleted. Elsewhere the approval is the answer.
fn may_go_on(context: &Context<'_>, plans: &[Filed]) -> Result<bool> {
    let deleting: Vec<&Step> = plans
        .iter()
        .flat_map(|filed| filed.plan.plan.hazards())
        .filter(|(_, hazard)| hazard.kind == HazardKind::DeletesData)
        .map(|(step, _)| step)
        .collect();
    let stdin = io::stdin();
    if deleting.is_empty() || !stdin.is_terminal() {
        return Ok(true);
    }
    for step in deleting {
        context.reporter.note(format_args!(
            "deletes data: {} {}",
            step.action, step.object
        ));
    }
    context.reporter.note("go on? [y/N]");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell_applied_by_others(
    context: &Context<'_>,
    seen: &Revisions,
    now: &Revisions,
    acquired: Acquired,
) {
    for revision in now.applied.difference(&seen.applied) {
        if let Some(event) = now.journal.settled(revision) {
            context.reporter.status(
                Status::Skipped,
                format_args!("{revision} was already applied by {}", event.by()),
            );
        }
    }
    match acquired {
        Acquired::AtOnce => {}
        Acquired::AfterWaiting => context.reporter.detail("the other forge has ended"),
    }
}
