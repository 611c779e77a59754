//! An `init` that has begun. It lists what it is going to write, so that after a kill the next one can start over.

use std::{collections::BTreeMap, fmt::Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use super::{
    folder,
    new_file::{Meets, NewFile},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::{ProjectFiles, SETTINGS_LIMIT, SQL_LIMIT},
};

/// The list: a hash and a path in each line. It is gone when `init` ends well.
const LIST: &str = ".forge/init";

/// How many of the files that are in the way a message names.
const NAMED: usize = 5;

/// An `init` that has begun in a folder.
pub struct Begun<'a> {
    project: &'a ProjectFiles,
    list: String,
}

impl<'a> Begun<'a> {
    /// Nothing is written yet.
    pub fn new(project: &'a ProjectFiles) -> Self {
        Self {
            project,
            list: String::new(),
        }
    }

    /// Writes files, as [`super::write`] does, once they are listed.
    pub fn write<'f>(&mut self, files: &'f [NewFile]) -> Result<Vec<&'f Utf8Path>> {
        for file in files {
            let is_new = match file.meets {
                Meets::Nothing => true,
                Meets::Kept => !self.is_there(&file.path)?,
                // It may be the user's own, and is not taken back.
                Meets::Extended => false,
            };
            if is_new {
                self.add(&file.path, &file.text);
            }
        }
        self.save()?;
        folder::write(self.project, files)
    }

    /// Lists files that somebody else is going to write.
    pub fn list(&mut self, files: &[(Utf8PathBuf, String)]) -> Result<()> {
        for (path, text) in files {
            self.add(self.project.shown(path), text);
        }
        self.save()
    }

    /// Everything is written.
    pub fn end(self) -> Result<()> {
        self.project.remove(&self.project.root().join(LIST))?;
        self.project.remove_empty_folders(Utf8Path::new(LIST));
        Ok(())
    }

    fn is_there(&self, path: &Utf8Path) -> Result<bool> {
        let found = self.project.resolve(&self.project.root().join(path))?;
        Ok(found.is_some())
    }

    fn add(&mut self, path: &Utf8Path, text: &str) {
        writeln!(self.list, "{} {path}", hash(text.as_bytes()))
            .expect("writing to a String can't fail");
    }

    fn save(&self) -> Result<()> {
        self.project
            .write(&self.project.root().join(LIST), &self.list)
    }
}

/// Removes what an `init` that was stopped has written, if nothing else was done there since. Returns whether there was one.
///
/// # Errors
/// [`Code::Usage`] with the files that were added or changed.
pub fn take_back(project: &ProjectFiles) -> Result<bool> {
    let list = project.root().join(LIST);
    let Some(text) = project.text(&list, SETTINGS_LIMIT * 64)? else {
        return Ok(false);
    };
    let listed: BTreeMap<&Utf8Path, &str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(hash, path)| (Utf8Path::new(path), hash))
        .filter(|(path, _)| path.components().all(is_plain))
        .collect();
    let mut others = Vec::new();
    added(project, project.root(), &listed, &mut others)?;
    let mut own = Vec::new();
    for (path, expected) in &listed {
        match project.read(&project.root().join(path), SQL_LIMIT)? {
            Some(bytes) if hash(&bytes) == *expected => own.push(*path),
            Some(_) => others.push((*path).to_owned()),
            None => {}
        }
    }
    if !others.is_empty() {
        others.sort();
        others.truncate(NAMED);
        let names: Vec<String> = others.iter().map(|path| format!("`{path}`")).collect();
        return Err(Diagnostic::error(
            Code::Usage,
            format!(
                "`forge init` was stopped in `{}`, and files were added or changed since",
                project.root()
            ),
        )
        .note(names.join(", "))
        .help(format!(
            "move them away to start over, or delete `{LIST}` to keep the project as it is"
        )));
    }
    for path in own {
        project.remove(&project.root().join(path))?;
    }
    for path in listed.keys() {
        project.remove_unfinished(&project.root().join(path))?;
        project.remove_empty_folders(path);
    }
    project.remove(&list)?;
    project.remove_empty_folders(Utf8Path::new(LIST));
    Ok(true)
}

/// The files below a folder that are not listed, hidden ones and those of a fresh clone left out.
fn added(
    project: &ProjectFiles,
    folder: &Utf8Path,
    listed: &BTreeMap<&Utf8Path, &str>,
    others: &mut Vec<Utf8PathBuf>,
) -> Result<()> {
    let (paths, not_utf8) = project.entries(folder)?.unwrap_or_default();
    for path in not_utf8 {
        others.push(path.to_string_lossy().into_owned().into());
    }
    for path in paths {
        let below = project.shown(&path);
        let name = path.file_name().unwrap_or_default();
        if listed.contains_key(below) || name.starts_with('.') {
            continue;
        }
        let is_link = path.is_symlink();
        if !is_link && path.is_dir() {
            added(project, &path, listed, others)?;
        } else if folder != project.root() || !folder::belongs_to_fresh_clone(name) {
            others.push(below.to_owned());
        }
    }
    Ok(())
}

fn is_plain(part: camino::Utf8Component<'_>) -> bool {
    matches!(part, camino::Utf8Component::Normal(_))
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::scaffold::{Start, project as new_project};

    /// All files below a folder, with their texts.
    fn contents(folder: &Utf8Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in next.read_dir_utf8().unwrap() {
                let path = entry.unwrap().into_path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap().to_string();
                    found.insert(name, fs::read_to_string(path).unwrap());
                }
            }
        }
        found
    }

    fn files() -> Vec<NewFile> {
        let mut files = new_project(Start::Example);
        files.push(NewFile::new("plans/1.sql", "-- a plan\n"));
        files
    }

    fn finished(folder: &Utf8Path) -> BTreeMap<String, String> {
        let project = ProjectFiles::new(folder, &[]);
        take_back(&project).unwrap();
        folder::refuse_occupied(&project).unwrap();
        let mut begun = Begun::new(&project);
        begun.write(&files()).unwrap();
        begun.end().unwrap();
        contents(folder)
    }

    #[test]
    fn an_init_that_was_killed_is_repeated() {
        let whole = tempfile::tempdir().unwrap();
        let expected = finished(Utf8Path::from_path(whole.path()).unwrap());
        assert!(!expected.contains_key(LIST));
        for written in 0..=files().len() {
            let folder = tempfile::tempdir().unwrap();
            let folder = Utf8Path::from_path(folder.path()).unwrap();
            let project = ProjectFiles::new(folder, &[]);
            let files = files();
            let mut begun = Begun::new(&project);
            for file in &files {
                begun.add(&file.path, &file.text);
            }
            begun.save().unwrap();
            folder::write(&project, &files[..written]).unwrap();
            // The next one was not complete yet.
            if let Some(next) = files.get(written) {
                let path = folder.join(&next.path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let name = format!(".{}.new", path.file_name().unwrap());
                fs::write(path.with_file_name(name), "half").unwrap();
            }
            assert_eq!(finished(folder), expected, "after {written} files");
        }
    }

    #[test]
    fn nothing_of_the_users_is_removed() {
        let killed = |then: &dyn Fn(&Utf8Path)| {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8Path::from_path(folder.path()).unwrap();
            fs::write(path.join("README.md"), "mine\n").unwrap();
            let project = ProjectFiles::new(path, &[]);
            Begun::new(&project).write(&files()).unwrap();
            then(path);
            let before = contents(path);
            let result = take_back(&project);
            let notes = result.map_err(|error| error.notes()[0].clone());
            (notes, before == contents(path), contents(path))
        };
        let (result, _, left) = killed(&|_| {});
        assert_eq!(result, Ok(true));
        assert_eq!(left["README.md"], "mine\n");
        assert_eq!(left.keys().collect::<Vec<_>>(), [".gitignore", "README.md"]);
        let changed = |path: &Utf8Path| fs::write(path.join("forge.toml"), "# mine").unwrap();
        let (result, same, _) = killed(&changed);
        assert_eq!((result, same), (Err("`forge.toml`".to_owned()), true));
        let added = |path: &Utf8Path| fs::write(path.join("plans/2.sql"), "x").unwrap();
        let (result, same, _) = killed(&added);
        assert_eq!((result, same), (Err("`plans/2.sql`".to_owned()), true));
    }
}
