//! As whom a private server runs: PostgreSQL refuses to run as root, and `initdb` wants a user with a name.

use std::{
    io,
    process::{Command, Stdio},
};

use camino::Utf8Path;
use nix::unistd::{Uid, User};

use crate::{
    environment::Environment,
    system::{self, Child, Signal},
};

/// The rights that a private server's processes have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// Forge's own.
    Own,
    /// Another user's, which only root can take.
    User { name: String, uid: u32, gid: u32 },
    /// Forge's own, which a user namespace shows as another user's.
    ///
    /// Files stay forge's, so programs below `/root` can be used. Docker's default profile refuses it.
    Namespace { uid: u32, gid: u32 },
}

/// Whether the files of an account outlive forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    Throwaway,
    Lasting,
}

/// The user as whom packages of PostgreSQL run servers.
const POSTGRES: &str = "postgres";

/// `nobody` where no user database says otherwise.
const NOBODY: u32 = 65534;

impl Account {
    /// The accounts worth trying for what is thrown away, the best first.
    ///
    /// Who connects to a Unix socket is the user of his process, and Landlock does not keep processes from sockets in the
    /// file system. Servers of this machine trust `postgres` as a superuser, and may trust whoever ran sudo; `nobody` is a
    /// stranger to them. (PostgreSQL docs: 20.9 Peer Authentication.)
    pub(crate) fn candidates(environment: &Environment) -> Vec<Self> {
        Self::listed(environment, Lifetime::Throwaway)
    }

    /// The accounts worth trying for a cluster that stays: it belongs to whoever ran sudo, so that he can use it without.
    pub(crate) fn owners(environment: &Environment) -> Vec<Self> {
        Self::listed(environment, Lifetime::Lasting)
    }

    fn listed(environment: &Environment, lifetime: Lifetime) -> Vec<Self> {
        let found = |user: nix::Result<Option<User>>| user.ok().flatten().map(Known::from);
        let sudo = environment.get("SUDO_UID").and_then(|uid| uid.parse().ok());
        let users = Users {
            nobody: found(User::from_name("nobody")),
            by_sudo: sudo.and_then(|uid| found(User::from_uid(Uid::from_raw(uid)))),
            postgres: found(User::from_name(POSTGRES)),
        };
        candidates(system::effective_user(), users, lifetime)
    }

    /// The account that the owner of an existing folder asks for.
    pub(crate) fn of_owner(uid: u32, gid: u32) -> Self {
        let own = system::effective_user();
        if uid != own {
            Self::User {
                name: format!("user {uid}"),
                uid,
                gid,
            }
        } else if own == 0 {
            Self::Namespace {
                uid: NOBODY,
                gid: NOBODY,
            }
        } else {
            Self::Own
        }
    }

    /// A command with these rights and an environment that says nothing about other servers.
    ///
    /// The child gets `when_orphaned` when the spawning thread ends.
    pub(crate) fn command(
        &self,
        program: &Utf8Path,
        when_orphaned: Signal,
        environment: &Environment,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .current_dir("/");
        // Builds outside the system's folders may find their libraries by these alone.
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = environment.get(name) {
                command.env(name, value);
            }
        }
        let namespace = match self {
            Self::Own => None,
            Self::User { uid, gid, .. } => {
                use std::os::unix::process::CommandExt as _;
                command.gid(*gid).uid(*uid);
                None
            }
            Self::Namespace { uid, gid } => Some((*uid, *gid)),
        };
        system::prepare(
            &mut command,
            Child {
                when_orphaned,
                namespace,
            },
        );
        command
    }

    /// Says why this account can't run `program` in `folder`, if it can't.
    pub(crate) fn obstacle(
        &self,
        program: &Utf8Path,
        folder: &Utf8Path,
        environment: &Environment,
    ) -> Option<String> {
        if *self == Self::Own {
            return None;
        }
        let mut command = self.command(Utf8Path::new("/bin/sh"), Signal::Kill, environment);
        command
            .args(["-c", "test -x \"$0\" && test -w \"$1\""])
            .args([program, folder])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.status() {
            Ok(status) if status.success() => None,
            Ok(_) => Some(format!("{} can't reach `{program}`", self.name())),
            Err(error) => Some(format!("running as {} is refused: {error}", self.name())),
        }
    }

    /// Gives a file or folder to this account.
    pub(crate) fn own(&self, path: &Utf8Path) -> io::Result<()> {
        let (uid, gid) = match self {
            Self::Own | Self::Namespace { .. } => {
                (system::effective_user(), system::effective_group())
            }
            Self::User { uid, gid, .. } => (*uid, *gid),
        };
        fs_err::os::unix::fs::lchown(path, Some(uid), Some(gid))
    }

    /// Whether what forge makes belongs to this account as it is.
    pub(crate) fn owns_what_forge_makes(&self) -> bool {
        match self {
            Self::Own | Self::Namespace { .. } => true,
            Self::User { .. } => false,
        }
    }

    /// The account, with what the user should know of it.
    pub(crate) fn description(&self) -> String {
        let name = self.name();
        match self {
            Self::User { name: user, .. } if user == POSTGRES => {
                format!("{name}, whom other servers of this machine may trust as a superuser")
            }
            Self::Own | Self::User { .. } | Self::Namespace { .. } => name,
        }
    }

    /// The account as messages name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Own => "the current user".to_owned(),
            Self::User { name, .. } => format!("`{name}`"),
            Self::Namespace { .. } => "another user by a user namespace".to_owned(),
        }
    }
}

/// A user of this machine.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    uid: u32,
    gid: u32,
}

impl From<User> for Known {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }
    }
}

/// Who could run servers, as far as this machine knows them.
#[derive(Debug, Clone, Default)]
struct Users {
    nobody: Option<Known>,
    /// Who ran sudo.
    by_sudo: Option<Known>,
    postgres: Option<Known>,
}

fn candidates(effective_user: u32, users: Users, lifetime: Lifetime) -> Vec<Account> {
    let Users {
        nobody,
        by_sudo,
        postgres,
    } = users;
    let nobody_is = nobody.as_ref();
    let namespace = Account::Namespace {
        uid: nobody_is.map_or(NOBODY, |user| user.uid),
        gid: nobody_is.map_or(NOBODY, |user| user.gid),
    };
    if effective_user != 0 {
        return vec![Account::Own, namespace];
    }
    let order = match lifetime {
        Lifetime::Throwaway => [nobody, by_sudo, postgres],
        Lifetime::Lasting => [by_sudo, nobody, postgres],
    };
    let mut accounts: Vec<Account> = order
        .into_iter()
        .flatten()
        .filter(|user| user.uid != 0)
        .map(|Known { name, uid, gid }| Account::User { name, uid, gid })
        .collect();
    accounts.push(namespace);
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_accounts() {
        use Lifetime::{Lasting, Throwaway};
        fn known(name: &str, uid: u32, gid: u32) -> Known {
            let name = name.to_owned();
            Known { name, uid, gid }
        }
        fn check(effective_user: u32, users: &Users, lifetime: Lifetime, expected: &[&str]) {
            let names: Vec<String> = candidates(effective_user, users.clone(), lifetime)
                .iter()
                .map(|account| match account {
                    Account::Own => "own".to_owned(),
                    Account::User { name, uid, gid } => format!("{name} {uid} {gid}"),
                    Account::Namespace { uid, gid } => format!("namespace {uid} {gid}"),
                })
                .collect();
            assert_eq!(names, expected);
        }
        let mut users = Users {
            nobody: Some(known("nobody", 99, 98)),
            by_sudo: Some(known("root", 0, 0)),
            postgres: Some(known("postgres", 101, 104)),
        };
        let without_sudo = ["nobody 99 98", "postgres 101 104", "namespace 99 98"];
        for lifetime in [Throwaway, Lasting] {
            check(1000, &users, lifetime, &["own", "namespace 99 98"]);
            check(0, &Users::default(), lifetime, &["namespace 65534 65534"]);
            check(0, &users, lifetime, &without_sudo);
        }
        users.by_sudo = Some(known("ann", 1000, 1001));
        let (nobody, ann) = ("nobody 99 98", "ann 1000 1001");
        let rest = ["postgres 101 104", "namespace 99 98"];
        check(0, &users, Throwaway, &[nobody, ann, rest[0], rest[1]]);
        check(0, &users, Lasting, &[ann, nobody, rest[0], rest[1]]);
    }
}
