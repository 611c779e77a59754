//! New projects: the files that `forge init` writes.

mod adoption;
mod begun;
mod companions;
mod folder;
mod in_place;
mod names;
mod new_file;
pub mod tree;

use std::fmt::Write as _;

pub use self::{
    adoption::{Adoption, ByHand, Edit, Stands},
    begun::{Begun, take_back},
    companions::{Companion, Layout},
    folder::{refuse_occupied, write},
    new_file::{Meets, NewFile, PLANS, SCHEMA},
};
use crate::{catalog::Catalog, kinds::Glob};

/// What a project begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A schema tree of one example, for a private database of the project's own.
    Example,
    /// The schema of a database.
    Database {
        /// Its files, below the project's folder.
        files: Vec<NewFile>,
        /// What the project leaves alone.
        unmanaged: Vec<Unmanaged>,
    },
}

/// What a project leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// Its names.
    pub globs: Vec<Glob>,
    /// Why: a sentence, in one line.
    pub why: String,
}

impl Unmanaged {
    /// The schemas that every new database has and this one doesn't: no statement of a schema tree says that.
    pub fn absent(catalog: &Catalog) -> Option<Self> {
        let globs = tree::absent(catalog);
        (!globs.is_empty()).then(|| Self {
            globs,
            why: "Every new PostgreSQL database has this schema; the one that this project began with doesn't."
                .to_owned(),
        })
    }
}

/// The files of a new project.
pub fn project(start: Start) -> Vec<NewFile> {
    let mut settings = include_str!("templates/forge.toml").to_string();
    let tree = match start {
        Start::Example => {
            settings.push_str(include_str!("templates/embedded.toml"));
            vec![NewFile::new(
                format!("{SCHEMA}/notes.sql"),
                include_str!("templates/example.sql"),
            )]
        }
        Start::Database { files, unmanaged } => {
            if !unmanaged.is_empty() {
                settings.push_str("\n# What forge leaves alone.\n[managed]\nexclude = [\n");
                for Unmanaged { globs, why } in unmanaged {
                    writeln!(settings, "    # {why}").expect("writing to a String can't fail");
                    for glob in globs {
                        let glob = toml_edit::Value::from(glob.to_string());
                        writeln!(settings, "    {glob},").expect("writing to a String can't fail");
                    }
                }
                settings.push_str("]\n");
            }
            if files.is_empty() {
                vec![NewFile::new(format!("{SCHEMA}/.gitkeep"), "")]
            } else {
                files
            }
        }
    };
    settings.push_str(include_str!("templates/environments.toml"));
    let mut files = vec![
        NewFile::new(crate::settings::FILE_NAME, settings),
        NewFile::new("README.md", include_str!("templates/README.md")).meeting(Meets::Kept),
        NewFile::new(".gitignore", include_str!("templates/gitignore")).meeting(Meets::Extended),
        // Version control keeps no empty folder.
        NewFile::new(format!("{PLANS}/.gitkeep"), ""),
    ];
    files.extend(tree);
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{GlobalFlags, Settings};

    /// Writes a project and resolves its settings.
    fn settings(start: Start) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(folder.path()).unwrap();
        write(&crate::files::ProjectFiles::new(root, &[]), &project(start)).unwrap();
        Settings::resolve(
            &GlobalFlags::default(),
            &crate::environment::Environment::default(),
            root,
        )
        .unwrap()
    }

    #[test]
    fn the_example_has_a_database_of_its_own() {
        let settings = settings(Start::Example);
        assert_eq!(
            settings.target().unwrap().value,
            crate::settings::Target::Embedded
        );
    }

    #[test]
    fn what_is_left_alone() {
        let unmanaged = ["public", r#"app."Odd.""Name""#].map(|glob| Unmanaged {
            globs: vec![glob.parse().unwrap()],
            why: "It isn't ours.".to_owned(),
        });
        let globs: Vec<Glob> = unmanaged.iter().flat_map(|it| it.globs.clone()).collect();
        let settings = settings(Start::Database {
            files: Vec::new(),
            unmanaged: unmanaged.to_vec(),
        });
        assert_eq!(settings.managed.value.exclude, globs);
        assert_eq!(settings.environment, None);
    }
}
