//! `forge.toml`: where it is, what may stand in it, and what to say when something else does.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Range, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Deserializer, de::Error as _};
use toml_edit::{Document, Item};

use super::{
    Origin, ShadowProvider,
    connection_string::ConnectionString,
    excerpt::excerpt,
    operations::{BackupTable, CommandLine, TunnelTable},
    window::Window,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    files::{ProjectFiles, SETTINGS_LIMIT},
    kinds::Glob,
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

/// The tables of `forge.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Contents {
    /// `[project]`
    pub project: ProjectTable,
    /// `[managed]`
    pub managed: Managed,
    /// `[naming]`
    pub naming: NamingTable,
    /// `[policy]`
    pub policy: PolicyTable,
    /// `[shadow]`
    pub shadow: ShadowTable,
    /// `[environments.NAME]`
    pub environments: BTreeMap<String, EnvironmentTable>,
}

/// `[project]`: where the project's files are, relative to `forge.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ProjectTable {
    /// The folder of the schema tree.
    pub schema: Option<Utf8PathBuf>,
    /// The folder of the plans.
    pub plans: Option<Utf8PathBuf>,
    /// The environment for commands without `--env`.
    pub default_environment: Option<String>,
}

/// `[managed]`: globs of what forge keeps, everything where `include` is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct Managed {
    /// Only schemas that match one of these are managed.
    #[serde(deserialize_with = "of_schemas")]
    pub include: Option<Vec<Glob>>,
    /// Schemas, and single objects, that match one of these are not, even if included.
    pub exclude: Vec<Glob>,
}

impl fmt::Display for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.include {
            Some(include) => f.write_str(&listed(include))?,
            None => f.write_str("all schemas")?,
        }
        if !self.exclude.is_empty() {
            write!(f, ", without {}", listed(&self.exclude))?;
        }
        Ok(())
    }
}

fn listed(globs: &[Glob]) -> String {
    let names: Vec<String> = globs.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(|name| shown::pattern(name)).collect();
    names.join(", ")
}

/// `[naming]`: what plan files are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct NamingTable {
    /// The name, with tokens in braces: `{year}{month}{day}_{hour}{minute}_{slug}`.
    pub template: Option<String>,
    /// The IANA name of the time zone of its date and time.
    pub timezone: Option<String>,
    /// As many characters of the message stand in it.
    pub slug_length: Option<usize>,
    /// The file whose lines, comments with the same tokens, stand at the head of every plan file.
    pub header: Option<Utf8PathBuf>,
}

/// `[policy]`: what has to be for a plan to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct PolicyTable {
    /// The file of the people one of whom has to sign a plan: ssh-keygen's ALLOWED SIGNERS.
    pub signers: Option<Utf8PathBuf>,
}

/// `[shadow]`: where the shadow server comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct ShadowTable {
    /// The provider.
    pub provider: Option<ShadowProvider>,
    /// A server of the user's: a URL or `env:VARIABLE`.
    pub url: Option<ConnectionString>,
    /// A folder of PostgreSQL programs.
    pub bin: Option<Utf8PathBuf>,
    /// Whether nothing may be downloaded.
    pub offline: Option<bool>,
    /// The cache's folder.
    pub cache: Option<Utf8PathBuf>,
    /// How long a statement may take on the shadow server.
    #[serde(deserialize_with = "time_limit")]
    pub statement_timeout: Option<Duration>,
}

/// `[environments.NAME]`: a database and how to work on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub struct EnvironmentTable {
    /// `embedded`, a URL, or `env:VARIABLE`.
    pub url: Option<ConnectionString>,
    /// The role that owns what `apply` creates.
    pub role: Option<String>,
    /// Whether nobody needs the database's rows.
    pub disposable: bool,
    /// How long `apply` waits for another forge.
    #[serde(deserialize_with = "duration")]
    pub lock_wait: Option<Duration>,
    /// How to get to the server.
    pub tunnel: Option<TunnelTable>,
    /// When `apply` may change the database.
    pub window: Option<Window>,
    /// What has to succeed before `apply` changes anything.
    pub before_apply: Option<CommandLine>,
    /// What follows an `apply` that succeeded.
    pub after_apply: Option<CommandLine>,
    /// What makes a backup.
    pub backup: Option<BackupTable>,
    /// Who is told of applies and drift: a URL or `env:VARIABLE`.
    pub webhook: Option<ConnectionString>,
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

fn of_schemas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Glob>>, D::Error> {
    let globs = Vec::<Glob>::deserialize(deserializer)?;
    match globs.iter().find(|glob| !glob.is_of_schemas()) {
        Some(glob) => Err(D::Error::custom(format!(
            "`{}` names objects, and `include` is of schemas; `exclude` can leave single objects out",
            shown::pattern(&glob.to_string())
        ))),
        None => Ok(Some(globs)),
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(D::Error::custom)
}

/// Reads `30s`, `5m`, `1h 30m`. The error says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| {
            let text = shown::subject(text);
            format!("{text} is no duration such as `30s` or `5m`")
        })
}

fn time_limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_time_limit(&text).map(Some).map_err(D::Error::custom)
}

/// Reads a duration that something may take. The error says what was expected.
pub fn parse_time_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err(format!(
            "`{text}` is no time limit: it is longer than nothing"
        )),
        limit => Ok(limit),
    }
}
