//! Finds the server programs that a machine has.

use std::{
    collections::BTreeSet,
    fmt, io,
    os::unix::fs::MetadataExt as _,
    process::{Command, Output, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use super::{account::Account, packages, reach::Reach, settings::ShadowSettings};
use crate::{environment::Environment, shown, system::Signal};

/// A PostgreSQL version, as `postgres --version` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// 15 of 15.18.
    pub(crate) major: u32,
    text: String,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 18beta1`, `… 17devel`.
    pub(crate) fn parse(output: &str) -> Option<Self> {
        let text = output
            .split_once("(PostgreSQL) ")?
            .1
            .split_whitespace()
            .next()?;
        let digits = text.find(|c: char| !c.is_ascii_digit());
        let major = text[..digits.unwrap_or(text.len())].parse().ok()?;
        Some(Self {
            major,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A folder with `postgres` and `initdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The folder, without symbolic links, since PostgreSQL finds its library and share folders from there.
    pub(crate) bin: Utf8PathBuf,
    /// Their version.
    pub(crate) version: Version,
    /// Changes when the programs do.
    pub(crate) stamp: String,
}

impl Binaries {
    /// The programs in `bin`, or why there are none.
    ///
    /// What `postgres --version` says is kept in the cache, since loading the server takes 10 ms.
    pub(crate) fn at(bin: &Utf8Path, settings: &ShadowSettings) -> Result<Self, String> {
        let found = |name: &str| {
            bin.join(name).canonicalize_utf8().map_err(|error| {
                let bin = shown::path(bin.as_str());
                if error.kind() == io::ErrorKind::NotFound {
                    format!("`{bin}` has no `{name}`")
                } else {
                    format!("`{bin}/{name}` can't be used: {error}")
                }
            })
        };
        let postgres = found("postgres")?;
        found("initdb")?;
        let bin = postgres
            .parent()
            .expect("a file lies in a folder")
            .to_owned();
        let stamp = stamp(&postgres).map_err(|error| error.to_string())?;
        let known = settings.cache.join("version").join(&stamp);
        let output = match fs_err::read_to_string(&known) {
            Ok(output) => output,
            Err(_) => match ask_version(&postgres, &known, settings) {
                Ok(output) => output,
                Err(Silence::Failed(reason)) => return Err(reason),
                // Root's cache may be closed to all who can run programs; what forge fetched there it knows.
                Err(Silence::Unreachable(reason)) => {
                    packages::described(&bin, settings).ok_or(reason)?
                }
            },
        };
        let version = Version::parse(&output)
            .ok_or_else(|| format!("`{postgres}` says `{}`, which is no version", output.trim()))?;
        Ok(Self {
            bin,
            version,
            stamp,
        })
    }

    /// The server program.
    pub(crate) fn postgres(&self) -> Utf8PathBuf {
        self.bin.join("postgres")
    }

    /// The program that makes clusters.
    pub(crate) fn initdb(&self) -> Utf8PathBuf {
        self.bin.join("initdb")
    }
}

/// Every set of programs on this machine, the ones that the user chose first.
pub(crate) fn installed(settings: &ShadowSettings) -> Vec<Binaries> {
    let mut found = usable(folders(&settings.environment, &settings.cache), settings);
    if found.is_empty() {
        // Running it takes as long as half a start of a server, so it's asked last.
        found = usable(by_pg_config(&settings.environment), settings);
    }
    found
}

fn usable(
    folders: impl IntoIterator<Item = Utf8PathBuf>,
    settings: &ShadowSettings,
) -> Vec<Binaries> {
    let mut seen = BTreeSet::new();
    folders
        .into_iter()
        .filter_map(|folder| Binaries::at(&folder, settings).ok())
        .filter(|binaries| seen.insert(binaries.bin.clone()))
        .collect()
}

fn folders(environment: &Environment, cache: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut folders: Vec<Utf8PathBuf> = environment
        .get("PGBIN")
        .map(Utf8PathBuf::from)
        .into_iter()
        .collect();
    let path = environment.get("PATH").unwrap_or_default();
    // An empty part of PATH is the current folder, which is no place to take programs from.
    folders.extend(
        path.split(':')
            .filter(|part| part.starts_with('/'))
            .map(Utf8PathBuf::from),
    );
    // Debian and its kin, Red Hat and its kin, Homebrew on both processors, Postgres.app, and the source's default.
    for (parent, prefix, rest) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ("/usr/local", "pgsql", "bin"),
    ] {
        folders.extend(children(parent.into(), prefix, rest));
    }
    // The names begin with the platform; a cache may be shared by several.
    folders.extend(children(
        &cache.join("pg"),
        packages::platform().unwrap_or("none"),
        "native/bin",
    ));
    folders
}

/// `parent/<prefix>*/rest`, the newest first.
fn children(parent: &Utf8Path, prefix: &str, rest: &str) -> Vec<Utf8PathBuf> {
    let mut names: Vec<String> = parent
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort_by(|a, b| b.cmp(a));
    names
        .iter()
        .map(|name| parent.join(name).join(rest))
        .collect()
}

/// Where the `pg_config` on PATH says that the programs are.
fn by_pg_config(environment: &Environment) -> Option<Utf8PathBuf> {
    let program = environment
        .get("PATH")
        .unwrap_or_default()
        .split(':')
        .filter(|part| part.starts_with('/'))
        .map(|part| Utf8Path::new(part).join("pg_config"))
        .find(|program| program.is_file())?;
    let output = as_ordinary_user(&program, environment, |command| {
        command.arg("--bindir");
        Ok(())
    });
    let folder = String::from_utf8(output.ok()?.stdout).ok()?;
    (!folder.trim().is_empty()).then(|| folder.trim().into())
}

/// Why a program tells nothing.
enum Silence {
    /// No account that forge can take reaches it.
    Unreachable(String),
    /// It was tried.
    Failed(String),
}

/// Runs a program to its end without root's privileges, by the first account that reaches it.
fn as_ordinary_user(
    program: &Utf8Path,
    environment: &Environment,
    set_up: impl Fn(&mut Command) -> Result<(), String>,
) -> Result<Output, Silence> {
    let mut refused = format!("`{program}` can't be run");
    for account in Account::candidates(environment) {
        let mut command = account.command(program, Signal::Kill, environment);
        set_up(&mut command).map_err(Silence::Failed)?;
        match command.stderr(Stdio::piped()).output() {
            Ok(output) => return Ok(output),
            // The file is there, so it's the loader that is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Silence::Failed(format!(
                    "`{program}` is built for another system (it may need glibc)"
                )));
            }
            Err(error) => {
                refused = format!("`{program}` can't be run as {}: {error}", account.name());
            }
        }
    }
    Err(Silence::Unreachable(refused))
}

fn stamp(postgres: &Utf8Path) -> io::Result<String> {
    let metadata = fs_err::metadata(postgres)?;
    let text = format!(
        "{postgres}\0{}\0{}\0{}",
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size()
    );
    Ok(hex::encode(&Sha256::digest(text)[..12]))
}

fn ask_version(
    postgres: &Utf8Path,
    known: &Utf8Path,
    settings: &ShadowSettings,
) -> Result<String, Silence> {
    let environment = &settings.environment;
    let output = as_ordinary_user(postgres, environment, |command| {
        let reach = Reach::of_program(postgres, environment);
        let confined = settings.landlock.confine(command, &reach);
        confined.map_err(|error| error.message().to_owned())?;
        command.arg("--version");
        Ok(())
    })?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Silence::Failed(format!(
            "`{postgres} --version` fails: {}",
            reason.trim().lines().next().unwrap_or("it says nothing")
        )));
    }
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    // A cache that can't be written costs 10 ms next time and nothing else.
    if let Some(folder) = known.parent()
        && fs_err::create_dir_all(folder).is_ok()
        && let Err(error) = fs_err::write(known, &version)
    {
        tracing::debug!(%error, "the version is not kept");
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        fn check(output: &str, expected: Option<(u32, &str)>) {
            let version = Version::parse(output);
            let version = version.as_ref().map(|v| (v.major, v.text.as_str()));
            assert_eq!(version, expected, "{output}");
        }
        check(
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
            Some((15, "15.18")),
        );
        check("postgres (PostgreSQL) 18beta1\n", Some((18, "18beta1")));
        check("postgres (PostgreSQL) 17devel", Some((17, "17devel")));
        check("postgres (PostgreSQL) \n", None);
        check("mysqld Ver 8", None);
    }

    #[test]
    fn missing_programs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let settings = ShadowSettings::new(Environment::default());
        assert_eq!(
            Binaries::at(folder, &settings),
            Err(format!("`{folder}` has no `postgres`"))
        );
    }
}
