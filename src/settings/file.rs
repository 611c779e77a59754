//! `forge.toml`: where it is, what may stand in it, and what to say when something else does.

use std::{borrow::Cow, ops::Range, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{Document, Item};

use super::{Origin, excerpt::excerpt, tables::Contents};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    files::{ProjectFiles, SETTINGS_LIMIT},
    shown,
    spelling::closest,
};

/// The file's name.
pub const FILE_NAME: &str = "forge.toml";

/// A `forge.toml` that was found and understood. It isn't `Debug`: the document holds what was written, passwords too.
#[derive(Clone)]
pub struct ForgeToml {
    /// The folder that the file stands in: the project's root.
    pub folder: Utf8PathBuf,
    /// What it says.
    pub contents: Contents,
    document: Document<String>,
    /// The text to show in diagnostics: values that may be secrets are starred out.
    shown: Arc<SourceFile>,
}

impl ForgeToml {
    /// The file in this folder or the nearest one above it.
    /// A link must not leave the project or the `allowed` folders.
    pub fn find(start: &Utf8Path, allowed: &[Utf8PathBuf]) -> Result<Option<Self>> {
        for folder in start.ancestors() {
            let path = folder.join(FILE_NAME);
            if let Some(bytes) = ProjectFiles::new(folder, allowed).read(&path, SETTINGS_LIMIT)? {
                let text = String::from_utf8(bytes).map_err(|_| {
                    Diagnostic::error(Code::Configuration, format!("`{path}` is not UTF-8"))
                })?;
                return Self::parse(folder, &text).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads the text of the file in this folder.
    pub fn parse(folder: &Utf8Path, text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let shown = Arc::new(SourceFile {
            path: FILE_NAME.into(),
            text: excerpt(text),
        });
        let document = Document::parse(text.to_owned())
            .map_err(|error| malformed(&shown, error.message(), error.span()))?;
        let contents = toml_edit::de::from_document(document.clone())
            .map_err(|error| misfit(&shown, error.message(), error.span()))?;
        Ok(Self {
            folder: folder.to_owned(),
            contents,
            document,
            shown,
        })
    }

    /// The line that sets a key.
    pub fn origin(&self, key: &[&str]) -> Origin {
        let (line, _) = self.shown.line_column(self.span(key).start);
        Origin::File {
            path: self.shown.path.clone(),
            line,
        }
    }

    /// An error about a key's value; `text` stands beside the caret.
    pub fn error(&self, key: &[&str], message: impl Into<String>, text: &str) -> Diagnostic {
        Diagnostic::error(Code::Configuration, message).at(&self.shown, self.span(key), text)
    }

    fn span(&self, key: &[&str]) -> Range<usize> {
        let item = key.iter().try_fold(self.document.as_item(), |item, key| {
            item.as_table_like().and_then(|table| table.get(key))
        });
        // A table that only dotted keys make up has no place of its own.
        item.and_then(Item::span).unwrap_or(0..0)
    }
}

/// The file isn't TOML.
fn malformed(file: &Arc<SourceFile>, message: &str, span: Option<Range<usize>>) -> Diagnostic {
    let (what, expected) = message.split_once('\n').unwrap_or((message, ""));
    let label = if expected.is_empty() {
        "here"
    } else {
        expected
    };
    Diagnostic::error(
        Code::Configuration,
        format!("`{FILE_NAME}` is not TOML: {what}"),
    )
    .at(file, span.unwrap_or(0..0), label)
}

/// The file is TOML, but not what forge expects.
fn misfit(file: &Arc<SourceFile>, message: &str, span: Option<Range<usize>>) -> Diagnostic {
    let span = span.unwrap_or(0..0);
    let Some(unknown) = Unknown::read(message) else {
        return Diagnostic::error(Code::Configuration, format!("wrong value in `{FILE_NAME}`")).at(
            file,
            span,
            without_value(message),
        );
    };
    let name = match unknown.what {
        What::Key => shown::name(unknown.name),
        What::Value => shown::choice(unknown.name, unknown.known.iter().copied()),
    };
    let what = unknown.what.as_str();
    let message = format!("unknown {what} `{name}` in `{FILE_NAME}`");
    let diagnostic = Diagnostic::error(Code::Configuration, message);
    let known = unknown.known.join("`, `");
    match closest(unknown.name, unknown.known.iter().copied()) {
        Some(name) => diagnostic.at(file, span, format!("did you mean `{name}`?")),
        None => diagnostic.at(file, span, "not known"),
    }
    .note(format!("known here: `{known}`"))
}

/// What serde says of a value of the wrong type, without the value: `invalid type: string "…", expected a boolean`.
fn without_value(message: &str) -> Cow<'_, str> {
    let value = message
        .strip_prefix("invalid ")
        .and_then(|_| message.rsplit_once(", expected "));
    match value {
        Some((what, expected)) => {
            let what = what.split(['"', '`']).next().unwrap_or_default();
            format!("{}, expected {expected}", what.trim_end()).into()
        }
        None => message.into(),
    }
}

/// What serde says of a field or variant that it doesn't know: ``unknown field `a`, expected one of `b`, `c` ``.
struct Unknown<'a> {
    what: What,
    name: &'a str,
    known: Vec<&'a str>,
}

#[derive(Clone, Copy)]
enum What {
    Key,
    Value,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

impl<'a> Unknown<'a> {
    fn read(message: &'a str) -> Option<Self> {
        let what = if message.starts_with("unknown field `") {
            What::Key
        } else if message.starts_with("unknown variant `") {
            What::Value
        } else {
            return None;
        };
        let mut quoted = message.split('`').skip(1).step_by(2);
        let name = quoted.next()?;
        let known: Vec<_> = quoted.collect();
        (!known.is_empty()).then_some(Self { what, name, known })
    }
}
