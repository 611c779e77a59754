//! The project's files: the only code that opens a path which the repository decides.
//!
//! Whoever writes a repository chooses its files, its symbolic links and the paths in `forge.toml`; forge runs with the
//! rights of whoever checks it out. So every such path is resolved first, must lead to a place inside the project, and must
//! be a regular file or a folder: nothing else is ever opened. The project is the git work tree that holds `forge.toml`, or
//! the folder of `forge.toml` where there is no git. Other folders are allowed from outside the repository only.

use std::{
    fs::Metadata,
    io::{self, Read as _, Write as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::{self as fs, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::fcntl::OFlag;

use crate::diagnostic::{Code, Diagnostic, Result};

/// The most bytes that are read of an SQL file. PostgreSQL's parser holds no text of a gigabyte.
pub const SQL_LIMIT: u64 = 512 << 20;
/// The most bytes that are read of any other file, such as `forge.toml`.
pub const SETTINGS_LIMIT: u64 = 1 << 20;

/// The flag that allows further folders, for messages.
const CONSENT: &str = "keep it in the project, or allow the folder from outside the repository: \
     `--allow-path DIR` or the variable `FORGE_ALLOW_PATH`";

/// The files of one project, and how far its paths may lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFiles {
    root: Utf8PathBuf,
    /// The same, resolved.
    real: PathBuf,
    /// The resolved folders that hold everything that may be read and written; the project comes first.
    within: Vec<PathBuf>,
}

impl ProjectFiles {
    /// The files of the project in `root`, which may lie in the `allowed` folders, too.
    pub fn new(root: &Utf8Path, allowed: &[Utf8PathBuf]) -> Self {
        let real = as_far_as_it_exists(root.as_std_path());
        let work_tree = real
            .ancestors()
            .find(|folder| is_present(&folder.join(GIT)))
            .unwrap_or(&real)
            .to_owned();
        let allowed = allowed
            .iter()
            .map(|folder| as_far_as_it_exists(folder.as_std_path()));
        Self {
            root: root.to_owned(),
            within: [work_tree].into_iter().chain(allowed).collect(),
            real,
        }
    }

    /// The project's root, as the user knows it.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A path as messages and plan files write it: relative to the root if it is below.
    pub fn shown<'a>(&self, path: &'a Utf8Path) -> &'a Utf8Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// Reads a regular file; `None` if there is no such file. More than `limit` bytes are an error.
    ///
    /// # Errors
    /// [`Code::Io`] if the path leaves the project, or is a folder, FIFO, socket or device: these are not opened.
    pub fn read(&self, path: &Utf8Path, limit: u64) -> Result<Option<Vec<u8>>> {
        // An editor may replace the file at the wrong moment.
        const ATTEMPTS: usize = 3;
        for _ in 0..ATTEMPTS {
            let Some(real) = self.resolve(path)? else {
                return Ok(None);
            };
            self.expect_regular(path, &fs::metadata(&real)?)?;
            // Should it have become something else meanwhile, no link is followed and no FIFO waited for.
            let file = OpenOptions::new()
                .read(true)
                .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
                .open(&real)?;
            let opened = file.metadata()?;
            self.expect_regular(path, &opened)?;
            // What was opened must be what stands at the place that was judged.
            let same = self.resolve(path)?.is_some_and(|again| again == real)
                && fs::symlink_metadata(&real).is_ok_and(|now| is_same(&now, &opened));
            if same {
                return self.contents(path, file, limit).map(Some);
            }
        }
        Err(Diagnostic::error(
            Code::Io,
            format!("`{}` changed while it was read", self.shown(path)),
        )
        .help("run the command again once nothing else writes the project's files"))
    }

    /// Reads a text as [`Self::read`] does; a byte order mark is part of it.
    ///
    /// # Errors
    /// [`Code::Io`] also if it is not UTF-8.
    pub fn text(&self, path: &Utf8Path, limit: u64) -> Result<Option<String>> {
        let bytes = self.read(path, limit)?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| {
            let shown = self.shown(path);
            Diagnostic::error(Code::Io, format!("`{shown}` is not UTF-8"))
                .help("save the file as UTF-8")
        })
    }

    fn contents(&self, path: &Utf8Path, file: fs::File, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let shown = self.shown(path);
            return Err(
                Diagnostic::error(Code::Io, format!("`{shown}` is too large"))
                    .note(format!("forge reads at most {} MiB of it", limit >> 20))
                    .help("split the file"),
            );
        }
        Ok(bytes)
    }

    /// Whether a path leads to a folder of the project.
    pub fn is_folder(&self, path: &Utf8Path) -> Result<bool> {
        let real = self.resolve(path)?;
        Ok(real.is_some_and(|real| real.is_dir()))
    }

    /// Checks that what a path names may be read as a file; nothing there is fine, too.
    ///
    /// For what another program or library opens by itself.
    pub fn check_file(&self, path: &Utf8Path) -> Result<()> {
        match self.resolve(path)? {
            Some(real) => self.expect_regular(path, &fs::metadata(&real)?),
            None => Ok(()),
        }
    }

    /// Checks that an ignore file of a folder above the project ends when it is read, and one of the project belongs to it.
    pub fn check_ignore_file(&self, path: &Path) -> Result<()> {
        let is_own = self.within.iter().any(|folder| path.starts_with(folder));
        match Utf8Path::from_path(path) {
            Some(path) if is_own => self.check_file(path),
            Some(path) => match fs::metadata(path) {
                Ok(metadata) => self.expect_regular(path, &metadata),
                Err(_) => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Checks that a path leads to a place inside the project; `None` if nothing is there. Returns the resolved path.
    pub fn resolve(&self, path: &Utf8Path) -> Result<Option<PathBuf>> {
        match fs::canonicalize(path) {
            Ok(real) => self.expect_inside(path, &real).map(|()| Some(real)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Err(_) => match fs::read_link(path) {
                Ok(target) => Err(Diagnostic::error(
                    Code::Io,
                    format!("`{}` is a link to nothing", self.shown(path)),
                )
                .note(format!("`{}` does not exist", target.display()))
                .help("remove the link, or create what it leads to")),
                Err(_) => Ok(None),
            },
        }
    }

    /// Whether a resolved folder holds the whole project and more.
    pub fn is_above(&self, folder: &Path) -> bool {
        self.real != folder && self.real.starts_with(folder)
    }

    /// Whether a path, of which nothing need exist yet, leads to a place in the repository.
    pub fn holds(&self, path: &Utf8Path) -> bool {
        as_far_as_it_exists(path.as_std_path()).starts_with(&self.within[0])
    }

    /// Checks that a path, of which nothing need exist yet, leads to a place inside the project.
    pub fn check_place(&self, path: &Utf8Path) -> Result<()> {
        self.expect_inside(path, &as_far_as_it_exists(path.as_std_path()))
    }

    /// The paths in a folder, sorted; `None` if there is no such folder. Names that are not UTF-8 come second.
    pub fn entries(&self, folder: &Utf8Path) -> Result<Option<(Vec<Utf8PathBuf>, Vec<PathBuf>)>> {
        let Some(real) = self.resolve(folder)? else {
            return Ok(None);
        };
        if !fs::metadata(&real)?.is_dir() {
            let shown = self.shown(folder);
            return Err(Diagnostic::error(
                Code::Io,
                format!("`{shown}` is not a folder"),
            ));
        }
        let (mut paths, mut unreadable) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&real)? {
            let name = entry?.file_name();
            match name.to_str() {
                Some(name) => paths.push(folder.join(name)),
                None => unreadable.push(folder.as_std_path().join(name)),
            }
        }
        paths.sort();
        unreadable.sort();
        Ok(Some((paths, unreadable)))
    }

    /// Creates a folder and those above it.
    pub fn create_folder(&self, path: &Utf8Path) -> Result<()> {
        self.folder_for(path).map(drop)
    }

    /// Writes a file in one go: readers see the old text or the new one, never a part. A link is followed inside the
    /// project, and never out of it.
    pub fn write(&self, path: &Utf8Path, text: &str) -> Result<()> {
        let place = self.place(path)?;
        let beside = beside(&place)?;
        let written = put(&beside, text).and_then(|()| {
            if let Ok(old) = fs::metadata(&place) {
                fs::set_permissions(&beside, old.permissions())?;
            }
            Ok(fs::rename(&beside, &place)?)
        });
        if written.is_err() {
            drop(fs::remove_file(&beside));
        }
        written
    }

    /// Writes a file that does not exist yet: it is there with all of its text, or not at all.
    pub fn create(&self, path: &Utf8Path, text: &str) -> Result<()> {
        let name = path.file_name().expect("a file has a name");
        let folder = self.folder_for(path.parent().unwrap_or(&self.root))?;
        let place = folder.join(name);
        let beside = beside(&place)?;
        put(&beside, text)?;
        let linked = match fs::hard_link(&beside, &place) {
            // Not every file system has hard links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !is_present(&place) => {
                return Ok(fs::rename(&beside, &place)?);
            }
            linked => linked,
        };
        fs::remove_file(&beside)?;
        Ok(linked?)
    }

    /// Removes what a killed [`Self::write`] or [`Self::create`] of a file has left beside it.
    pub fn remove_unfinished(&self, path: &Utf8Path) -> Result<()> {
        match self.resolve(path.parent().unwrap_or(&self.root))? {
            Some(folder) => beside(&folder.join(path.file_name().unwrap_or_default())).map(drop),
            None => Ok(()),
        }
    }

    /// Removes the folders above a path, which is given relative to the root, as far as they are empty.
    pub fn remove_empty_folders(&self, below: &Utf8Path) {
        for folder in below.ancestors().skip(1).filter(|it| *it != "") {
            let real = self.resolve(&self.root.join(folder));
            // Whatever is in it keeps it.
            let removed = real.ok().flatten().map(fs::remove_dir);
            if let Some(Err(_)) = removed {
                return;
            }
        }
    }

    /// Removes a file; of a link, the link.
    pub fn remove(&self, path: &Utf8Path) -> Result<()> {
        let name = path.file_name().expect("a file has a name");
        let folder = path.parent().unwrap_or(&self.root);
        match self.resolve(folder)? {
            Some(real) => Ok(fs::remove_file(real.join(name))?),
            None => Ok(fs::remove_file(path)?),
        }
    }

    /// The resolved place of a file that is to be written, whose folder exists then.
    fn place(&self, path: &Utf8Path) -> Result<PathBuf> {
        if let Some(real) = self.resolve(path)? {
            self.expect_regular(path, &fs::metadata(&real)?)?;
            return Ok(real);
        }
        let name = path.file_name().expect("a file has a name");
        let folder = self.folder_for(path.parent().unwrap_or(&self.root))?;
        Ok(folder.join(name))
    }

    /// The resolved folder, which is created if it doesn't exist.
    fn folder_for(&self, folder: &Utf8Path) -> Result<PathBuf> {
        if let Some(real) = self.resolve(folder)? {
            return Ok(real);
        }
        if folder == self.root {
            fs::create_dir_all(&self.real)?;
            return Ok(self.real.clone());
        }
        // The part that exists decides where the rest is created, and no link is in the rest.
        let Some((parent, name)) = folder.parent().zip(folder.file_name()) else {
            let message = format!("there is no `{}`", self.shown(folder));
            return Err(Diagnostic::error(Code::Io, message));
        };
        let place = self.folder_for(parent)?.join(name);
        match fs::create_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
            Ok(()) | Err(_) => Ok(self.resolve(folder)?.unwrap_or(place)),
        }
    }

    fn expect_inside(&self, path: &Utf8Path, real: &Path) -> Result<()> {
        let below = self
            .within
            .iter()
            .find_map(|folder| real.strip_prefix(folder).ok());
        let Some(below) = below else {
            return Err(self.outside(path, real));
        };
        // It holds tokens and hooks, and is nothing that a commit could contain.
        if below.components().any(|part| part.as_os_str() == GIT) {
            return Err(Diagnostic::error(
                Code::Io,
                format!("`{}` leads into the folder of git", self.shown(path)),
            )
            .note(format!("it leads to `{}`", real.display()))
            .help("move it out of there"));
        }
        Ok(())
    }

    fn outside(&self, path: &Utf8Path, real: &Path) -> Diagnostic {
        let shown = self.shown(path);
        let written = match path.strip_prefix(&self.root) {
            Ok(below) => self.real.join(below),
            Err(_) => path.as_std_path().to_owned(),
        };
        let written = without_dots(&written);
        let is_link = self.within.iter().any(|folder| written.starts_with(folder));
        let message = if is_link {
            format!("`{shown}` is a symbolic link, or below one, that leaves the project")
        } else {
            format!("`{shown}` is outside the project")
        };
        let within: Vec<String> = self
            .within
            .iter()
            .map(|folder| format!("`{}`", folder.display()))
            .collect();
        Diagnostic::error(Code::Io, message)
            .note(format!(
                "it leads to `{}`; forge reads and writes the project's files only below {}",
                real.display(),
                within.join(" and ")
            ))
            .help(CONSENT)
    }

    fn expect_regular(&self, path: &Utf8Path, metadata: &Metadata) -> Result<()> {
        match sort_of(metadata) {
            None => Ok(()),
            Some(sort) => Err(Diagnostic::error(
                Code::Io,
                format!("`{}` is a {sort}, not a file", self.shown(path)),
            )
            .help("move it away, or give the name of a file")),
        }
    }
}

const GIT: &str = ".git";

/// What something is that is not a regular file.
pub fn sort_of(metadata: &Metadata) -> Option<&'static str> {
    let sort = metadata.file_type();
    if sort.is_file() {
        None
    } else if sort.is_dir() {
        Some("folder")
    } else if sort.is_fifo() {
        Some("FIFO")
    } else if sort.is_socket() {
        Some("socket")
    } else {
        Some("device")
    }
}

/// Writes a new file, which no link that stands there can lead elsewhere.
fn put(place: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(place)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// A free name beside a file, hidden so that nothing reads it.
fn beside(place: &Path) -> Result<PathBuf> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside = place.with_file_name(format!(".{name}.new"));
    // One that was left by a killed run, or a link that somebody put there.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(beside),
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether something has this name; a link need not lead anywhere.
fn is_present(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// A path with its links resolved as far as it exists.
fn as_far_as_it_exists(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let Ok(real) = fs::canonicalize(existing) {
            let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
            return without_dots(&real.join(rest));
        }
    }
    without_dots(path)
}

/// A path without `.` and `..`, as it is written, whatever links are in it.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
