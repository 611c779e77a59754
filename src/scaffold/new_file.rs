//! A file that is to be written, and where those of a new project lie.

use camino::Utf8PathBuf;

/// Where the schema tree of a new project lies.
pub const SCHEMA: &str = "schema";
/// Where its plans lie.
pub const PLANS: &str = "plans";

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path below the project's folder.
    pub path: Utf8PathBuf,
    /// Its text.
    pub text: String,
    /// What to do if there is one already.
    pub meets: Meets,
}

/// What becomes of a file that is there already: a new project may begin in a fresh clone, which has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// There can't be one: the folder has none.
    Nothing,
    /// It stays as it is.
    Kept,
    /// It gets the new lines that it doesn't have.
    Extended,
}

impl NewFile {
    pub(super) fn new(path: impl Into<Utf8PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            meets: Meets::Nothing,
        }
    }

    pub(super) fn meeting(mut self, meets: Meets) -> Self {
        self.meets = meets;
        self
    }
}
