//! The folder of a new project.

use camino::Utf8Path;

use super::new_file::{Meets, NewFile};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::{ProjectFiles, SETTINGS_LIMIT},
    settings::FILE_NAME,
};

/// How many of the files that are in the way a message names.
const NAMED: usize = 5;

/// Refuses a folder that is a project already, or that has more in it than a fresh clone of an empty repository.
///
/// # Errors
/// [`Code::Usage`], with what is in the way.
pub fn refuse_occupied(project: &ProjectFiles) -> Result<()> {
    let folder = project.root();
    let entries = project.entries(folder).map_err(|error| {
        Diagnostic::error(Code::Usage, format!("can't begin a project in `{folder}`"))
            .note(error.message())
    })?;
    let Some((paths, not_utf8)) = entries else {
        return Ok(());
    };
    let names = paths.iter().filter_map(|path| path.file_name());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.extend(not_utf8.iter().map(|path| path.display().to_string()));
    if names.iter().any(|name| name == FILE_NAME) {
        return Err(Diagnostic::error(
            Code::Usage,
            format!("`{folder}` is a forge project already"),
        )
        .note(format!("it has a `{FILE_NAME}`"))
        .help("run `forge plan` there, or name another folder: `forge init DIR`"));
    }
    names.retain(|name| !belongs_to_fresh_clone(name));
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Err(
        Diagnostic::error(Code::Usage, format!("`{folder}` is not empty"))
            .note(format!("it has `{}`{more}", names.join("`, `")))
            .help("name a folder that is empty or doesn't exist yet: `forge init DIR`"),
    )
}

/// What version control and its hosts put into an empty repository.
pub(super) fn belongs_to_fresh_clone(name: &str) -> bool {
    name.starts_with('.')
        || ["README", "LICENSE", "LICENCE", "COPYING"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Writes files below a folder, which comes into being with them. No file is overwritten. Returns those that were written.
///
/// # Errors
/// If one can't be written.
pub fn write<'a>(project: &ProjectFiles, files: &'a [NewFile]) -> Result<Vec<&'a Utf8Path>> {
    let mut written = Vec::new();
    for file in files {
        let path = project.root().join(&file.path);
        match file.meets {
            Meets::Kept if project.resolve(&path)?.is_some() => continue,
            Meets::Nothing | Meets::Kept => project.create(&path, &file.text)?,
            Meets::Extended => extend(project, &path, &file.text)?,
        }
        written.push(file.path.as_path());
    }
    Ok(written)
}

/// Adds the lines unless the last of them, which is what matters, is there in some form.
fn extend(project: &ProjectFiles, path: &Utf8Path, text: &str) -> Result<()> {
    let old = project.text(path, SETTINGS_LIMIT)?.unwrap_or_default();
    let bare = |line: &str| line.trim().trim_matches('/').to_string();
    let wanted = text.lines().last().map(bare);
    if old.lines().map(bare).any(|line| Some(line) == wanted) {
        return Ok(());
    }
    let gap = match old.as_str() {
        "" => "",
        old if old.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    project.write(path, &format!("{old}{gap}{text}"))
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::scaffold::{Start, project};

    fn files_of(root: &Utf8Path) -> ProjectFiles {
        ProjectFiles::new(root, &[])
    }

    fn folder_of(files: &[&str]) -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for file in files {
            fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
            fs::write(path.join(file), "mine\n").unwrap();
        }
        (folder, path)
    }

    #[test]
    fn occupied_folders() {
        fn check(files: &[&str], in_the_way: Option<&str>) {
            let (_folder, path) = folder_of(files);
            let note = refuse_occupied(&files_of(&path))
                .err()
                .map(|error| error.notes()[0].clone());
            assert_eq!(note.as_deref(), in_the_way);
        }
        check(&[], None);
        check(
            &[".git/config", ".gitignore", "README.md", "LICENSE-MIT"],
            None,
        );
        check(&["forge.toml", "a"], Some("it has a `forge.toml`"));
        check(&["b", "a"], Some("it has `a`, `b`"));
        check(
            &["1", "2", "3", "4", "5", "6", "7"],
            Some("it has `1`, `2`, `3`, `4`, `5` and 2 more"),
        );
    }

    #[test]
    fn a_folder_that_does_not_exist_is_free() {
        let (_folder, path) = folder_of(&[]);
        refuse_occupied(&files_of(&path.join("a/b"))).unwrap();
        write(&files_of(&path.join("a/b")), &project(Start::Example)).unwrap();
        assert!(path.join("a/b/plans").is_dir());
    }

    #[test]
    fn what_is_there_stays() {
        let (_folder, path) = folder_of(&[".gitignore", "README.md"]);
        write(&files_of(&path), &project(Start::Example)).unwrap();
        assert_eq!(
            fs::read_to_string(path.join("README.md")).unwrap(),
            "mine\n"
        );
        let ignored = fs::read_to_string(path.join(".gitignore")).unwrap();
        assert_eq!(
            ignored,
            format!("mine\n\n{}", include_str!("templates/gitignore"))
        );
        extend(
            &files_of(&path),
            &path.join(".gitignore"),
            "# again\n.forge\n",
        )
        .unwrap();
        assert_eq!(
            fs::read_to_string(path.join(".gitignore")).unwrap(),
            ignored
        );
    }
}
