//! As whom a private server runs: PostgreSQL refuses to run as root, and `initdb` wants a user with a name.

use std::{
    io,
    process::{Command, Stdio},
};

use camino::Utf8Path;

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
        let users = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
        candidates(
            system::effective_user(),
            environment.get("SUDO_UID"),
            &users,
            lifetime,
        )
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

fn candidates(
    effective_user: u32,
    sudo_user: Option<&str>,
    users: &str,
    lifetime: Lifetime,
) -> Vec<Account> {
    let entries = || users.lines().filter_map(entry);
    let nobody = entries().find(|(name, ..)| name == "nobody");
    let (uid, gid) = nobody.map_or((NOBODY, NOBODY), |(_, uid, gid)| (uid, gid));
    let namespace = Account::Namespace { uid, gid };
    if effective_user != 0 {
        return vec![Account::Own, namespace];
    }
    let sudo_user: Option<u32> = sudo_user.and_then(|uid| uid.parse().ok());
    let by_sudo = entries().find(|&(_, uid, _)| Some(uid) == sudo_user);
    let postgres = entries().find(|(name, ..)| name == POSTGRES);
    let nobody = entries().find(|(name, ..)| name == "nobody");
    let order = match lifetime {
        Lifetime::Throwaway => [nobody, by_sudo, postgres],
        Lifetime::Lasting => [by_sudo, nobody, postgres],
    };
    let mut accounts: Vec<Account> = order
        .into_iter()
        .flatten()
        .filter(|&(_, uid, _)| uid != 0)
        .map(|(name, uid, gid)| Account::User { name, uid, gid })
        .collect();
    accounts.push(namespace);
    accounts
}

/// Name, user and group of a line of `/etc/passwd`.
fn entry(line: &str) -> Option<(String, u32, u32)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((name.to_owned(), uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_accounts() {
        const USERS: &str = "root:x:0:0::/root:/bin/sh\nnobody:x:99:98::/:/bin/false\nbroken\nann:x:1000:1001::/home/ann:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        use Lifetime::{Lasting, Throwaway};
        fn check(
            effective_user: u32,
            sudo: Option<&str>,
            users: &str,
            lifetime: Lifetime,
            expected: &[&str],
        ) {
            let names: Vec<String> = candidates(effective_user, sudo, users, lifetime)
                .iter()
                .map(|account| match account {
                    Account::Own => "own".to_owned(),
                    Account::User { name, uid, gid } => format!("{name} {uid} {gid}"),
                    Account::Namespace { uid, gid } => format!("namespace {uid} {gid}"),
                })
                .collect();
            assert_eq!(names, expected);
        }
        for lifetime in [Throwaway, Lasting] {
            check(1000, None, USERS, lifetime, &["own", "namespace 99 98"]);
            check(0, None, "", lifetime, &["namespace 65534 65534"]);
            check(
                0,
                Some("0"),
                USERS,
                lifetime,
                &["nobody 99 98", "postgres 101 104", "namespace 99 98"],
            );
        }
        let sudo = Some("1000");
        check(
            0,
            sudo,
            USERS,
            Throwaway,
            &[
                "nobody 99 98",
                "ann 1000 1001",
                "postgres 101 104",
                "namespace 99 98",
            ],
        );
        check(
            0,
            sudo,
            USERS,
            Lasting,
            &[
                "ann 1000 1001",
                "nobody 99 98",
                "postgres 101 104",
                "namespace 99 98",
            ],
        );
    }
}
