//! Reads the schema tree: every `*.sql` file below a folder, in path order.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::{DirEntry, WalkBuilder};
use sha2::{Digest as _, Sha256};

use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    files::{ProjectFiles, SQL_LIMIT},
};

/// The files of a schema tree, read but not parsed.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The files in path order; their paths are relative to the project.
    pub files: Vec<Arc<SourceFile>>,
}

impl Tree {
    /// Reads every `*.sql` file below `root`, or `root` itself if it is a file. Their paths are given relative to the project.
    ///
    /// `.gitignore` and `.forgeignore` are heeded, hidden files left out, links inside the project followed. Every file that
    /// can't be read is named in the error, not only the first.
    pub fn read(root: &Utf8Path, project: &ProjectFiles) -> Result<Self> {
        let Some(real) = project.resolve(root)? else {
            return Err(Diagnostic::error(Code::Io, format!("there is no `{root}`"))
                .note("the schema tree is read from there")
                .help("create it, or set `schema` in forge.toml to the folder that holds the SQL files"));
        };
        if project.is_above(&real) {
            return Err(Diagnostic::error(
                Code::Io,
                format!("the schema folder `{root}` holds the whole project"),
            )
            .note("the schema tree would contain the plans, too")
            .help("set `schema` in forge.toml to the folder that holds the SQL files"));
        }
        let (paths, mut problems) = walk(root, &real, project);
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

/// The files that say what is left out of the tree; the walker opens them by itself.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".forgeignore"];

/// The paths of the SQL files, sorted, and what is wrong with others.
fn walk(
    root: &Utf8Path,
    real: &Path,
    project: &ProjectFiles,
) -> (Vec<Utf8PathBuf>, Vec<Diagnostic>) {
    // Ignore files count in the folders above, too, which may lie outside the project.
    for folder in real.ancestors() {
        for name in IGNORE_FILES {
            if let Err(problem) = project.check_ignore_file(&folder.join(name)) {
                return (Vec::new(), vec![problem]);
            }
        }
    }
    let refused = Arc::new(Mutex::new(Vec::new()));
    let mut paths = Vec::new();
    let mut problems = Vec::new();
    let walk = WalkBuilder::new(root)
        .follow_links(true)
        // The user's own global ignore file would make the tree depend on the machine.
        .git_global(false)
        .require_git(false)
        .add_custom_ignore_filename(".forgeignore")
        .filter_entry({
            let (project, refused) = (project.clone(), Arc::clone(&refused));
            // No folder is entered, and no ignore file in it opened, before this says so.
            move |entry| match may_enter(entry, &project) {
                Ok(()) => true,
                Err(problem) => {
                    lock(&refused).push(problem);
                    false
                }
            }
        })
        .build();
    for entry in walk {
        let path = entry
            .map_err(|error| unwalkable(&error))
            .and_then(|entry| sql_path(entry, project));
        match path {
            Ok(path) => paths.extend(path),
            Err(problem) => problems.push(problem),
        }
    }
    paths.sort();
    problems.append(&mut lock(&refused));
    (paths, problems)
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().expect("nothing panics while it is held")
}

/// Refuses links that leave the project, and folders with ignore files that are not files or lie elsewhere.
fn may_enter(entry: &DirEntry, project: &ProjectFiles) -> Result<()> {
    let is_folder = entry.file_type().is_some_and(|sort| sort.is_dir());
    if !(is_folder || entry.path_is_symlink() && is_sql(entry.path())) {
        return Ok(());
    }
    let path = Utf8Path::from_path(entry.path()).ok_or_else(|| not_utf8(entry.path()))?;
    if entry.path_is_symlink() {
        project.resolve(path)?;
    }
    if is_folder {
        for name in IGNORE_FILES {
            project.check_file(&path.join(name))?;
        }
    }
    Ok(())
}

fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sql")
}

/// The path of an SQL file, nothing for a folder or a file of another sort.
fn sql_path(entry: DirEntry, project: &ProjectFiles) -> Result<Option<Utf8PathBuf>> {
    let sort = entry.file_type();
    if !is_sql(entry.path()) || sort.is_none_or(|sort| sort.is_dir()) {
        return Ok(None);
    }
    let path = Utf8PathBuf::from_path_buf(entry.into_path()).map_err(|path| not_utf8(&path))?;
    project.check_file(&path)?;
    Ok(Some(path))
}

fn not_utf8(path: &Path) -> Diagnostic {
    Diagnostic::error(
        Code::Io,
        format!("the name of `{}` is not UTF-8", path.display()),
    )
    .note("plans name the files they come from, so the names must be text everywhere")
    .help("rename it")
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

fn read(path: &Utf8Path, project: &ProjectFiles) -> Result<SourceFile> {
    let shown = project.shown(path).to_owned();
    let bytes = project.read(path, SQL_LIMIT)?.ok_or_else(|| {
        Diagnostic::error(Code::Io, format!("`{shown}` is gone"))
            .help("run the command again once nothing else writes the project's files")
    })?;
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
        let tree = Tree::read(&root.join("schema"), &ProjectFiles::new(root, &[]));
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
        let read = || Tree::read(&root.join("schema"), &ProjectFiles::new(root, &[]));
        std::os::unix::fs::symlink("a", root.join("schema/b")).unwrap();
        let found = read().unwrap().files;
        assert_eq!(
            found
                .iter()
                .map(|file| file.path.as_str())
                .collect::<Vec<_>>(),
            ["schema/a/x.sql", "schema/b/x.sql"]
        );
        std::os::unix::fs::symlink("..", root.join("schema/a/up")).unwrap();
        let problem = read().unwrap_err();
        assert!(problem.message().contains("which holds it"), "{problem}");
        fs_err::remove_file(root.join("schema/a/up")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("schema/c.sql")).unwrap();
        let problem = read().unwrap_err();
        assert!(problem.message().contains("c.sql"), "{problem}");
    }

    /// What is said of a tree with one more entry in it.
    fn refused(make: impl FnOnce(&Utf8Path)) -> String {
        let (folder, _) = tree(&[("a/x.sql", b"x")]);
        let root = Utf8Path::from_path(folder.path()).unwrap();
        make(&root.join("schema"));
        let tree = Tree::read(&root.join("schema"), &ProjectFiles::new(root, &[]));
        tree.unwrap_err().message().to_owned()
    }

    fn mkfifo(path: &Utf8Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }

    #[test]
    fn what_is_not_of_the_project_is_not_entered() {
        fn link(target: &str, name: &str) -> String {
            refused(|schema| std::os::unix::fs::symlink(target, schema.join(name)).unwrap())
        }
        let said = |path: &str| {
            format!("`schema/{path}` is a symbolic link, or below one, that leaves the project")
        };
        assert_eq!(link("/etc/hostname", "b.sql"), said("b.sql"));
        assert_eq!(link("/", "b"), said("b"));
        assert_eq!(link("/proc", "a/b"), said("a/b"));
        assert_eq!(link("../../..", "b"), said("b"));
        assert_eq!(link("/dev/zero", "b.sql"), said("b.sql"));
        assert_eq!(link("/dev/zero", ".forgeignore"), said(".forgeignore"));
        assert_eq!(link("/etc/hostname", "a/.gitignore"), said("a/.gitignore"));
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let fifo = |name: &str| refused(|schema| mkfifo(&schema.join(name)));
        assert_eq!(fifo("b.sql"), "`schema/b.sql` is a FIFO, not a file");
        assert_eq!(
            fifo(".forgeignore"),
            "`schema/.forgeignore` is a FIFO, not a file"
        );
        assert_eq!(
            fifo("a/.ignore"),
            "`schema/a/.ignore` is a FIFO, not a file"
        );
        assert_eq!(fifo("../.gitignore"), "`.gitignore` is a FIFO, not a file");
    }

    #[test]
    fn the_tree_is_a_part_of_the_project() {
        let (folder, _) = tree(&[("a/x.sql", b"x")]);
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let said = |schema: &Utf8Path, project: &Utf8Path| {
            let project = ProjectFiles::new(project, &[]);
            Tree::read(&project.root().join(schema), &project)
                .map(|tree| tree.files.len())
                .map_err(|error| error.message().to_owned())
        };
        for outside in ["/", "/proc", "/dev/zero", "..", "../..", "/etc"] {
            let error = said(outside.into(), root).unwrap_err();
            assert!(error.ends_with("is outside the project"), "{error}");
        }
        // In a work tree of git, a neighbour is a part of the project, and the whole work tree is too much.
        fs_err::create_dir_all(root.join("app")).unwrap();
        let neighbour = "../schema".into();
        let app = root.join("app");
        assert!(said(neighbour, &app).is_err());
        fs_err::create_dir_all(root.join(".git")).unwrap();
        assert_eq!(said(neighbour, &app), Ok(1));
        let whole = said("..".into(), &app).unwrap_err();
        assert!(whole.ends_with("holds the whole project"), "{whole}");
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
