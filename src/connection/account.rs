//! Who runs forge: the account that stands in for a missing user name, and whose home holds `.pgpass`.

use camino::Utf8PathBuf;
use nix::unistd::{Uid, User};

use crate::environment::Environment;

/// The operating system's account of this process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The account's name, where it has one.
    pub(super) name: Option<String>,
    /// The home folder. `HOME` goes first, as in libpq.
    pub(super) home: Option<Utf8PathBuf>,
}

impl Account {
    /// Finds the account. Containers run under ids that no user database has; `USER` helps there.
    pub(super) fn find(environment: &Environment) -> Self {
        let user = User::from_uid(Uid::effective()).ok().flatten();
        let user =
            user.and_then(|user| Some((user.name, Utf8PathBuf::from_path_buf(user.dir).ok()?)));
        Self::from_parts(user, environment)
    }

    fn from_parts(user: Option<(String, Utf8PathBuf)>, environment: &Environment) -> Self {
        let (name, home) = user.unzip();
        let login = || {
            environment
                .get("USER")
                .or_else(|| environment.get("LOGNAME"))
        };
        Self {
            name: name.or_else(|| login().map(str::to_owned)),
            home: environment.get("HOME").map(Utf8PathBuf::from).or(home),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_homes() {
        fn check(
            known: bool,
            environment: &[(&str, &str)],
            name: Option<&str>,
            home: Option<&str>,
        ) {
            let environment = environment.iter().copied().collect();
            let expected = Account {
                name: name.map(str::to_owned),
                home: home.map(Utf8PathBuf::from),
            };
            let user = known.then(|| ("ann".to_owned(), "/home/ann".into()));
            assert_eq!(Account::from_parts(user, &environment), expected);
        }
        check(true, &[], Some("ann"), Some("/home/ann"));
        check(
            true,
            &[("USER", "bob"), ("HOME", "/srv")],
            Some("ann"),
            Some("/srv"),
        );
        check(false, &[("USER", "bob")], Some("bob"), None);
        check(
            false,
            &[("USER", ""), ("LOGNAME", "eve")],
            Some("eve"),
            None,
        );
        check(false, &[], None, None);
    }
}
