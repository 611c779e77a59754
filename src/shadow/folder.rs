//! Private folders for clusters: where they lie, whose they are, and how leftovers are found.
//!
//! A folder is named with forge's process id and holds a file `owner` that forge keeps locked while it lives. The kernel
//! gives the lock back when forge ends, however it ends, and unlike a process id the lock means the same in every
//! container that sees the folder.

use std::{fs::TryLockError, io, os::unix::fs::MetadataExt as _, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use super::postmaster;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    system,
};

/// What the names of the folders begin with.
const PREFIX: &str = "forge-shadow-";

/// What a socket's path may take (sun_path has 108 bytes on Linux, 104 on macOS) without `/.s.PGSQL.5432`.
pub(crate) const LONGEST_SOCKET_FOLDER: usize = 88;

/// Room that memory must offer before it is preferred to disk: three databases of 3,000 tables each.
const ENOUGH: u64 = 1 << 30;

/// A private folder that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: Utf8PathBuf,
    // It goes before the lock is given back.
    removal: TempDir,
    owner: fs_err::File,
}

impl Folder {
    /// Makes a folder that only forge's user can enter, in memory where there's room.
    pub(crate) fn create(environment: &Environment) -> Result<Self> {
        let base = bases(environment)
            .into_iter()
            .find(Base::usable)
            .map_or_else(|| Utf8PathBuf::from("/tmp"), |base| base.path);
        // A sweeping forge may take the lock of a folder that is just being made; then the next name is tried.
        for _ in 0..8 {
            if let Some(folder) = Self::create_in(&base)? {
                return Ok(folder);
            }
        }
        Err(Diagnostic::error(
            Code::NoShadow,
            format!("no folder for a private server can be made in `{base}`"),
        ))
    }

    fn create_in(base: &Utf8Path) -> Result<Option<Self>> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in(base)
            .map_err(|error| {
                Diagnostic::error(
                    Code::NoShadow,
                    format!("no folder for a private server can be made in `{base}`"),
                )
                .note(error.to_string())
                .help("set TMPDIR to a folder that can be written")
            })?;
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned())
            .expect("the base and the name are UTF-8");
        let owner = fs_err::File::create(path.join("owner"))?;
        match owner.try_lock() {
            Ok(()) => Ok(Some(Self {
                path,
                removal: folder,
                owner,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Removes the folder and says what hindered it.
    pub(crate) fn remove(self) -> Result<()> {
        let Self {
            path,
            removal,
            owner,
        } = self;
        let removed = removal.close();
        drop(owner);
        removed.map_err(|error| {
            Diagnostic::error(Code::Io, format!("`{path}` can't be removed"))
                .note(error.to_string())
        })
    }
}

/// Ends and removes what forges that are gone have left behind.
pub(crate) fn sweep(environment: &Environment) {
    for base in bases(environment) {
        let Ok(entries) = base.path.read_dir_utf8() else {
            continue;
        };
        for entry in entries.flatten() {
            // The lock is held until the folder is gone.
            if entry.file_name().starts_with(PREFIX)
                && let Some(_abandoned) = abandoned(entry.path())
            {
                postmaster::end_leftover(&entry.path().join("data"));
                // What can't be removed now is tried again by the next forge.
                if let Err(error) = fs_err::remove_dir_all(entry.path()) {
                    tracing::debug!(%error, "a leftover stays");
                }
            }
        }
    }
}

/// A folder whose forge is gone. No other forge takes it for abandoned, or for its own, while the lock is held.
struct Abandoned {
    _lock: Option<fs_err::File>,
}

/// Looks whether a folder's forge is gone. A folder of another user is left alone.
fn abandoned(folder: &Utf8Path) -> Option<Abandoned> {
    let metadata = fs_err::symlink_metadata(folder).ok()?;
    if !metadata.is_dir() {
        return None;
    }
    let own = system::effective_user();
    let owner = folder.join("owner");
    match fs_err::symlink_metadata(&owner) {
        // Root's folders belong to the user that the server ran as, the file inside to root.
        Ok(file) if file.is_file() && file.uid() == own => {
            let file = fs_err::File::open(&owner).ok()?;
            let locked = file.try_lock().is_ok();
            locked.then_some(Abandoned { _lock: Some(file) })
        }
        // Either it is just being made, or its forge was killed between two calls.
        Err(error) if error.kind() == io::ErrorKind::NotFound && metadata.uid() == own => {
            let age = metadata.modified().ok()?.elapsed().ok()?;
            (age > Duration::from_mins(1)).then_some(Abandoned { _lock: None })
        }
        Ok(_) | Err(_) => None,
    }
}

struct Base {
    path: Utf8PathBuf,
    needs: u64,
}

impl Base {
    fn usable(&self) -> bool {
        let room = self.needs == 0
            || system::free_space(&self.path).is_some_and(|free| free >= self.needs);
        // 40 bytes is what our own names take at most.
        room && self.path.is_dir() && self.path.as_str().len() + 40 <= LONGEST_SOCKET_FOLDER
    }
}

/// Where folders may lie: memory first, then the folders for temporary files.
fn bases(environment: &Environment) -> Vec<Base> {
    let mut bases = Vec::new();
    let mut add = |path: &str, needs| {
        if !path.is_empty() && bases.iter().all(|base: &Base| base.path != path) {
            bases.push(Base {
                path: path.into(),
                needs,
            });
        }
    };
    if cfg!(target_os = "linux") {
        add("/dev/shm", ENOUGH);
    }
    // The folder of a login session is closed to the users that root's servers run as.
    if system::effective_user() != 0
        && let Some(path) = environment.get("XDG_RUNTIME_DIR")
    {
        add(path, ENOUGH);
    }
    if let Some(path) = environment.get("TMPDIR") {
        add(path.trim_end_matches('/'), 0);
    }
    add("/tmp", 0);
    bases
}
