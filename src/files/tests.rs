use std::os::unix::{fs::symlink, net::UnixListener};

use super::*;

/// A folder with a project in `project`, beside which lies what is none of it.
struct Around {
    _folder: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Around {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
        for folder in ["project/schema", "project/db", "other"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        fs::write(path.join("other/secret"), "secret\n").unwrap();
        fs::write(path.join("project/db/x.sql"), "x\n").unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    fn root(&self) -> Utf8PathBuf {
        self.path.join("project")
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) -> Utf8PathBuf {
        let link = self.root().join(name);
        symlink(target, &link).unwrap();
        link
    }

    fn files(&self) -> ProjectFiles {
        ProjectFiles::new(&self.root(), &[])
    }

    /// What is said of a path that must not be read.
    fn refused(&self, path: &Utf8Path) -> String {
        self.files()
            .read(path, SQL_LIMIT)
            .unwrap_err()
            .message()
            .to_owned()
    }
}

#[test]
fn links_that_leave_the_project_are_not_followed() {
    let around = Around::new();
    let said =
        |path: &str| format!("`{path}` is a symbolic link, or below one, that leaves the project");
    let file = around.link(around.path.join("other/secret"), "schema/a.sql");
    assert_eq!(around.refused(&file), said("schema/a.sql"));
    let relative = around.link("../../other/secret", "schema/b.sql");
    assert_eq!(around.refused(&relative), said("schema/b.sql"));
    let chain = around.link("a.sql", "schema/chain.sql");
    assert_eq!(around.refused(&chain), said("schema/chain.sql"));
    let folder = around.link("../../other", "schema/folder");
    assert_eq!(
        around.refused(&folder.join("secret")),
        said("schema/folder/secret")
    );
    let device = around.link("/dev/zero", "schema/zero.sql");
    assert_eq!(around.refused(&device), said("schema/zero.sql"));
}

#[test]
fn links_inside_the_project_are_followed() {
    let around = Around::new();
    let file = around.link("../db/x.sql", "schema/x.sql");
    let chain = around.link("x.sql", "schema/chain.sql");
    let folder = around.link("../db", "schema/folder").join("x.sql");
    for path in [file, chain, folder] {
        let text = around.files().text(&path, SQL_LIMIT).unwrap();
        assert_eq!(text.as_deref(), Some("x\n"), "{path}");
    }
    let nowhere = around.link("nowhere", "schema/nowhere.sql");
    assert_eq!(
        around.refused(&nowhere),
        "`schema/nowhere.sql` is a link to nothing"
    );
}

#[test]
fn a_git_work_tree_is_one_project_but_for_the_folder_of_git() {
    let around = Around::new();
    let other = around.root().join("../other/secret");
    assert_eq!(
        around.refused(&other),
        format!("`{}` is outside the project", "../other/secret")
    );
    fs::create_dir(around.path.join(".git")).unwrap();
    fs::write(around.path.join(".git/config"), "token").unwrap();
    assert!(around.files().read(&other, SQL_LIMIT).unwrap().is_some());
    let config = around.link("../../.git/config", "schema/config.sql");
    assert_eq!(
        around.refused(&config),
        "`schema/config.sql` leads into the folder of git"
    );
}

#[test]
fn further_folders_are_allowed_from_outside() {
    let around = Around::new();
    let other = around.path.join("other");
    let link = around.link(&other, "schema/other");
    let allowing = ProjectFiles::new(&around.root(), std::slice::from_ref(&other));
    for path in [link.join("secret"), other.join("secret")] {
        assert!(allowing.read(&path, SQL_LIMIT).unwrap().is_some());
    }
    assert!(allowing.read("/etc/hostname".into(), SQL_LIMIT).is_err());
}

#[test]
fn only_regular_files_are_opened() {
    let around = Around::new();
    let fifo = around.root().join("fifo.sql");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    assert_eq!(around.refused(&fifo), "`fifo.sql` is a FIFO, not a file");
    let socket = around.root().join("socket.sql");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_eq!(
        around.refused(&socket),
        "`socket.sql` is a socket, not a file"
    );
    assert_eq!(
        around.refused(&around.root().join("db")),
        "`db` is a folder, not a file"
    );
    let allowing = ProjectFiles::new(&around.root(), &["/dev".into()]);
    let device = allowing.read("/dev/zero".into(), SQL_LIMIT).unwrap_err();
    assert_eq!(device.message(), "`/dev/zero` is a device, not a file");
}

#[test]
fn reading_has_a_limit() {
    let around = Around::new();
    let file = around.root().join("db/x.sql");
    assert!(around.files().read(&file, 2).unwrap().is_some());
    let error = around.files().read(&file, 1).unwrap_err();
    assert_eq!(error.message(), "`db/x.sql` is too large");
    assert_eq!(around.files().read("project/none".into(), 1).unwrap(), None);
}

#[test]
fn nothing_is_written_through_a_link_that_leaves_the_project() {
    let around = Around::new();
    let secret = around.path.join("other/secret");
    let file = around.link(&secret, "schema/a.sql");
    let folder = around.link("../../other", "schema/folder");
    let dangling = around.link("../../other/new", "schema/new.sql");
    let files = around.files();
    files.write(&file, "gone").unwrap_err();
    files.create(&file, "gone").unwrap_err();
    files.write(&dangling, "gone").unwrap_err();
    files.write(&folder.join("new"), "gone").unwrap_err();
    files.create(&folder.join("new"), "gone").unwrap_err();
    files.remove(&folder.join("secret")).unwrap_err();
    files.create_folder(&folder.join("new")).unwrap_err();
    // The name that a file has while it is written can be a link, too.
    around.link(&secret, "db/.x.sql.new");
    files.write(&around.root().join("db/x.sql"), "new").unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret\n");
    assert_eq!(fs::read_dir(around.path.join("other")).unwrap().count(), 1);
    // Of a link, the link is removed.
    files.remove(&file).unwrap();
    assert!(secret.exists());
}

#[test]
fn a_link_inside_is_written_through() {
    let around = Around::new();
    let link = around.link("../db/x.sql", "schema/x.sql");
    around.files().write(&link, "new").unwrap();
    let written = around.root().join("db/x.sql");
    assert_eq!(fs::read_to_string(written).unwrap(), "new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let new = around.root().join("plans/a/b.sql");
    around.files().write(&new, "b").unwrap();
    assert_eq!(fs::read_to_string(&new).unwrap(), "b");
    let names = around.files().entries(new.parent().unwrap()).unwrap();
    assert_eq!(names.unwrap().0, [new]);
}
