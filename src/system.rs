//! The few calls to the operating system that the standard library lacks: signals, user namespaces, free space.
//!
//! `nix` wraps them. What it doesn't have, Landlock and code between fork and exec, is all unsafe code but the parser's.
#![expect(
    unsafe_code,
    reason = "hooks between fork and exec and two system calls have no safe form; each says why it is sound"
)]

use std::{io, os::unix::process::CommandExt as _, process::Command};

use camino::Utf8Path;
use nix::{
    sys::{signal, statvfs::statvfs},
    unistd::{Gid, Pid, Uid},
};

/// What a postmaster or `initdb` is told. (PostgreSQL docs: 18.5 Shutting Down the Server.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Immediate shutdown: no checkpoint, but shared memory is given back.
    Quit,
    /// Fast shutdown: sessions are ended, a checkpoint is written.
    Interrupt,
    /// The end without cleaning up.
    Kill,
}

impl Signal {
    fn raw(self) -> signal::Signal {
        match self {
            Self::Quit => signal::Signal::SIGQUIT,
            Self::Interrupt => signal::Signal::SIGINT,
            Self::Kill => signal::Signal::SIGKILL,
        }
    }
}

/// Sends a signal; a process that has ended is left alone.
pub(crate) fn send(process: u32, signal: Signal) {
    // Zero and below address process groups.
    if let Some(process) = i32::try_from(process).ok().filter(|process| *process > 0) {
        let _ = signal::kill(Pid::from_raw(process), signal.raw());
    }
}

/// Sends a signal to the process group that a process leads.
pub(crate) fn send_to_group(leader: u32, signal: Signal) {
    // One would address every process.
    if let Some(leader) = i32::try_from(leader).ok().filter(|leader| *leader > 1) {
        let _ = signal::killpg(Pid::from_raw(leader), signal.raw());
    }
}

/// The user as which forge runs.
pub(crate) fn effective_user() -> u32 {
    Uid::effective().as_raw()
}

/// The group as which forge runs.
pub(crate) fn effective_group() -> u32 {
    Gid::effective().as_raw()
}

/// How many bytes the file system of `path` has left for us.
pub(crate) fn free_space(path: &Utf8Path) -> Option<u64> {
    let space = statvfs(path.as_std_path()).ok()?;
    #[cfg_attr(
        target_os = "linux",
        expect(clippy::useless_conversion, reason = "32 bits wide on macOS")
    )]
    let blocks = u64::from(space.blocks_available());
    Some(blocks.saturating_mul(space.fragment_size()))
}

/// How a child process lives and with which rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child {
    /// What the child gets when the thread that spawned it ends, however it ends.
    pub(crate) when_orphaned: Signal,
    /// The user and group that the child is inside a user namespace of its own, if it is to have one.
    pub(crate) namespace: Option<(u32, u32)>,
}

/// Makes the child of `command` follow `child`; call it after the user of the command is set.
pub(crate) fn prepare(command: &mut Command, child: Child) {
    let parent = std::process::id();
    let maps = child.namespace.map(|(user, group)| {
        let map = |inside: u32, outside: u32| format!("{inside} {outside} 1").into_bytes();
        (map(user, effective_user()), map(group, effective_group()))
    });
    let setup = move || {
        if let Some((users, groups)) = &maps {
            enter_namespace(users, groups)?;
        }
        // A change of the user forgets the signal, so this comes last.
        die_with_parent(child.when_orphaned, parent)
    };
    // SAFETY: between fork and exec the closure calls only `unshare`, `open`, `write`, `close`, `prctl` and `getppid`,
    // which are async-signal-safe or plain system calls, by wrappers that allocate nothing for a `CStr`; what it needs was
    // allocated before.
    unsafe { command.pre_exec(setup) };
}

/// The version of Landlock that the kernel offers to this process.
#[cfg(target_os = "linux")]
pub(super) fn landlock_abi() -> io::Result<u32> {
    // LANDLOCK_CREATE_RULESET_VERSION of linux/landlock.h.
    const VERSION: libc::c_ulong = 1;
    let nothing: *const libc::c_void = std::ptr::null();
    // SAFETY: with this flag the call takes a null pointer and a size of zero, and only returns a number.
    let abi =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    u32::try_from(abi).map_err(|_| io::Error::last_os_error())
}

/// Puts the child of `command` under a Landlock ruleset. Programs that it runs gain no privileges either.
#[cfg(target_os = "linux")]
pub(super) fn restrict(command: &mut Command, ruleset: std::os::fd::OwnedFd) {
    use std::os::fd::AsRawFd as _;

    const UNUSED: libc::c_ulong = 0;
    let setup = move || {
        nix::sys::prctl::set_no_new_privs()?;
        let file = libc::c_long::from(ruleset.as_raw_fd());
        // SAFETY: the call takes two integers; the closure owns the file, so it is open.
        if unsafe { libc::syscall(libc::SYS_landlock_restrict_self, file, UNUSED) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(setup) };
}

#[cfg(target_os = "linux")]
fn enter_namespace(users: &[u8], groups: &[u8]) -> io::Result<()> {
    // The forked child has one thread, as CLONE_NEWUSER asks.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)?;
    // Without this the kernel refuses a group map to the unprivileged (user_namespaces(7)).
    write_file(c"/proc/self/setgroups", b"deny")?;
    write_file(c"/proc/self/uid_map", users)?;
    write_file(c"/proc/self/gid_map", groups)
}

#[cfg(not(target_os = "linux"))]
fn enter_namespace(_users: &[u8], _groups: &[u8]) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(target_os = "linux")]
fn write_file(path: &std::ffi::CStr, bytes: &[u8]) -> io::Result<()> {
    use nix::{
        fcntl::{OFlag, open},
        sys::stat::Mode,
    };

    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::write(&file, bytes)?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn die_with_parent(signal: Signal, parent: u32) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal.raw())?;
    // The parent may have ended before the call above.
    if u32::try_from(nix::unistd::getppid().as_raw()) == Ok(parent) {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::Interrupted))
    }
}

/// Only Linux tells a child of its parent's end; elsewhere the next forge sweeps.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_signal: Signal, _parent: u32) -> io::Result<()> {
    Ok(())
}
