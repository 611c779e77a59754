//! The connection service file, `pg_service.conf`.
//!
//! (PostgreSQL docs: 34.17 The Connection Service File.)

use camino::{Utf8Path, Utf8PathBuf};

use super::parameters::{Origin, Parameters};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    shown,
};

/// The parameters of a service: the first file that has it decides.
pub(super) fn find(service: &str, files: &[Utf8PathBuf]) -> Result<Parameters> {
    for path in files {
        if path.exists()
            && let Some(parameters) = section(&read(path)?, path, service)?
        {
            return Ok(parameters);
        }
    }
    let service = shown::name(service);
    let files: Vec<String> = files
        .iter()
        .map(|path| format!("`{}`", shown::path(path.as_str())))
        .collect();
    Err(Diagnostic::error(
        Code::Configuration,
        format!("there is no connection service `{service}`"),
    )
    .note(format!("looked in {}", files.join(", ")))
    .help(format!(
        "add a section `[{service}]` to one of them, or set `PGSERVICEFILE`"
    )))
}

fn read(path: &Utf8Path) -> Result<String> {
    Ok(fs_err::read_to_string(path).map_err(|error| shown::file_error(path, error))?)
}

/// One section of a file. Lines are not shown in errors: they may hold a password.
fn section(text: &str, path: &Utf8Path, service: &str) -> Result<Option<Parameters>> {
    let mut found: Option<Parameters> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if name.strip_suffix(']') == Some(service) {
                found = Some(Parameters::default());
            }
            continue;
        }
        let Some(parameters) = &mut found else {
            continue;
        };
        let place = format!("{}:{}", shown::path(path.as_str()), index + 1);
        let service = shown::name(service);
        let wrong = |message: String| {
            Diagnostic::error(Code::Configuration, message)
                .note(format!("the service file is wrong at `{place}`"))
        };
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong(format!("a line of the service `{service}` has no `=`")))?;
        if matches!(name, "service" | "servicefile") {
            return Err(wrong(format!(
                "the service `{service}` names another service with `{name}`"
            )));
        }
        parameters.set(name, value.to_owned(), Origin::Service(place.clone()))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{super::parameters::Keyword, *};

    const FILE: &str = "# services\nhost=nobody\n[shop]\nhost=db\nport=5433\n\n[audit]\nhost=audit\npassword=hunter2\nhunter2\n[odd]\nservice=shop\n[typo]\nhots=db\n";

    #[test]
    fn sections() {
        let path = Utf8Path::new("pg_service.conf");
        let shop = section(FILE, path, "shop").unwrap().unwrap();
        assert_eq!(shop.text(Keyword::Host), Some("db"));
        assert_eq!(shop.text(Keyword::Port), Some("5433"));
        assert!(section(FILE, path, "none").unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        fn check(service: &str, message: &str, place: &str) {
            let Err(error) = section(FILE, Utf8Path::new("pg_service.conf"), service) else {
                panic!("{service} is accepted");
            };
            assert_eq!(error.message(), message);
            assert!(error.notes()[0].contains(place), "{error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        check(
            "audit",
            "a line of the service `audit` has no `=`",
            "pg_service.conf:10",
        );
        check(
            "odd",
            "the service `odd` names another service with `service`",
            "pg_service.conf:12",
        );
        check(
            "typo",
            "unknown connection parameter `hots`",
            "pg_service.conf:14",
        );
    }
}
