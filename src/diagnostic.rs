//! What forge says when something is wrong: what happened, where, why, and what to do.
//!
//! A [`Diagnostic`] is the only error type that crosses module borders. It carries a stable [`Code`], which decides the
//! process's [`Exit`] code, and any number of [`Place`]s in source files. Only [`crate::report`] renders one.
//!
//! Texts are lower case, without a full stop, with objects in backticks.

use std::{fmt, io::ErrorKind, ops::Range, sync::Arc};

/// A result whose error is a [`Diagnostic`].
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// The process's exit codes. They are stable: scripts and CI depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error.
    Error = 1,
    /// A difference was found (`plan --check`, `drift`).
    Difference = 2,
    /// Refused by policy: an unapproved hazard, an edited frozen plan, a database that is not what the plan expects.
    Refused = 3,
    /// Wrong usage or configuration.
    Usage = 4,
    /// Another forge holds the lock.
    Busy = 5,
    /// Partly applied; another `apply` resumes.
    Partial = 6,
    /// The server can't be reached, refuses the login, or ends the connection.
    Unreachable = 7,
}

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The command can't go on.
    Error,
    /// The command goes on; the user should know.
    Warning,
    /// Worth knowing.
    Advice,
}

impl Severity {
    /// The word that stands before the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $exit:ident,)*) => {
        /// The stable name of a kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, for documentation and contract tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name that users see and search for.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The exit code of a command that ends with this error.
            pub fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)* }
            }
        }
    };
}

codes! {
    /// A command line that can't be carried out as written.
    Usage = "usage" => Usage,
    /// `forge.toml` or the environment is wrong.
    Configuration = "configuration" => Usage,
    /// A file or folder can't be read or written.
    Io = "io" => Error,
    /// SQL that PostgreSQL's parser rejects.
    Syntax = "syntax" => Error,
    /// SQL of another database's dialect.
    ForeignDialect = "foreign-dialect" => Error,
    /// A statement under `schema/` that declares no schema (DML, transaction control, …).
    NotSchema = "not-schema" => Error,
    /// A statement whose execution could reach outside the shadow.
    UnsafeStatement = "unsafe-statement" => Error,
    /// Two statements define the same object.
    Duplicate = "duplicate-object" => Error,
    /// Something refers to an object that isn't there.
    UnresolvedReference = "unresolved-reference" => Error,
    /// The shadow server rejected a statement of the tree.
    Rejected = "rejected" => Error,
    /// A statement of the tree needs more privileges than an ordinary role has.
    Unprivileged = "unprivileged" => Error,
    /// An extension that the server doesn't offer.
    MissingExtension = "missing-extension" => Error,
    /// A function body that its language's validator rejects.
    BrokenBody = "broken-body" => Error,
    /// A directive that can't be understood, or whose work is done.
    Directive = "directive" => Error,
    /// No shadow server could be had.
    NoShadow = "no-shadow" => Error,
    /// The server can't be reached.
    Unreachable = "unreachable" => Unreachable,
    /// The server refuses the login.
    Login = "login" => Unreachable,
    /// The server can't be talked to over TLS as asked.
    Tls = "tls" => Unreachable,
    /// The connection to the server ended while a command used it.
    ConnectionLost = "connection-lost" => Unreachable,
    /// The server reported an error of its own.
    Server = "server" => Error,
    /// A catalog value that this version of forge doesn't know.
    UnknownValue = "unknown-value" => Error,
    /// An object that no kind models.
    Unmodelled = "unmodelled" => Error,
    /// Objects that need each other and that nothing can take apart.
    Cycle = "cycle" => Error,
    /// The plan doesn't lead where it should, so it isn't written.
    Unproved = "unproved" => Error,
    /// A change that forge can't make.
    CannotPlan = "cannot-plan" => Error,
    /// A plan file that can't be read.
    PlanFile = "plan-file" => Error,
    /// A statement goes in batches by columns that are no key of its table.
    NoKey = "no-key" => Error,
    /// A backfill that somebody has aborted.
    Aborted = "aborted" => Partial,
    /// A frozen plan was edited.
    EditedPlan = "edited-plan" => Refused,
    /// A hazard that nobody has approved.
    Hazard = "hazard" => Refused,
    /// A plan that isn't approved.
    Draft = "draft" => Refused,
    /// A plan without a valid signature of somebody whose signature counts.
    Signature = "signature" => Refused,
    /// The database isn't what the plan was made for.
    TargetChanged = "target-changed" => Refused,
    /// Rows of the database that a step of the plan fails on.
    RowsInTheWay = "rows-in-the-way" => Refused,
    /// The database after the plan isn't what the plan promised.
    ResultDiffers = "result-differs" => Refused,
    /// The database isn't what the revision to be stamped promises.
    StampDiffers = "stamp-differs" => Refused,
    /// The user's own tests failed on a rehearsed database.
    TestFailed = "test-failed" => Error,
    /// Nobody has said that the database's rows don't matter.
    NotDisposable = "not-disposable" => Refused,
    /// The history doesn't allow this.
    History = "history" => Error,
    /// Approved plans wait to be applied.
    NotAtHead = "not-at-head" => Difference,
    /// No such revision.
    UnknownRevision = "unknown-revision" => Error,
    /// Another forge holds the lock, or a lock on a table can't be had.
    Busy = "busy" => Busy,
    /// A step failed and those before it stand.
    Partial = "partly-applied" => Partial,
    /// A step failed and nothing of it stands.
    StepFailed = "step-failed" => Error,
    /// A command that has to succeed before anything is changed failed.
    Hook = "hook" => Refused,
    /// A command that follows an apply failed; the plans are applied.
    AfterHook = "after-hook" => Error,
    /// The hours at which the database may be changed are over, or not there yet.
    OutsideWindow = "outside-window" => Refused,
    /// The user stopped the command.
    Interrupted = "interrupted" => Error,
    /// Something that the plan leaves alone but the user should know.
    Note = "note" => Error,
}

/// A file's name and text, shared by the diagnostics that point into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user knows it, relative to the project.
    pub path: camino::Utf8PathBuf,
    /// The text, without a byte order mark.
    pub text: String,
}

impl SourceFile {
    /// Line and column of a byte offset, both counted from one, the column in characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let before = &self.text.as_bytes()[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.split(|&byte| byte == b'\n').count();
        let column = String::from_utf8_lossy(&before[line_start..])
            .chars()
            .count()
            + 1;
        (line, column)
    }
}

/// A stretch of a source file and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Byte offsets into the file's text.
    pub span: Range<usize>,
    /// What stands beside the caret.
    pub text: String,
}

impl Place {
    /// `path:line:column`.
    pub fn location(&self) -> String {
        let (line, column) = self.file.line_column(self.span.start);
        format!("{}:{line}:{column}", self.file.path)
    }
}

/// One problem: what happened, where, why, what to do. Built with the methods, rendered by [`crate::report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    severity: Severity,
    code: Code,
    message: String,
    places: Vec<Place>,
    notes: Vec<String>,
    help: Option<String>,
    related: Vec<Diagnostic>,
}

impl Diagnostic {
    /// An error. `message` says what happened.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning. `message` says what is the matter.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            severity,
            code,
            message: message.into(),
            places: Vec::new(),
            notes: Vec::new(),
            help: None,
            related: Vec::new(),
        }))
    }

    /// The same as a warning: the command goes on without what is wrong.
    #[must_use]
    pub fn into_warning(mut self) -> Self {
        self.0.severity = Severity::Warning;
        self
    }

    /// The same as the error of a command of whose work something stands, as this note says.
    #[must_use]
    pub fn partly(mut self, what: &str) -> Self {
        self.0.code = Code::Partial;
        self.note(what)
    }

    /// Points at a stretch of a file; `text` stands beside the caret.
    #[must_use]
    pub fn at(
        mut self,
        file: &Arc<SourceFile>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        self.0.places.push(Place {
            file: Arc::clone(file),
            span,
            text: text.into(),
        });
        self
    }

    /// The problem of a stretch, which begins at a byte of the file, as one of the file.
    #[must_use]
    pub fn moved(mut self, part: &Arc<SourceFile>, file: &Arc<SourceFile>, base: usize) -> Self {
        if Arc::ptr_eq(part, file) {
            return self;
        }
        for place in &mut self.0.places {
            if Arc::ptr_eq(&place.file, part) {
                place.file = Arc::clone(file);
                place.span = place.span.start + base..place.span.end + base;
            }
        }
        let related = std::mem::take(&mut self.0.related).into_iter();
        self.0.related = related.map(|it| it.moved(part, file, base)).collect();
        self
    }

    /// Adds a line of detail (why).
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds another problem of the same command.
    #[must_use]
    pub fn with(mut self, other: Diagnostic) -> Self {
        self.0.related.push(other);
        self
    }

    /// Joins the problems of one command: the first leads, the rest are related to it.
    ///
    /// Returns `None` for an empty list.
    pub fn all(diagnostics: Vec<Diagnostic>) -> Option<Self> {
        let mut diagnostics = diagnostics.into_iter();
        let first = diagnostics.next()?;
        Some(diagnostics.fold(first, Diagnostic::with))
    }

    /// The severity.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where, the most important place first.
    pub fn places(&self) -> &[Place] {
        &self.0.places
    }

    /// Details.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// What to do.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Further problems of the same command.
    pub fn related(&self) -> &[Diagnostic] {
        &self.0.related
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.0.places.first() {
            write!(f, "{}: ", place.location())?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Diagnostic {}

impl From<std::io::Error> for Diagnostic {
    /// `fs_err` already names the file in its errors.
    fn from(error: std::io::Error) -> Self {
        let ways_out = [
            (
                ErrorKind::PermissionDenied,
                "give yourself access to that path, or run forge as the user that it belongs to",
            ),
            (
                ErrorKind::ReadOnlyFilesystem,
                "the file system is mounted read-only: choose another place",
            ),
            (
                ErrorKind::StorageFull,
                "the disk is full: make room, then try again",
            ),
        ];
        let diagnostic = Self::error(Code::Io, error.to_string());
        match ways_out.iter().find(|(kind, _)| *kind == error.kind()) {
            Some((_, help)) => diagnostic.help(*help),
            None => diagnostic,
        }
    }
}
