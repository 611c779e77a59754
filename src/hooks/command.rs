//! Runs a command of the project's and shows what it prints.

use std::{
    io,
    process::{ExitStatus, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
};

use super::Occasion;
use crate::{
    cancel::Urgency,
    diagnostic::{Code, Diagnostic, Result},
    settings::{CommandLine, redact},
};

/// As many characters of a line are shown: what is no text has long lines.
const LONGEST_LINE: usize = 500;

/// Which command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// `before_apply`
    Before,
    /// `backup`
    Backup,
    /// `after_apply`
    After,
}

impl Hook {
    /// Its key in `forge.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before_apply",
            Self::Backup => "backup",
            Self::After => "after_apply",
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Before | Self::Backup => Code::Hook,
            Self::After => Code::AfterHook,
        }
    }

    /// What its failure means.
    fn consequence(self) -> &'static str {
        match self {
            Self::Before | Self::Backup => "nothing was changed",
            Self::After => "the plans are applied",
        }
    }

    /// An error of this hook.
    pub(super) fn error(self, what: &str) -> Diagnostic {
        let error = Diagnostic::error(self.code(), format!("`{}` {what}", self.as_str()));
        error.note(self.consequence())
    }
}

/// Runs a command to its end. `also` are variables of its own. Returns the last line that it printed.
///
/// # Errors
/// [`Code::Hook`] or [`Code::AfterHook`] if it can't be run or fails.
pub async fn run(
    occasion: &Occasion<'_>,
    hook: Hook,
    command: &CommandLine,
    also: &[(&str, &str)],
) -> Result<Option<String>> {
    let mut program = match command {
        CommandLine::Shell(line) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", line]);
            shell
        }
        CommandLine::Arguments(arguments) => {
            let (program, arguments) = arguments
                .split_first()
                .ok_or_else(|| hook.error("names no program"))?;
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    program.env_clear().envs(occasion.variables.iter());
    occasion.tell(program.as_std_mut());
    let mut child = program
        .current_dir(occasion.files.root())
        .env("FORGE_HOOK", hook.as_str())
        .envs(also.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_run(hook, command, &error))?;
    occasion
        .listener
        .note(format_args!("{}: {command}", hook.as_str()));
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let stderr = child.stderr.take().expect("standard error is a pipe");
    let running = async {
        let (printed, _complaints, status) =
            tokio::join!(show(occasion, stdout), show(occasion, stderr), child.wait());
        status.map(|status| (status, printed))
    };
    let (status, printed) = tokio::select! {
        ended = running => ended?,
        // Dropping the child kills it.
        () = occasion.cancel.reached(Urgency::Now) => {
            return Err(hook.error("was stopped"));
        }
    };
    if status.success() {
        Ok(printed)
    } else {
        Err(failed(hook, command, status))
    }
}

/// Shows lines as they come. Returns the last that isn't empty.
async fn show(occasion: &Occasion<'_>, stream: impl AsyncRead + Unpin) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut bytes, mut last) = (Vec::new(), None);
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        let shown: String = masked(occasion, &line).chars().take(LONGEST_LINE).collect();
        occasion.listener.note(format_args!("  {shown}"));
        if !line.trim().is_empty() {
            last = Some(line.trim().to_owned());
        }
    }
    last
}

/// The line without the passwords that forge knows.
pub(super) fn masked(occasion: &Occasion<'_>, line: &str) -> String {
    let known = [
        occasion.options.password.as_deref(),
        occasion.variables.get("PGPASSWORD"),
    ];
    let known = known
        .into_iter()
        .flatten()
        .filter(|known| !known.is_empty());
    redact(&known.fold(line.to_owned(), |line, secret| line.replace(secret, "***")))
}

fn cannot_run(hook: Hook, command: &CommandLine, error: &io::Error) -> Diagnostic {
    hook.error("can't be run")
        .note(format!("`{command}`: {error}"))
        .help("check the command in `forge.toml`; it runs in the project's folder")
}

fn failed(hook: Hook, command: &CommandLine, status: ExitStatus) -> Diagnostic {
    let error = hook.error("failed").note(format!("`{command}`: {status}"));
    match hook {
        Hook::Before | Hook::Backup => error.help("mend the cause, then run `forge apply` again"),
        Hook::After => {
            error.help("mend the cause, then run `forge apply`: it runs `after_apply` again")
        }
    }
}
