//! The few calls to the operating system that the standard library lacks: signals, user namespaces, free space.
//!
//! All unsafe code but the parser's stands here, one call per function.
#![expect(
    unsafe_code,
    reason = "libc's functions are unsafe to call; each call says why it is sound"
)]

use std::{ffi::CString, io, os::unix::process::CommandExt as _, process::Command};

use camino::Utf8Path;

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
    fn number(self) -> libc::c_int {
        match self {
            Self::Quit => libc::SIGQUIT,
            Self::Interrupt => libc::SIGINT,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// Sends a signal; a process that has ended is left alone.
pub(crate) fn send(process: u32, signal: Signal) {
    let Ok(process) = libc::pid_t::try_from(process) else {
        return;
    };
    // Zero and below address process groups.
    if process > 0 {
        // SAFETY: `kill` takes two integers and touches no memory of ours.
        unsafe { libc::kill(process, signal.number()) };
    }
}

/// Sends a signal to the process group that a process leads.
pub(crate) fn send_to_group(leader: u32, signal: Signal) {
    let Ok(leader) = libc::pid_t::try_from(leader) else {
        return;
    };
    // One would address every process.
    if leader > 1 {
        // SAFETY: `kill` takes two integers and touches no memory of ours.
        unsafe { libc::kill(-leader, signal.number()) };
    }
}

/// The user as which forge runs.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: `geteuid` has no arguments and can't fail.
    unsafe { libc::geteuid() }
}

/// The group as which forge runs.
pub(crate) fn effective_group() -> u32 {
    // SAFETY: `getegid` has no arguments and can't fail.
    unsafe { libc::getegid() }
}

/// How many bytes the file system of `path` has left for us.
pub(crate) fn free_space(path: &Utf8Path) -> Option<u64> {
    let path = CString::new(path.as_str()).ok()?;
    let mut space = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a zero byte and `space` has room for what `statvfs` writes.
    let result = unsafe { libc::statvfs(path.as_ptr(), space.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: `statvfs` succeeded, so it filled the structure.
    let space = unsafe { space.assume_init() };
    #[cfg_attr(
        target_os = "linux",
        expect(clippy::useless_conversion, reason = "32 bits wide on macOS")
    )]
    let blocks = u64::from(space.f_bavail);
    Some(blocks.saturating_mul(space.f_frsize))
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
    // which are async-signal-safe or plain system calls; what it needs was allocated before.
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

    const ON: libc::c_ulong = 1;
    const UNUSED: libc::c_ulong = 0;
    let setup = move || {
        // SAFETY: PR_SET_NO_NEW_PRIVS takes integers.
        if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, ON, UNUSED, UNUSED, UNUSED) } != 0 {
            return Err(io::Error::last_os_error());
        }
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
    // SAFETY: `unshare` takes an integer; the forked child has one thread, as CLONE_NEWUSER asks.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER) } != 0 {
        return Err(io::Error::last_os_error());
    }
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
    // SAFETY: `path` ends with a zero byte.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `bytes` is valid for its length, and `file` is open.
    let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
    let result = if written < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    };
    // SAFETY: `file` is ours and is not used again.
    unsafe { libc::close(file) };
    result
}

#[cfg(target_os = "linux")]
fn die_with_parent(signal: Signal, parent: u32) -> io::Result<()> {
    let number = libc::c_ulong::try_from(signal.number()).expect("signal numbers are positive");
    // SAFETY: PR_SET_PDEATHSIG takes one integer.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, number) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have ended before the call above.
    // SAFETY: `getppid` has no arguments and can't fail.
    let now = unsafe { libc::getppid() };
    if u32::try_from(now) == Ok(parent) {
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
