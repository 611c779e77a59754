//! What forge has found out before and needn't find out again: that a tree and a database agree.
//!
//! A conclusion is kept under a hash of all that it depends on: the tree's content, the state of the database's catalogs,
//! what is managed, and forge itself. Nothing else is kept, so there is nothing that could be out of date.

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use crate::{catalog::Scope, diagnostic::Result, source::Tree};

/// As many are kept; the oldest go.
const KEPT: usize = 256;

/// One conclusion's place in the cache.
pub struct Agreement {
    folder: Utf8PathBuf,
    name: String,
}

impl Agreement {
    /// The place of the conclusion that `tree` and the database in `state` agree.
    ///
    /// `program` is forge's own file: another build may know more.
    pub fn new(
        cache: &Utf8Path,
        program: &Utf8Path,
        tree: &Tree,
        state: &str,
        scope: &Scope,
    ) -> Result<Self> {
        let build = fs_err::metadata(program)?;
        let mut hash = Sha256::new();
        hash.update(tree.digest());
        hash.update(format!("{state}\0{scope:?}\0{}", build.len()));
        hash.update(format!("{:?}", build.modified().ok()));
        Ok(Self {
            folder: cache.join("agreements"),
            name: hex::encode(hash.finalize()),
        })
    }

    /// How many objects agreed, if that is known.
    pub fn known(&self) -> Option<usize> {
        fs_err::read_to_string(self.folder.join(&self.name))
            .ok()?
            .parse()
            .ok()
    }

    /// Keeps that so many objects agree.
    pub fn keep(&self, objects: usize) -> Result<()> {
        fs_err::create_dir_all(&self.folder)?;
        let mut kept: Vec<_> = fs_err::read_dir(&self.folder)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .collect();
        if kept.len() >= KEPT {
            kept.sort();
            for (_, path) in kept.iter().take(kept.len() - KEPT / 2) {
                fs_err::remove_file(path)?;
            }
        }
        Ok(fs_err::write(
            self.folder.join(&self.name),
            objects.to_string(),
        )?)
    }
}
