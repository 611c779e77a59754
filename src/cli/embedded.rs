//! `forge embedded`: the project's own server, for other programs.

use tokio::process::Command;

use super::Context;
use crate::{
    commands::target,
    connection::options::ConnectOptions,
    diagnostic::{Code, Diagnostic, Exit, Result},
};

/// Run a command while the project's embedded server is up
///
/// The command finds the server in DATABASE_URL and in the PG* variables. Without a command, the server's URL is printed and
/// the server stays up until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let project = context.project()?;
    project.settings.project()?;
    let progress = context.reporter.progress("starting the embedded server");
    let mut embedded = target::embedded(&project).await?;
    drop(progress);
    let outcome = if let Some((program, arguments)) = args.command.split_first() {
        with(context, &embedded.options(), program, arguments).await
    } else {
        context.reporter.data(embedded.options().url());
        context.reporter.note(format_args!(
            "{} is up; Ctrl-C ends it",
            embedded.description()
        ));
        return Err(embedded.lost().await);
    };
    embedded.stop().await?;
    outcome
}

async fn with(
    context: &Context<'_>,
    options: &ConnectOptions,
    program: &str,
    arguments: &[String],
) -> Result<Exit> {
    let host = &options.hosts[0];
    let status = Command::new(program)
        .args(arguments)
        .current_dir(context.working_dir)
        .env("DATABASE_URL", options.url())
        .env("PGHOST", &host.host)
        .env("PGPORT", host.port.to_string())
        .env("PGUSER", &options.user)
        .env("PGDATABASE", &options.database)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| {
            Diagnostic::error(Code::Usage, format!("`{program}` can't be run"))
                .note(error.to_string())
                .help("name a program on the PATH after `--`")
        })?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Error
    })
}
