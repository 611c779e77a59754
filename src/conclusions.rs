//! What forge has found out before and needn't find out again: that a tree and a database agree, and what a tree declares.
//!
//! A conclusion is kept under a hash of all that it depends on: the tree's content, the server's version and extensions, what
//! is managed, and forge itself. So there is nothing in the cache that could be out of date.

use std::io::{Read as _, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{Catalog, Scope},
    diagnostic::Result,
    source::Tree,
};

/// As many agreements are kept; the oldest go.
const AGREEMENTS: usize = 256;

/// As many catalogs are kept; the oldest go.
const CATALOGS: usize = 16;

/// What every conclusion depends on.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// The folder of the cache.
    pub cache: &'a Utf8Path,
    /// forge's own file: another build may know more.
    pub program: &'a Utf8Path,
    /// The schema tree.
    pub tree: &'a Tree,
    /// What is managed.
    pub scope: &'a Scope,
}

impl Grounds<'_> {
    /// The conclusion's place, which depends on `further`, too.
    fn place(&self, folder: &str, further: &str) -> Result<Place> {
        let build = fs_err::metadata(self.program)?;
        let mut hash = Sha256::new();
        hash.update(self.tree.digest());
        hash.update(format!("{further}\0{:?}\0{}", self.scope, build.len()));
        hash.update(format!("{:?}", build.modified().ok()));
        Ok(Place {
            folder: self.cache.join(folder),
            name: hex::encode(hash.finalize()),
        })
    }
}

/// A file of the cache.
struct Place {
    folder: Utf8PathBuf,
    name: String,
}

impl Place {
    fn read(&self) -> Option<Vec<u8>> {
        fs_err::read(self.folder.join(&self.name)).ok()
    }

    /// Writes the file, and takes the oldest away where there are too many.
    fn write(&self, content: &[u8], most: usize) -> Result<()> {
        fs_err::create_dir_all(&self.folder)?;
        let mut kept: Vec<_> = fs_err::read_dir(&self.folder)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .collect();
        if kept.len() >= most {
            kept.sort();
            for (_, path) in kept.iter().take(kept.len() - most / 2) {
                fs_err::remove_file(path)?;
            }
        }
        let path = self.folder.join(&self.name);
        let beside = path.with_extension(std::process::id().to_string());
        fs_err::write(&beside, content)?;
        Ok(fs_err::rename(&beside, path)?)
    }
}

/// That a tree and a database agree.
pub struct Agreement(Place);

impl Agreement {
    /// The place of the conclusion that the tree and the database in `state` agree.
    pub fn new(grounds: Grounds<'_>, state: &str) -> Result<Self> {
        grounds.place("agreements", state).map(Self)
    }

    /// How many objects agreed, if that is known.
    pub fn known(&self) -> Option<usize> {
        String::from_utf8(self.0.read()?).ok()?.parse().ok()
    }

    /// Keeps that so many objects agree.
    pub fn keep(&self, objects: usize) -> Result<()> {
        self.0.write(objects.to_string().as_bytes(), AGREEMENTS)
    }
}

/// What a tree declares, as a server saw it. It tells whether a database is that; a plan is made from what a server prints
/// now.
pub struct Declared(Place);

impl Declared {
    /// The place of what the tree declares on a server of this version, with these extensions, to a role.
    pub fn new(grounds: Grounds<'_>, live: &Catalog, extensions: &str) -> Result<Self> {
        let further = format!("{} {} {extensions}", live.server_version, live.role);
        grounds.place("declared", &further).map(Self)
    }

    /// The catalog, if it is known.
    pub fn known(&self) -> Option<Catalog> {
        let mut json = Vec::new();
        let compressed = self.0.read()?;
        GzDecoder::new(&compressed[..])
            .read_to_end(&mut json)
            .ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Keeps the catalog.
    pub fn keep(&self, catalog: &Catalog) -> Result<()> {
        let json = serde_json::to_vec(catalog).expect("a catalog is JSON");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&json)?;
        self.0.write(&encoder.finish()?, CATALOGS)
    }
}
