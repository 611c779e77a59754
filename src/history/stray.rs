//! Files in the plans folder that can't be read as plans: another tool's, folders, plans that were damaged.
//!
//! They stop only what needs them. What says of itself that it is a plan has its place among the revisions.

use std::path::Path;

use camino::Utf8Path;

use super::{graph::Node, naming::is_down};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::{ProjectFiles, SQL_LIMIT},
};

/// A file in the plans folder that can't be read as a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What is wrong with it.
    pub problem: Diagnostic,
    sort: Sort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sort {
    /// Nothing in it says that it is a plan.
    Foreign,
    /// It could be a plan, and nothing says which.
    Unplaced,
    /// It could be a way back.
    WayBack,
    /// It says that it is this plan.
    Damaged(String, Box<Node>),
}

impl Stray {
    /// A file with this text, of which a plan can't be made.
    pub(super) fn of(path: &Utf8Path, text: &str, error: Diagnostic) -> Self {
        if !directives(text).any(|_| true) {
            return Self::foreign(
                format!("`{path}` is not a plan"),
                "plans begin with lines such as `-- forge:format 1`, and this file has none",
            );
        }
        let sort = match node(text) {
            Some((revision, node)) if !is_down(path) => Sort::Damaged(revision, Box::new(node)),
            Some(_) | None => Sort::unplaced(path),
        };
        Self {
            problem: error,
            sort,
        }
    }

    /// A file whose name isn't UTF-8.
    pub(super) fn unnamed(path: &Path) -> Self {
        Self::foreign(
            format!("the name of `{}` is not UTF-8", path.display()),
            "forge writes no such names, so it is not a plan",
        )
    }

    fn foreign(message: String, why: &str) -> Self {
        let problem = Diagnostic::error(Code::PlanFile, message).note(why);
        Self {
            problem: problem.help("move it out of the plans folder"),
            sort: Sort::Foreign,
        }
    }

    /// The plan that it says to be, as far as its header can be read.
    pub(super) fn node(&self) -> Option<(&str, &Node)> {
        match &self.sort {
            Sort::Damaged(revision, node) => Some((revision, node)),
            Sort::Foreign | Sort::Unplaced | Sort::WayBack => None,
        }
    }

    /// Whether it is a plan, or a part of one, as far as can be told.
    pub fn may_be_plan(&self) -> bool {
        match self.sort {
            Sort::Damaged(..) | Sort::Unplaced | Sort::WayBack => true,
            Sort::Foreign => false,
        }
    }

    /// Whether it may be a plan that has to be applied: nothing says where it belongs.
    pub(super) fn may_be_pending(&self) -> bool {
        self.sort == Sort::Unplaced
    }
}

impl Sort {
    fn unplaced(path: &Utf8Path) -> Self {
        if is_down(path) {
            Self::WayBack
        } else {
            Self::Unplaced
        }
    }
}

/// Reads the text of a file, or tells why it is a stray.
///
/// # Errors
/// If the path leaves the project or is a FIFO, socket or device.
pub(super) fn read(files: &ProjectFiles, path: &Utf8Path) -> Result<Result<String, Stray>> {
    let shown = files.shown(path);
    if files.is_folder(path)? {
        let message = format!("`{shown}` is a folder, not a plan");
        return Ok(Err(Stray::foreign(message, "plans are files")));
    }
    files.check_file(path)?;
    let bytes = match files.read(path, SQL_LIMIT) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(problem) => {
            return Ok(Err(Stray {
                problem,
                sort: Sort::unplaced(shown),
            }));
        }
    };
    Ok(String::from_utf8(bytes).map_err(|error| {
        let problem = Diagnostic::error(Code::PlanFile, format!("`{shown}` is not UTF-8"))
            .help("restore the file from version control");
        let text = String::from_utf8_lossy(error.as_bytes());
        Stray::of(shown, &text, problem)
    }))
}

/// The lines `-- forge:key value`.
fn directives(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter_map(|line| {
        let directive = line.trim().strip_prefix("--")?.trim_start();
        directive.strip_prefix("forge:")
    });
    lines.map(|line| {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        (key, value.trim())
    })
}

/// The revision that a header names, and where it belongs.
fn node(text: &str) -> Option<(String, Node)> {
    let value = |wanted: &str| {
        let found = directives(text).find(|(key, _)| *key == wanted);
        found.map(|(_, value)| value)
    };
    let words = |key: &str| {
        let words = value(key).unwrap_or_default().split_whitespace();
        words.map(str::to_owned).collect()
    };
    let revision = value("revision").filter(|revision| !revision.is_empty())?;
    let said = |key: &str| value(key).unwrap_or_default().to_owned();
    let node = Node {
        parents: words("down_revision"),
        depends_on: words("depends_on"),
        labels: words("branch_labels"),
        created: said("created"),
        message: said("message"),
        author: said("author"),
        ..Node::default()
    };
    Some((revision.to_owned(), node))
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::history::{Folder, graph::tests::plan_text};

    const A: &str = "aaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbb";

    #[test]
    fn strays_are_named_and_the_others_are_read() {
        let project = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(project.path()).unwrap();
        let plans = root.join("plans");
        fs::create_dir_all(plans.join("folder.sql")).unwrap();
        let damaged = plan_text(B, A).replace("-- forge:format 1", "-- forge:format 99");
        for (name, text) in [
            ("1.sql", plan_text(A, "").into_bytes()),
            ("1.down.sql", b"-- forge:revision \xff".to_vec()),
            ("2.sql", damaged.into_bytes()),
            ("3.sql", plan_text("cccccccccccc", B).into_bytes()),
            ("V1__flyway.sql", b"CREATE TABLE t ();".to_vec()),
            ("latin.sql", b"-- caf\xe9".to_vec()),
            (".hidden.sql", b"x".to_vec()),
            ("notes.md", b"x".to_vec()),
        ] {
            fs::write(plans.join(name), text).unwrap();
        }
        let folder = Folder::read(&ProjectFiles::new(root, &[]), &plans).unwrap();
        let said = |stray: &Stray| (stray.problem.message().to_owned(), stray.may_be_plan());
        let found: Vec<_> = folder.strays.iter().map(said).collect();
        let expected = [
            ("`plans/1.down.sql` is not UTF-8", true),
            ("`plans/folder.sql` is a folder, not a plan", false),
            ("`plans/latin.sql` is not a plan", false),
            ("the plan's format is 99, this forge reads 1", true),
            ("`plans/V1__flyway.sql` is not a plan", false),
        ];
        let mut expected = expected
            .map(|(message, plan)| (message.to_owned(), plan))
            .to_vec();
        let mut sorted = found.clone();
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected);
        // The damaged plan keeps its place: the third builds on it.
        let graph = folder.graph().unwrap();
        assert_eq!(graph.order().collect::<Vec<_>>(), [A, B, "cccccccccccc"]);
        assert!(folder.damaged(B).is_some() && folder.damaged(A).is_none());
        assert!(folder.named(B).is_err() && folder.named(A).is_ok());
        assert_eq!(folder.expect_whole().unwrap_err().related().len(), 1);
        // A way back and a plan whose place is known hold nobody else up.
        assert!(folder.expect_placed().is_ok());
        let text = plan_text("dddddddddddd", B);
        let unplaced = text.replace("-- forge:revision dddddddddddd\n", "");
        fs::write(plans.join("4.sql"), unplaced).unwrap();
        let folder = Folder::read(&ProjectFiles::new(root, &[]), &plans).unwrap();
        let error = folder.expect_placed().unwrap_err();
        assert!(error.message().contains("has no line `-- forge:revision`"));
    }
}
