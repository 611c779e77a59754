//! The password file, `.pgpass`.
//!
//! (PostgreSQL docs: 34.16 The Password File.)

use std::os::unix::fs::MetadataExt as _;

use camino::Utf8Path;

use crate::{
    diagnostic::{Code, Diagnostic},
    shown,
};

/// What a line of the file is matched against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// The host's name; a socket in its default folder is `localhost`.
    pub(super) host: &'a str,
    /// The port.
    pub(super) port: u16,
    /// The database.
    pub(super) database: &'a str,
    /// The role.
    pub(super) user: &'a str,
}

/// The text of the password file. A missing one is empty; one that others can read is refused, as libpq does: the
/// error is a warning.
pub(super) fn read(path: &Utf8Path) -> Result<String, Diagnostic> {
    let shown = shown::path(path.as_str());
    let ignored = |reason: String| {
        Diagnostic::warning(
            Code::Configuration,
            format!("the password file `{shown}` is ignored"),
        )
        .note(reason)
    };
    let Ok(metadata) = fs_err::metadata(path) else {
        return Ok(String::new());
    };
    if !metadata.is_file() {
        return Err(ignored("it is not a plain file".to_owned()));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(ignored(format!(
            "others may read it: its mode is {:04o}",
            metadata.mode() & 0o7777
        ))
        .help(format!("chmod 0600 {shown}")));
    }
    fs_err::read_to_string(path)
        .map_err(|error| ignored(shown::file_error(path, error).to_string()))
}

/// The password of the first line that fits the login.
pub(super) fn find(text: &str, login: Login<'_>) -> Option<String> {
    let port = login.port.to_string();
    let wanted = [login.host, &port, login.database, login.user];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut rest = line;
            for value in wanted {
                let (field, behind) = field(rest)?;
                if rest[..rest.len() - behind.len()] != *"*:" && field != value {
                    return None;
                }
                rest = behind;
            }
            // The password ends with the line; a bare colon in it is part of it.
            Some(unescape(rest))
        })
        .filter(|password| !password.is_empty())
}

/// The field before the next bare colon, unescaped, and what follows that colon.
fn field(line: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = line.find(|c| {
        let ends = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((unescape(&line[..end]), &line[end + 1..]))
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut unescaped = String::new();
    while let Some(c) = chars.next() {
        unescaped.push(match c {
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        });
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LOGIN: Login<'_> = Login {
        host: "db",
        port: 5432,
        database: "shop",
        user: "ann",
    };

    #[test]
    fn lines() {
        fn check(text: &str, password: Option<&str>) {
            assert_eq!(find(text, LOGIN).as_deref(), password, "{text}");
        }
        check("", None);
        check("db:5432:shop:ann:secret", Some("secret"));
        check("db:5432:shop:ann:secret\r\n", Some("secret"));
        check("*:*:*:*:any\ndb:5432:shop:ann:late", Some("any"));
        check("db:5432:shop:bob:no\ndb:*:shop:ann:yes", Some("yes"));
        check("#db:5432:shop:ann:no", None);
        check(r"db:5432:shop:ann:a\:b\\c:d", Some(r"a:b\c:d"));
        check("db:5432:shop:ann:", None);
        check("db:5432:shop", None);
        check(r"\*:5432:shop:ann:no", None);
    }

    #[test]
    fn names_with_colons() {
        let login = Login {
            host: "::1",
            ..LOGIN
        };
        assert_eq!(find(r"\:\:1:*:*:*:six", login).as_deref(), Some("six"));
    }

    #[test]
    fn a_file_that_others_can_read_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("pgpass");
        assert_eq!(read(&path).unwrap(), "");
        fs_err::write(&path, "*:*:*:*:secret\n").unwrap();
        let mode = |mode| {
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o600);
        assert_eq!(read(&path).unwrap(), "*:*:*:*:secret\n");
        mode(0o640);
        let warning = read(&path).unwrap_err();
        assert_eq!(warning.notes(), ["others may read it: its mode is 0640"]);
    }
}
