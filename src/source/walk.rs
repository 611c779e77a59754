//! Reads the schema tree: every `*.sql` file below a folder, in path order.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ignore::{DirEntry, WalkBuilder};
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// The files of a schema tree, read but not parsed.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The files in path order; their paths are relative to the project.
    pub files: Vec<Arc<SourceFile>>,
}

impl Tree {
    /// Reads every `*.sql` file below `root`, or `root` itself if it is a file. Their paths are given relative to `project`.
    ///
    /// `.gitignore` and `.forgeignore` are heeded, hidden files left out, links followed. Every file that can't be read
    /// is named in the error, not only the first.
    pub fn read(root: &Utf8Path, project: &Utf8Path) -> Result<Self> {
        if !root.exists() {
            return Err(Diagnostic::error(Code::Io, format!("there is no `{root}`"))
                .note("the schema tree is read from there")
                .help("create it, or set `schema` in forge.toml to the folder that holds the SQL files"));
        }
        let mut paths = Vec::new();
        let mut problems = Vec::new();
        for entry in WalkBuilder::new(root)
            .follow_links(true)
            // The user's own global ignore file would make the tree depend on the machine.
            .git_global(false)
            .require_git(false)
            .add_custom_ignore_filename(".forgeignore")
            .build()
        {
            match entry.map_err(|error| unwalkable(&error)).and_then(sql_path) {
                Ok(path) => paths.extend(path),
                Err(problem) => problems.push(problem),
            }
        }
        paths.sort();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            match read(&path, project) {
                Ok(file) => files.push(Arc::new(file)),
                Err(problem) => problems.push(problem),
            }
        }
        match Diagnostic::all(problems) {
            Some(problem) => Err(problem),
            None => Ok(Self { files }),
        }
    }

    /// A hash of the files' names and texts. It needs no parsing, so it is the key under which what follows from the
    /// tree is cached.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for file in &self.files {
            for part in [file.path.as_str(), &file.text] {
                // The length keeps a name's end apart from a text's start.
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize().into()
    }
}

/// The path of an SQL file, nothing for any other entry.
fn sql_path(entry: DirEntry) -> Result<Option<Utf8PathBuf>> {
    let is_sql = entry
        .path()
        .extension()
        .is_some_and(|extension| extension == "sql");
    if !is_sql
        || !entry
            .file_type()
            .is_some_and(|file_type| file_type.is_file())
    {
        return Ok(None);
    }
    Utf8PathBuf::from_path_buf(entry.into_path())
        .map(Some)
        .map_err(|path| {
            Diagnostic::error(
                Code::Io,
                format!("the name of `{}` is not UTF-8", path.display()),
            )
            .note("plans name the files they come from, so the names must be text everywhere")
            .help("rename the file")
        })
}

fn unwalkable(error: &ignore::Error) -> Diagnostic {
    match error {
        ignore::Error::Loop { ancestor, child } => Diagnostic::error(
            Code::Io,
            format!(
                "`{}` is a link to `{}`, which holds it",
                child.display(),
                ancestor.display()
            ),
        )
        .note("following it would never end")
        .help("remove the link, or list it in .forgeignore"),
        ignore::Error::WithDepth { err, .. } => unwalkable(err),
        ignore::Error::WithPath { path, err } if err.io_error().is_some() => Diagnostic::error(
            Code::Io,
            format!("can't read `{}`: {}", path.display(), reason(err)),
        )
        .help("mend its permissions or its target, or list it in .forgeignore"),
        ignore::Error::Partial(_)
        | ignore::Error::WithLineNumber { .. }
        | ignore::Error::WithPath { .. }
        | ignore::Error::Io(_)
        | ignore::Error::Glob { .. }
        | ignore::Error::UnrecognizedFileType(_)
        | ignore::Error::InvalidDefinition => {
            Diagnostic::error(Code::Io, format!("can't walk the schema tree: {error}"))
        }
    }
}

/// An I/O error's text without the number that the operating system gives it.
fn reason(error: &ignore::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(": ")
        .map_or(text.as_str(), |(_, reason)| reason);
    text.split(" (os error")
        .next()
        .unwrap_or(text)
        .to_lowercase()
}

fn read(path: &Utf8Path, project: &Utf8Path) -> Result<SourceFile> {
    let bytes = fs_err::read(path).map_err(|error| {
        Diagnostic::from(error).help("make the file readable, or list it in .forgeignore")
    })?;
    let shown = path.strip_prefix(project).unwrap_or(path).to_owned();
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let line = before.matches('\n').count() + 1;
        Diagnostic::error(
            Code::Io,
            format!(
                "`{shown}` is not UTF-8: byte {} on line {line} begins no character",
                valid + 1
            ),
        )
        .note(format!("the byte is 0x{:02x}", error.as_bytes()[valid]))
        .help("save the file as UTF-8")
    })?;
    if let Some(at) = text.find('\0') {
        return Err(Diagnostic::error(
            Code::Io,
            format!("`{shown}` holds a NUL at byte {}", at + 1),
        )
        .note("PostgreSQL's text can't hold one; UTF-16 files are full of them")
        .help("save the file as UTF-8"));
    }
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok(SourceFile { path: shown, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes files into a fresh folder and reads it as a tree.
    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Result<Tree>) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        for (path, bytes) in files {
            let path = root.join("schema").join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
        let tree = Tree::read(&root.join("schema"), root);
        (folder, tree)
    }

    #[test]
    fn files_come_in_path_order_and_ignored_ones_do_not() {
        let (_folder, tree) = tree(&[
            ("b.sql", b"b"),
            ("a/z.sql", b"\xef\xbb\xbfz"),
            ("a.sql", b"a"),
            ("notes.md", b""),
            (".hidden.sql", b""),
            ("old/x.sql", b""),
            ("draft.sql", b""),
            (".gitignore", b"old/\n"),
            (".forgeignore", b"draft.sql\n"),
        ]);
        let files = tree.unwrap().files;
        let found: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("schema/a/z.sql", "z"),
                ("schema/a.sql", "a"),
                ("schema/b.sql", "b")
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        fn check(files: &[(&str, &[u8])], message: &str) {
            assert_eq!(tree(files).1.unwrap_err().message(), message);
        }
        check(
            &[("a.sql", b"ok\nsm\xf8rrebr\xf8d")],
            "`schema/a.sql` is not UTF-8: byte 6 on line 2 begins no character",
        );
        check(
            &[("a.sql", b"a\0b")],
            "`schema/a.sql` holds a NUL at byte 2",
        );
    }

    #[test]
    fn every_unreadable_file_is_reported() {
        let problem = tree(&[("a.sql", b"\xff"), ("b.sql", b"\xff")])
            .1
            .unwrap_err();
        assert_eq!(problem.related().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_found() {
        let (folder, _) = tree(&[("a/x.sql", b"x")]);
        let root = Utf8Path::from_path(folder.path()).unwrap();
        std::os::unix::fs::symlink("a", root.join("schema/b")).unwrap();
        let found = Tree::read(&root.join("schema"), root).unwrap().files;
        assert_eq!(
            found
                .iter()
                .map(|file| file.path.as_str())
                .collect::<Vec<_>>(),
            ["schema/a/x.sql", "schema/b/x.sql"]
        );
        std::os::unix::fs::symlink("..", root.join("schema/a/up")).unwrap();
        let problem = Tree::read(&root.join("schema"), root).unwrap_err();
        assert!(problem.message().contains("which holds it"), "{problem}");
        fs_err::remove_file(root.join("schema/a/up")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("schema/c.sql")).unwrap();
        let problem = Tree::read(&root.join("schema"), root).unwrap_err();
        assert!(problem.message().contains("c.sql"), "{problem}");
    }

    #[test]
    fn the_digest_keeps_names_and_texts_apart() {
        let digest = |files: &[(&str, &[u8])]| tree(files).1.unwrap().digest();
        assert_eq!(digest(&[("a.sql", b"x")]), digest(&[("a.sql", b"x")]));
        assert_ne!(digest(&[("a.sql", b"x")]), digest(&[("b.sql", b"x")]));
        assert_ne!(
            digest(&[("a.sql", b"x"), ("b.sql", b"")]),
            digest(&[("a.sql", b""), ("b.sql", b"x")])
        );
    }
}
