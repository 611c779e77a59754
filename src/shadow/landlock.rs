//! How the operating system confines a private server: Landlock, which Linux has since 5.13 (landlock(7)).
//!
//! PostgreSQL's own rules keep an ordinary role inside its database. This is the second wall, which holds for a superuser
//! too: the processes reach the cluster's folder and what PostgreSQL is made of, and run no program but their own. What else
//! they are kept from depends on the version ([`Landlock::description`]): TCP from 4 on, signals and sockets without a file
//! from 6 on. Sockets in the file system stay open to them.

use std::process::Command;

use super::reach::Reach;
use crate::diagnostic::{Code, Diagnostic, Result};

/// The oldest version that is used: the first one refuses to rename a file into another folder, as PostgreSQL does.
#[cfg(target_os = "linux")]
const OLDEST: u32 = 2;

/// Whether and how the kernel confines private servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landlock(Result<u32, String>);

impl Landlock {
    /// Asks the kernel.
    pub fn of_kernel() -> Self {
        Self(probe())
    }

    /// A system without Landlock, and why it has none.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self(Err(reason.into()))
    }

    /// The same kernel, if it were no newer than this ABI.
    #[must_use]
    pub fn at_most(self, abi: u32) -> Self {
        Self(self.0.map(|own| own.min(abi)))
    }

    /// Whether private servers are confined.
    pub fn is_there(&self) -> bool {
        self.0.is_ok()
    }

    /// What private servers are kept from, for the user.
    pub fn description(&self) -> String {
        match &self.0 {
            Ok(abi) => {
                let what = match abi {
                    ..4 => "files",
                    4..6 => "files and TCP",
                    6.. => "files, TCP, signals and abstract sockets",
                };
                format!("confined by Landlock ABI {abi}: {what}")
            }
            Err(reason) => format!("not confined: {reason}"),
        }
    }

    /// Confines the child of `command`, where there is Landlock; call it after the command's user is set.
    pub(crate) fn confine(&self, command: &mut Command, reach: &Reach) -> Result<()> {
        let Ok(abi) = self.0 else {
            return Ok(());
        };
        restrict(command, reach, abi).map_err(|reason| {
            Diagnostic::error(Code::NoShadow, "a private server cannot be confined").note(reason)
        })
    }
}

#[cfg(not(target_os = "linux"))]
fn probe() -> Result<u32, String> {
    Err(format!("{} has no Landlock", std::env::consts::OS))
}

#[cfg(not(target_os = "linux"))]
fn restrict(_command: &mut Command, _reach: &Reach, _abi: u32) -> Result<(), String> {
    Err("this system has no Landlock".to_owned())
}

#[cfg(target_os = "linux")]
fn probe() -> Result<u32, String> {
    match crate::system::landlock_abi() {
        Ok(abi) if abi >= OLDEST => Ok(abi),
        Ok(abi) => Err(format!(
            "the kernel has Landlock ABI {abi}, and forge needs {OLDEST} (Linux 5.19)"
        )),
        Err(error) => Err(format!(
            "the kernel or the container offers no Landlock ({error})"
        )),
    }
}

#[cfg(target_os = "linux")]
fn restrict(command: &mut Command, reach: &Reach, abi: u32) -> Result<(), String> {
    let ruleset = ruleset(reach, abi).map_err(|error| error.to_string())?;
    // The crate has no file where the kernel has no Landlock, and that was asked before.
    let file: Option<std::os::fd::OwnedFd> = ruleset.into();
    crate::system::restrict(command, file.ok_or("the kernel made no Landlock ruleset")?);
    Ok(())
}

/// The newest version that the rules were tried with.
#[cfg(target_os = "linux")]
const NEWEST: u32 = 7;

/// The rules, of what the kernel's ABI knows.
#[cfg(target_os = "linux")]
fn ruleset(reach: &Reach, abi: u32) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, Scope};

    let abi = ABI::from(abi.min(NEWEST).cast_signed());
    let everything = AccessFs::from_all(abi);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = everything & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock);
    let (network, scope) = (AccessNet::from_all(abi), Scope::from_all(abi));
    let mut rules = Ruleset::default().handle_access(everything)?;
    // The crate refuses to handle nothing.
    if !network.is_empty() {
        rules = rules.handle_access(network)?;
    }
    if !scope.is_empty() {
        rules = rules.scope(scope)?;
    }
    let mut ruleset = rules.create()?;
    for (paths, access) in [
        (&reach.read, read),
        (&reach.write, write),
        (&reach.run, AccessFs::Execute | AccessFs::ReadFile),
        (&reach.devices, AccessFs::ReadFile | AccessFs::WriteFile),
    ] {
        for path in paths {
            ruleset = allow(ruleset, path, access, abi)?;
        }
    }
    Ok(ruleset)
}

/// Allows the access to a file, or to a folder and all below it. What is not there is left out.
#[cfg(target_os = "linux")]
fn allow(
    ruleset: landlock::RulesetCreated,
    path: &camino::Utf8Path,
    access: landlock::BitFlags<landlock::AccessFs>,
    abi: landlock::ABI,
) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr as _};

    let (Ok(metadata), Ok(file)) = (fs_err::metadata(path), PathFd::new(path)) else {
        return Ok(ruleset);
    };
    let access = if metadata.is_dir() {
        access
    } else {
        access & AccessFs::from_file(abi)
    };
    ruleset.add_rule(PathBeneath::new(file, access))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::process::Stdio;

    use super::*;
    #[cfg(target_os = "linux")]
    use crate::environment::Environment;

    #[test]
    fn what_the_user_reads() {
        fn check(landlock: &Landlock, expected: &str) {
            assert_eq!(landlock.description(), expected);
        }
        check(&Landlock(Ok(2)), "confined by Landlock ABI 2: files");
        check(
            &Landlock(Ok(5)),
            "confined by Landlock ABI 5: files and TCP",
        );
        check(
            &Landlock(Ok(7)),
            "confined by Landlock ABI 7: files, TCP, signals and abstract sockets",
        );
        check(&Landlock::missing("no kernel"), "not confined: no kernel");
    }

    /// PostgreSQL itself signals only its own processes, so a shell does it here.
    #[test]
    #[cfg(target_os = "linux")]
    fn nobody_outside_is_signalled() {
        let reach = Reach::of_program("/bin/sh".into(), &Environment::default());
        let mut outside = Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let signalled = |landlock: &Landlock| {
            let mut shell = Command::new("/bin/sh");
            shell
                .args(["-c", &format!("kill -0 {}", outside.id())])
                .stderr(Stdio::null());
            landlock
                .confine(&mut shell, &reach)
                .expect("it can be confined");
            shell.status().expect("the shell runs").success()
        };
        assert!(signalled(&Landlock::missing("a test")));
        let kernel = Landlock::of_kernel();
        if kernel.is_there() {
            assert!(signalled(&kernel.clone().at_most(5)));
            let knows_signals = kernel.0.as_ref().is_ok_and(|abi| *abi >= 6);
            assert_eq!(signalled(&kernel), !knows_signals);
        }
        outside.kill().expect("it sleeps");
        outside.wait().expect("it was killed");
    }
}
