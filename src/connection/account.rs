//! Who runs forge: the account that stands in for a missing user name, and whose home holds `.pgpass`.

use std::os::unix::fs::MetadataExt as _;

use camino::Utf8PathBuf;

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
    /// Finds the account. Containers run under ids without an entry in the password file; `USER` helps there.
    pub(super) fn find(environment: &Environment) -> Self {
        // The owner of /proc/self is the effective user, for which libpq has a system call.
        let uid = fs_err::metadata("/proc/self").ok().map(|own| own.uid());
        let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
        Self::from_parts(uid, &passwd, environment)
    }

    fn from_parts(uid: Option<u32>, passwd: &str, environment: &Environment) -> Self {
        let (name, home) = uid.and_then(|uid| entry(passwd, uid)).unzip();
        Self {
            name: name
                .or_else(|| environment.get("USER"))
                .or_else(|| environment.get("LOGNAME"))
                .map(str::to_owned),
            home: environment.get("HOME").or(home).map(Utf8PathBuf::from),
        }
    }
}

/// Name and home of a user id in a password file.
fn entry(passwd: &str, uid: u32) -> Option<(&str, &str)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let &[name, _, id, _, _, home, _] = fields.as_slice() else {
            return None;
        };
        (id.parse() == Ok(uid)).then_some((name, home))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_homes() {
        const PASSWD: &str =
            "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        fn check(
            uid: Option<u32>,
            environment: &[(&str, &str)],
            name: Option<&str>,
            home: Option<&str>,
        ) {
            let environment = environment.iter().copied().collect();
            let expected = Account {
                name: name.map(str::to_owned),
                home: home.map(Utf8PathBuf::from),
            };
            assert_eq!(Account::from_parts(uid, PASSWD, &environment), expected);
        }
        check(Some(1000), &[], Some("ann"), Some("/home/ann"));
        check(
            Some(1000),
            &[("USER", "bob"), ("HOME", "/srv")],
            Some("ann"),
            Some("/srv"),
        );
        check(Some(4711), &[("USER", "bob")], Some("bob"), None);
        check(None, &[("USER", ""), ("LOGNAME", "eve")], Some("eve"), None);
        check(Some(4711), &[], None, None);
    }
}
