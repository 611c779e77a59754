//! The plans folder.

use std::{collections::BTreeMap, path::PathBuf};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    graph::{Graph, Node},
    naming::is_down,
    registration::Body,
    stray::{self, Stray},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    files::ProjectFiles,
    plan::file::{PlanFile, as_written},
};

/// A plan in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// The file, as the user knows it.
    pub path: Utf8PathBuf,
    /// Its text as forge or its author wrote it, see [`as_written`].
    pub text: String,
    /// What it says.
    pub plan: PlanFile,
}

impl Filed {
    /// Reads the text of a plan file.
    ///
    /// # Errors
    /// See [`PlanFile::read`].
    pub fn new(path: Utf8PathBuf, text: &str) -> Result<Self> {
        let plan = PlanFile::read(&path, text)?;
        let text = as_written(text).into_owned();
        Ok(Self { path, text, plan })
    }

    /// The undo steps in it, for a way back: a plan of their own whose text stands where it does in the file.
    pub fn undo(&self) -> Option<Self> {
        let plan = self.plan.undo.clone()?;
        Some(Self {
            path: self.path.clone(),
            text: PlanFile::undo_text(&self.text),
            plan: PlanFile {
                header: self.plan.header.clone(),
                plan,
                undo: None,
            },
        })
    }

    /// Its revision.
    pub fn revision(&self) -> &str {
        &self.plan.header.revision
    }
}

/// The plans of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    /// The plans by revision.
    pub plans: BTreeMap<String, Filed>,
    /// The way back of those that have one, by the same revision.
    pub downs: BTreeMap<String, Filed>,
    /// The files that can't be read as plans.
    pub strays: Vec<Stray>,
}

impl Folder {
    /// Reads every `*.sql` of a project's plans folder. One that isn't there holds no plans. What can't be read as a plan is
    /// among the [`strays`](Self::strays).
    ///
    /// # Errors
    /// If a path leaves the project or is a FIFO, socket or device, or two files have the same revision.
    pub fn read(files: &ProjectFiles, folder: &Utf8Path) -> Result<Self> {
        let (paths, mut strays) = files_in(files, folder)?;
        let mut texts = Vec::new();
        for path in paths {
            match stray::read(files, &path)? {
                Ok(text) => texts.push((files.shown(&path).to_owned(), text)),
                Err(stray) => strays.push(stray),
            }
        }
        let (mut read, duplicates) = Self::sorted(texts);
        strays.append(&mut read.strays);
        read.strays = strays;
        Diagnostic::all(duplicates).map_or(Ok(read), Err)
    }

    /// The plans of these files, by path and text.
    ///
    /// # Errors
    /// What can't be read, all at once, and two plans of one revision.
    pub fn of(texts: Vec<(Utf8PathBuf, String)>) -> Result<Self> {
        let (read, mut wrong) = Self::sorted(texts);
        wrong.extend(read.strays.iter().map(|stray| stray.problem.clone()));
        Diagnostic::all(wrong).map_or(Ok(read), Err)
    }

    /// The plans, and an error for each file whose revision another has already.
    fn sorted(texts: Vec<(Utf8PathBuf, String)>) -> (Self, Vec<Diagnostic>) {
        let mut read = Self::default();
        let mut wrong = Vec::new();
        for (path, text) in texts {
            let filed = match Filed::new(path.clone(), &text) {
                Ok(filed) => filed,
                Err(error) => {
                    read.strays.push(Stray::of(&path, &text, error));
                    continue;
                }
            };
            let plans = if is_down(&filed.path) {
                &mut read.downs
            } else {
                &mut read.plans
            };
            let revision = filed.plan.header.revision.clone();
            if let Some(other) = plans.get(&revision) {
                wrong.push(duplicate(&revision, other, &filed));
            } else {
                plans.insert(revision, filed);
            }
        }
        (read, wrong)
    }

    /// Checks that no plan is missing among those that were read, for what builds on all of them.
    ///
    /// # Errors
    /// What is wrong with the files that are plans, or may be.
    pub fn expect_whole(&self) -> Result<()> {
        let strays = self.strays.iter().filter(|stray| stray.may_be_plan());
        let problems = strays.map(|stray| stray.problem.clone()).collect();
        Diagnostic::all(problems).map_or(Ok(()), Err)
    }

    /// Checks that each file that is a plan says which one: it may be one that has to be applied.
    ///
    /// # Errors
    /// What is wrong with those that do not.
    pub fn expect_placed(&self) -> Result<()> {
        let strays = self.strays.iter().filter(|stray| stray.may_be_pending());
        let problems = strays.map(|stray| stray.problem.clone()).collect();
        Diagnostic::all(problems).map_or(Ok(()), Err)
    }

    /// The error about the plan of this revision, if its file can't be read.
    pub fn damaged(&self, revision: &str) -> Option<&Diagnostic> {
        let mut strays = self.strays.iter();
        let stray = strays.find(|stray| stray.node().is_some_and(|(it, _)| it == revision));
        stray
            .filter(|_| !self.plans.contains_key(revision))
            .map(|stray| &stray.problem)
    }

    /// A plan, with the texts that a target remembers of it.
    pub fn filed(&self, revision: &str) -> Option<(&PlanFile, Body)> {
        let filed = self.plans.get(revision)?;
        let body = Body {
            up: filed.text.clone(),
            down: self.downs.get(revision).map(|down| down.text.clone()),
        };
        Some((&filed.plan, body))
    }

    /// How the plans build on each other.
    ///
    /// # Errors
    /// See [`Graph::new`].
    pub fn graph(&self) -> Result<Graph> {
        Graph::new(self.nodes())
    }

    /// The plans as nodes of a graph; also those that can't be read, as far as their headers say where they belong.
    pub fn nodes(&self) -> BTreeMap<String, Node> {
        let damaged = self.strays.iter().filter_map(Stray::node);
        let damaged = damaged.map(|(revision, node)| (revision.to_owned(), node.clone()));
        let nodes = self.plans.iter().map(|(revision, filed)| {
            let header = &filed.plan.header;
            let node = Node {
                parents: header.down_revision.clone(),
                depends_on: header.depends_on.clone(),
                labels: header.branch_labels.clone(),
                created: header.created.clone(),
                message: header.message.clone(),
                author: header.author.clone(),
                changes: filed
                    .plan
                    .plan
                    .steps()
                    .map(|step| step.object.clone())
                    .collect(),
            };
            (revision.clone(), node)
        });
        damaged.chain(nodes).collect()
    }

    /// The plan that a word names: its file, the first digits of its revision, a branch label.
    ///
    /// # Errors
    /// [`Code::UnknownRevision`] if there is none or more than one.
    pub fn named(&self, word: &str) -> Result<&Filed> {
        let file = Utf8Path::new(word.trim_start_matches("./"));
        let by_file = self.plans.values().find(|filed| {
            filed.path.ends_with(file)
                || file.ends_with(&filed.path)
                || filed.path.file_stem() == Some(word)
        });
        if let Some(filed) = by_file {
            return Ok(filed);
        }
        let graph = self.graph()?;
        let revision = graph.find(word)?;
        match self.damaged(revision) {
            Some(problem) => Err(problem.clone()),
            None => Ok(&self.plans[revision]),
        }
    }

    /// The plans that nobody has approved yet, in the order of their revisions.
    pub fn drafts(&self) -> impl Iterator<Item = &Filed> {
        self.plans
            .values()
            .filter(|filed| filed.plan.header.approval.is_none())
    }
}

/// The SQL files of a folder, sorted, and those whose names can't be written down.
fn files_in(files: &ProjectFiles, folder: &Utf8Path) -> Result<(Vec<Utf8PathBuf>, Vec<Stray>)> {
    let (paths, not_utf8) = files.entries(folder)?.unwrap_or_default();
    // A hidden file is none that forge has written.
    let is_plan = |path: &Utf8PathBuf| {
        path.extension() == Some("sql")
            && !path.file_name().is_some_and(|name| name.starts_with('.'))
    };
    let is_sql = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sql");
    let strays = not_utf8.iter().filter(|path| is_sql(path));
    Ok((
        paths.into_iter().filter(is_plan).collect(),
        strays.map(|path| Stray::unnamed(path)).collect(),
    ))
}

fn duplicate(revision: &str, one: &Filed, other: &Filed) -> Diagnostic {
    Diagnostic::error(
        Code::History,
        format!("two plans have the revision `{revision}`"),
    )
    .note(format!("`{}` and `{}`", one.path, other.path))
    .help("a copy of a plan isn't another plan: delete one of the files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::graph::tests::plan_text;

    fn read(files: &[(&str, String)]) -> Result<Folder> {
        Folder::of(
            files
                .iter()
                .map(|(path, text)| ((*path).into(), text.clone()))
                .collect(),
        )
    }

    #[test]
    fn plans_and_their_ways_back() {
        let folder = read(&[
            ("plans/1.down.sql", plan_text("aaaaaaaaaaaa", "")),
            ("plans/1.sql", plan_text("aaaaaaaaaaaa", "")),
            ("plans/2.sql", plan_text("bbbbbbbbbbbb", "aaaaaaaaaaaa")),
        ])
        .unwrap();
        assert_eq!(folder.plans.len(), 2);
        assert_eq!(folder.downs["aaaaaaaaaaaa"].path, "plans/1.down.sql");
        assert_eq!(folder.drafts().count(), 2);
        assert_eq!(
            folder.graph().unwrap().head().unwrap(),
            Some("bbbbbbbbbbbb")
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let error = read(&[
            ("plans/1.sql", plan_text("aaaaaaaaaaaa", "")),
            ("plans/2.sql", plan_text("aaaaaaaaaaaa", "")),
            ("plans/3.sql", "SELECT 1;".to_owned()),
        ])
        .unwrap_err();
        assert_eq!(
            error.message(),
            "two plans have the revision `aaaaaaaaaaaa`"
        );
        assert_eq!(error.notes(), ["`plans/1.sql` and `plans/2.sql`"]);
        assert_eq!(error.related()[0].code(), Code::PlanFile);
    }
}
