//! `forge test`: rehearses plans on the shadow server.

use std::process::Command;

use super::Context;
use crate::{
    commands::{
        bench::{Whom, on_bench},
        revisions,
        target::scope,
    },
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Exit, Result},
    history::{Journal, Reference, Revisions},
    listener::Status,
    sql::join,
    workbench::Pair,
};

/// Rehearse plans on a shadow server: up, down, and up again
///
/// The plans are applied as `forge apply` applies them to an empty database: what it refuses fails here, too. Drafts are rehearsed
/// as if they were approved. A command behind `--` is run at the end of each way up, with the database in `DATABASE_URL` and the
/// `PG*` variables: the application's own tests, for example.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go up to this revision
    #[arg(value_name = "REVISION", default_value = "head")]
    to: Reference,

    /// Take this many plans back
    #[arg(long, value_name = "N", default_value_t = 1)]
    back: usize,

    /// Run this, and fail if it fails
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    let revisions = Revisions::new(revisions::folder(&project)?, Journal::default())?;
    let pairs = pairs(&revisions, &args.to)?;
    let ups: Vec<_> = pairs.iter().map(|pair| pair.up).collect();
    let Some(whom) = Whom::history(&ups, scope(&project)) else {
        context.reporter.note("there are no plans to test");
        return Ok(Exit::Done);
    };
    let rehearsed = on_bench(&project, whom, async |bench, _| {
        let at_head = async |options: &ConnectOptions| command(args, context, options);
        Box::pin(bench.rehearse(&pairs, args.back, at_head)).await
    })
    .await?;
    for pair in &pairs {
        context.reporter.status(
            Status::Applied,
            format_args!("{} {}", pair.up.header.revision, pair.up.header.message),
        );
    }
    for (revision, objects) in &rehearsed.irreversible {
        let names: Vec<String> = objects.iter().map(|id| format!("`{id}`")).collect();
        context.reporter.warn(format_args!(
            "the way back from {revision} doesn't bring back as it was: {}",
            names.join(", ")
        ));
    }
    for (revision, misfits) in &rehearsed.besides {
        let misfits = misfits.iter().map(ToString::to_string);
        context.reporter.warn(format_args!(
            "`forge apply` refuses revision {revision} in a database without the changes by hand that it was planned on: {}; it \
             was rehearsed without the steps that need them",
            join(misfits, ", ")
        ));
    }
    let back = args.back.min(pairs.len());
    context.reporter.note(format_args!(
        "{} up, {back} down and up again: {} objects",
        revisions::counted(pairs.len(), "plan"),
        rehearsed.catalog.len()
    ));
    Ok(Exit::Done)
}

fn pairs<'a>(revisions: &'a Revisions, to: &Reference) -> Result<Vec<Pair<'a>>> {
    revisions
        .walk()
        .pending(to)?
        .into_iter()
        .map(|revision| {
            let folder = &revisions.folder;
            let up = &folder.plans[revision];
            if up.plan.header.approval.is_some() {
                up.plan.check_frozen(&up.path)?;
            }
            let down = folder.downs.get(revision).ok_or_else(|| {
                Diagnostic::error(Code::History, format!("`{}` has no way back", up.path))
                    .help("restore its `.down.sql` from version control")
            })?;
            Ok(Pair {
                up: &up.plan,
                down: &down.plan,
            })
        })
        .collect()
}

/// Runs the user's command on a database.
fn command(args: &Args, context: &Context<'_>, options: &ConnectOptions) -> Result<()> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Ok(());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(context.working_dir)
        .env_clear()
        .envs(context.environment.iter())
        .env("DATABASE_URL", options.url());
    options.lead(&mut command);
    let failed = |why: String| {
        Diagnostic::error(Code::TestFailed, format!("`{program}` {why}"))
            .note("it ran on the shadow database, after the way up")
    };
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("ended with {status}"))),
        Err(error) => Err(failed(format!("can't be run: {error}"))),
    }
}
