//! The source as the rules read it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use forge::kinds::Kind;

/// A file of the source: lines of code, counted from one, without comments and without its unit tests.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) lines: Vec<(usize, String)>,
}

/// What breaks a rule.
pub(crate) struct Breach {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Why a file may do what its like may not: the file, what it names, the reason.
pub(crate) type Exceptions<'a> = &'a [(&'a str, &'a str, &'a str)];

/// Fails with every breach that isn't excepted, and with every exception that isn't needed.
pub(crate) fn hold(rule: &str, breaches: Vec<Breach>, exceptions: Exceptions<'_>) {
    let excepted = |breach: &Breach, (path, text, _): &(&str, &str, &str)| {
        breach.path == *path && breach.text.contains(text)
    };
    let mut message = String::new();
    for exception in exceptions
        .iter()
        .filter(|exception| !breaches.iter().any(|breach| excepted(breach, exception)))
    {
        writeln!(
            message,
            "  {}: needs no exception for `{}` any more",
            exception.0, exception.1
        )
        .unwrap();
    }
    let breaches = breaches.into_iter().filter(|breach| {
        !exceptions
            .iter()
            .any(|exception| excepted(breach, exception))
    });
    for Breach { path, line, text } in breaches {
        writeln!(message, "  {path}:{line}: {}", text.trim()).unwrap();
    }
    assert!(message.is_empty(), "{rule}\n{message}");
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all files below a folder, relative to the package, sorted.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(
                    path.strip_prefix(root())
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_string(),
                );
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs_err::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

pub(crate) fn text(path: &str) -> String {
    fs_err::read_to_string(root().join(path)).unwrap()
}

/// The Rust files below `src`, but for those of unit tests.
pub(crate) fn sources() -> Vec<Source> {
    files("src", "rs")
        .into_iter()
        .filter(|path| !path.ends_with("/tests.rs"))
        .map(|path| source(&path))
        .collect()
}

pub(crate) fn source(path: &str) -> Source {
    let mut tests = false;
    let mut lines = Vec::new();
    for (number, line) in text(path).lines().enumerate() {
        tests |= line == "mod tests {";
        if !tests && !line.trim_start().starts_with("//") {
            lines.push((number + 1, line.to_string()));
        }
        tests &= line != "}";
    }
    Source {
        path: path.to_string(),
        lines,
    }
}

impl Source {
    pub(crate) fn is_below(&self, paths: &[&str]) -> bool {
        paths
            .iter()
            .any(|path| self.path == *path || self.path.starts_with(&format!("{path}/")))
    }

    /// The folder of the kind that the file belongs to.
    pub(crate) fn kind(&self) -> Option<Kind> {
        let folder = self.path.strip_prefix("src/kinds/")?.split_once('/')?.0;
        Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.folder() == folder)
    }

    pub(crate) fn breaches(&self, breaks: impl Fn(&str) -> bool) -> Vec<Breach> {
        let lines = self.lines.iter().filter(|(_, line)| breaks(line));
        lines
            .map(|(line, text)| Breach {
                path: self.path.clone(),
                line: *line,
                text: text.clone(),
            })
            .collect()
    }
}

/// Whether a word stands in the line as a whole.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// The names behind `Kind::` and `Object::` in a line, where they are a kind's.
pub(crate) fn kinds_named(line: &str) -> Vec<Kind> {
    let mut named = Vec::new();
    for &kind in Kind::ALL {
        let variant = format!("{kind:?}");
        let folder = kind.folder();
        if has_word(line, &format!("Kind::{variant}"))
            || has_word(line, &format!("Object::{variant}"))
            || has_word(line, &format!("kinds::{folder}"))
            || has_word(line, &format!("super::{folder}"))
        {
            named.push(kind);
        }
    }
    named
}

/// Every file that isn't below the paths and has one of the words.
pub(crate) fn only_below(paths: &[&str], words: &[&str]) -> Vec<Breach> {
    let outside = sources()
        .into_iter()
        .filter(|source| !source.is_below(paths));
    outside
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect()
}
