//! Who hears what a command tells while it works.

use std::fmt;

use crate::diagnostic::Diagnostic;

/// The outcome that a status line reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Something was carried out.
    Applied,
    /// Something was left alone, for the reason that the line gives.
    Skipped,
    /// Something went wrong; the error itself follows.
    Failed,
}

/// What a command tells while it works. What it has to tell at its end is in its report.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Says what was done, in a line for each item.
    Notes(&'a [String]),
    /// Says how or why something was done.
    Detail(&'a str),
    /// Warns in one line.
    Warning(&'a str),
    /// Reports the outcome of one item: `create table app.users`.
    Outcome(Status, &'a str),
    /// Shows a problem that does not end the command.
    Problem(&'a Diagnostic),
}

/// Hears what a command tells while it works: the terminal, a log, or nobody.
pub trait Listener {
    /// Hears a message.
    fn hear(&self, message: Message<'_>);

    /// Hears that something takes its time, until the returned value is dropped.
    fn begin(&self, what: String) -> Box<dyn Progress>;
}

/// Something that takes its time. It ends when this is dropped.
pub trait Progress {
    /// Says what is being done now.
    fn message(&self, what: String);

    /// Says how much is done.
    fn position(&self, done: u64, total: u64);
}

impl dyn Listener + '_ {
    /// Says what was done, in one line.
    pub fn note(&self, text: impl fmt::Display) {
        self.hear(Message::Notes(&[text.to_string()]));
    }

    /// Says what was done, in several lines.
    pub fn notes<T: fmt::Display>(&self, lines: impl IntoIterator<Item = T>) {
        let lines: Vec<String> = lines.into_iter().map(|line| line.to_string()).collect();
        self.hear(Message::Notes(&lines));
    }

    /// Says how or why something was done.
    pub fn detail(&self, text: impl fmt::Display) {
        self.hear(Message::Detail(&text.to_string()));
    }

    /// Warns in one line. A warning with a place or a help is a [`Diagnostic`].
    pub fn warn(&self, text: impl fmt::Display) {
        self.hear(Message::Warning(&text.to_string()));
    }

    /// Reports the outcome of one item.
    pub fn status(&self, status: Status, text: impl fmt::Display) {
        self.hear(Message::Outcome(status, &text.to_string()));
    }

    /// Shows a problem that does not end the command.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        self.hear(Message::Problem(diagnostic));
    }

    /// Shows that something takes its time, until the returned value is dropped.
    #[must_use = "the progress ends when this is dropped"]
    pub fn progress(&self, what: impl Into<String>) -> Box<dyn Progress> {
        self.begin(what.into())
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {
    fn hear(&self, _message: Message<'_>) {}

    fn begin(&self, _what: String) -> Box<dyn Progress> {
        Box::new(Self)
    }
}

impl Progress for Silent {
    fn message(&self, _what: String) {}

    fn position(&self, _done: u64, _total: u64) {}
}
