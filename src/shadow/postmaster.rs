//! Starts and ends a `postgres` process of our own.

use std::{
    io,
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{ShadowSettings, account::Account, binaries::Binaries, reach::Reach};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    system::{self, Signal},
};

/// Recovery after a crash may take its time; a fresh cluster takes 30 ms.
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(1);

/// What a server is started with.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// The programs.
    pub(crate) binaries: &'a Binaries,
    /// As whom.
    pub(crate) account: &'a Account,
    /// The cluster's folder.
    pub(crate) data: &'a Utf8Path,
    /// The folder of the socket. The port is always 5432.
    pub(crate) socket: &'a Utf8Path,
    /// What the server writes to standard error goes there.
    pub(crate) log: &'a Utf8Path,
    /// Forge's environment, and what confines the server.
    pub(crate) settings: &'a ShadowSettings,
}

/// A running server. It ends when this is dropped, or when the thread that started it ends.
#[derive(Debug)]
pub(crate) struct Postmaster {
    child: Child,
    data: Utf8PathBuf,
}

impl Postmaster {
    /// Starts the server and waits until it takes connections.
    pub(crate) async fn start(start: Start<'_>) -> Result<Self> {
        let mut postmaster = Self::spawn(start)?;
        let begin = Instant::now();
        loop {
            if let Some(status) = postmaster.child.try_wait()? {
                return Err(failure(start, &format!("it ended with {status}")));
            }
            if ready(start.data) {
                return Ok(postmaster);
            }
            if begin.elapsed() > START_LIMIT {
                let limit = START_LIMIT.as_secs();
                return Err(failure(start, &format!("it wasn't ready in {limit} s")));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn spawn(start: Start<'_>) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;

        let program = start.binaries.postgres();
        let log = fs_err::File::create(start.log)?.into_file();
        let ShadowSettings {
            environment,
            landlock,
            ..
        } = start.settings;
        let mut command = start.account.command(&program, Signal::Quit, environment);
        let reach = Reach::of_server(
            &start.binaries.postgres(),
            start.data,
            start.socket,
            environment,
        );
        landlock.confine(&mut command, &reach)?;
        // Ctrl-C in a terminal goes to the whole process group; forge decides when the server ends.
        let child = command
            .arg("-D")
            .arg(start.data)
            .arg("-c")
            .arg(format!("unix_socket_directories={}", listed(start.socket)))
            .args(["-c", "unix_socket_permissions=0700"])
            .args(["-c", "listen_addresses=", "-c", "port=5432"])
            // Files in the cluster's own folder; POSIX shared memory lies in a folder that others use too.
            .args(["-c", "dynamic_shared_memory_type=mmap"])
            .stdout(log.try_clone()?)
            .stderr(Stdio::from(log))
            .process_group(0)
            .spawn()
            .map_err(|error| failure(start, &error.to_string()))?;
        Ok(Self {
            child,
            data: start.data.to_owned(),
        })
    }

    /// Ends the server and waits for it.
    pub(crate) async fn stop(mut self, signal: Signal) -> Result<()> {
        system::send(self.child.id(), signal);
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begin.elapsed() > STOP_LIMIT {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Whether the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let begin = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(None) if begin.elapsed() < limit => thread::sleep(POLL),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        // A process that has been waited for is never signalled: its id may be another's by now.
        if let Ok(None) = self.child.try_wait() {
            system::send(self.child.id(), Signal::Quit);
            if self.wait(Duration::from_secs(5)).is_none() {
                system::send(self.child.id(), Signal::Kill);
                self.wait(Duration::from_secs(5));
            }
        }
        remove_shared_memory(&self.data);
    }
}

/// Whether the server of a cluster takes connections: the eighth line of `postmaster.pid` says so.
fn ready(data: &Utf8Path) -> bool {
    lock_file(data).is_some_and(|lines| lines.get(7).is_some_and(|line| line.trim() == "ready"))
}

fn lock_file(data: &Utf8Path) -> Option<Vec<String>> {
    let text = fs_err::read_to_string(data.join("postmaster.pid")).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}

/// The process id of a cluster's server, if it runs. A stale file, or one whose id went to another process, doesn't count.
pub(crate) fn running(data: &Utf8Path) -> Option<u32> {
    let process = lock_file(data)?.first()?.trim().parse().ok()?;
    command_line(process)?
        .contains(data.as_str())
        .then_some(process)
}

/// Ends the server that a dead forge left behind, if it still runs.
pub(crate) fn end_leftover(data: &Utf8Path) {
    for signal in [Signal::Quit, Signal::Kill] {
        let Some(process) = running(data) else { break };
        system::send(process, signal);
        let begin = Instant::now();
        while running(data).is_some() && begin.elapsed() < Duration::from_secs(5) {
            thread::sleep(POLL);
        }
    }
    remove_shared_memory(data);
}

/// The arguments of a process, joined by spaces; empty for one that has ended and wasn't waited for.
fn command_line(process: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let bytes = fs_err::read(format!("/proc/{process}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = std::process::Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &process.to_string()])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Gives back the System V segment of a server that was killed with SIGKILL.
///
/// The seventh line of `postmaster.pid` names its key and id; a server that ended by itself has removed the file.
fn remove_shared_memory(data: &Utf8Path) {
    let Some(line) = lock_file(data).and_then(|lines| lines.get(6).cloned()) else {
        return;
    };
    let mut fields = line.split_whitespace();
    let (Some(key), Some(id)) = (fields.next(), fields.next()) else {
        return;
    };
    let begin = Instant::now();
    loop {
        let segments = fs_err::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        match attached(&segments, key, id) {
            Some(0) => break,
            // The server's children see its end and follow it.
            Some(_) if begin.elapsed() < Duration::from_secs(2) => thread::sleep(POLL),
            Some(_) | None => return,
        }
    }
    let removed = std::process::Command::new("ipcrm")
        .args(["-m", id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = removed {
        tracing::debug!(%error, "a shared memory segment stays");
    }
}

/// How many processes have the segment, if `/proc/sysvipc/shm` lists it.
fn attached(segments: &str, key: &str, id: &str) -> Option<u32> {
    // The kernel writes the key's 32 bits with a sign, PostgreSQL without one, maybe widened to 64 bits.
    const BITS: u64 = 0xffff_ffff;
    let key: u64 = key.parse().ok()?;
    segments.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let listed: i64 = fields.next()?.parse().ok()?;
        let same = listed.cast_unsigned() & BITS == key & BITS && fields.next()? == id;
        // Mode, size, creator and last user come between.
        same.then(|| fields.nth(4)?.parse().ok()).flatten()
    })
}

/// A folder as `unix_socket_directories` wants it, a list of names parted by commas.
fn listed(folder: &Utf8Path) -> String {
    format!("\"{}\"", folder.as_str().replace('"', "\"\""))
}

fn failure(start: Start<'_>, reason: &str) -> Diagnostic {
    let program = start.binaries.postgres();
    let error = Diagnostic::error(Code::NoShadow, format!("`{program}` doesn't start"))
        .note(format!("{reason}, running as {}", start.account.name()));
    match tail(start.log) {
        Some(tail) => error.note(format!("the server's log ends with:\n{tail}")),
        None => error,
    }
}

fn tail(log: &Utf8Path) -> Option<String> {
    let bytes = fs_err::read(log).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(10)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

/// Runs a program of PostgreSQL's to its end; its output is part of the error.
pub(crate) fn run(command: &mut std::process::Command, what: &str) -> Result<()> {
    let output = command.output().map_err(|error: io::Error| {
        Diagnostic::error(Code::NoShadow, format!("`{what}` can't be run")).note(error.to_string())
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Diagnostic::error(
        Code::NoShadow,
        format!("`{what}` fails with {}", output.status),
    )
    .note(said.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attached_processes() {
        const SEGMENTS: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid\n  -1234          3   600                    56  9999  9999      0 65534\n   5432          4   600                    56  9999  9999      6 65534\n";
        fn check(key: &str, id: &str, expected: Option<u32>) {
            assert_eq!(attached(SEGMENTS, key, id), expected, "{key} {id}");
        }
        check("4294966062", "3", Some(0));
        check("18446744073709550382", "3", Some(0));
        check("4294966062", "4", None);
        check("5432", "4", Some(6));
        check("77", "3", None);
        check("", "", None);
    }

    #[test]
    fn socket_folders() {
        assert_eq!(listed("/a b,\"c\"".into()), "\"/a b,\"\"c\"\"\"");
    }
}
