//! The one object that owns the terminal.

use std::{
    fmt,
    sync::{Mutex, MutexGuard},
};

use serde::Serialize;

use super::{
    choice::{ColorChoice, Verbosity},
    difference,
    human::render,
    log,
    paint::{Paint, Role},
    progress::{self, Progress},
    screen::{self, Lines, screened},
    sql,
    stream::{Sink, Stream, StreamKind},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, Severity},
    listener::Status,
    sql::visible,
};

/// Owns the terminal.
pub struct Reporter {
    verbosity: Verbosity,
    stdout: Mutex<Sink>,
    stderr: Mutex<Sink>,
    stdout_kind: StreamKind,
    stdout_paint: Paint,
    stderr_paint: Paint,
    bars: progress::Bars,
    /// Where messages are lines of JSON: the clock that they are stamped by.
    lines: Option<log::Clock>,
}

impl Reporter {
    /// A reporter for these two streams. Progress is shown when stderr is a terminal and the verbosity allows it.
    pub fn new(color: ColorChoice, verbosity: Verbosity, stdout: Stream, stderr: Stream) -> Self {
        let bars = if stderr.kind == StreamKind::Terminal && verbosity > Verbosity::Quiet {
            progress::Bars::on_stderr()
        } else {
            progress::Bars::hidden()
        };
        Self {
            verbosity,
            stdout_kind: stdout.kind,
            stdout_paint: Paint::new(color, stdout.kind),
            stderr_paint: Paint::new(color, stderr.kind),
            stdout: Mutex::new(Sink::Open(stdout.writer)),
            stderr: Mutex::new(Sink::Open(stderr.writer)),
            bars,
            lines: None,
        }
    }

    /// Writes every message as a line of JSON from now on, stamped by this clock. Progress is nothing for a log.
    #[must_use]
    pub fn in_lines(self, clock: log::Clock) -> Self {
        Self {
            bars: progress::Bars::hidden(),
            stderr_paint: Paint::new(ColorChoice::Never, StreamKind::Other),
            lines: Some(clock),
            ..self
        }
    }

    /// Prints data: what the command was asked for.
    pub fn data(&self, text: impl fmt::Display) {
        let text = text.to_string();
        self.write(&self.stdout, &screened(&text, Lines::Many));
    }

    /// Prints data as indented JSON.
    pub fn json(&self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value)
            .expect("forge's documents have string keys and no failing Serialize");
        self.write(&self.stdout, &screen::json(&text));
    }

    /// Prints SQL, highlighted where colour is allowed. What isn't read by people but run keeps every byte.
    pub fn sql(&self, text: &str) {
        match self.stdout_kind {
            StreamKind::Other if !self.stdout_paint.is_colored() => self.write(&self.stdout, text),
            StreamKind::Terminal | StreamKind::Other => {
                self.data(sql::highlight(text, self.stdout_paint));
            }
        }
    }

    /// Prints an object's definition before and after.
    pub fn difference(&self, sides: &difference::Sides<'_>) {
        self.data(difference::unified(sides, self.stdout_paint));
    }

    /// Says what was done, in one line.
    pub fn note(&self, text: impl fmt::Display) {
        self.notes([text]);
    }

    /// Says what was done, in several lines.
    pub fn notes<T: fmt::Display>(&self, lines: impl IntoIterator<Item = T>) {
        if self.verbosity > Verbosity::Quiet {
            let lines = lines
                .into_iter()
                .map(|line| screened(&line.to_string(), Lines::One).into_owned());
            let text = lines.collect::<Vec<_>>().join("\n");
            self.say("info", &text, &text);
        }
    }

    /// Says how or why something was done, to those who asked with `-v`.
    pub fn detail(&self, text: impl fmt::Display) {
        if self.verbosity > Verbosity::Normal {
            let painted = self.stderr_paint.text(Role::Faint, &text).to_string();
            let text = text.to_string();
            self.say(
                "debug",
                &screened(&text, Lines::One),
                &screened(&painted, Lines::One),
            );
        }
    }

    /// Warns in one line. A warning with a place or a help is a [`Diagnostic`].
    pub fn warn(&self, text: impl fmt::Display) {
        if self.verbosity > Verbosity::Silent {
            let label = self.stderr_paint.text(Role::Caution, "warning:");
            let painted = format!("{label} {text}");
            let text = text.to_string();
            self.say(
                "warn",
                &screened(&text, Lines::One),
                &screened(&painted, Lines::One),
            );
        }
    }

    /// Reports one item's outcome: `✓ create table app.users`.
    pub fn status(&self, status: Status, text: impl fmt::Display) {
        let (role, mark) = match status {
            Status::Applied => (Role::Good, "✓"),
            Status::Skipped => (Role::Faint, "⊘"),
            Status::Failed => (Role::Bad, "✗"),
        };
        let mark = self.stderr_paint.text(role, mark);
        self.note(format_args!("{mark} {text}"));
    }

    /// Shows a problem. Advice is for those who did not ask for quiet; warnings and errors are for everybody.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let shown = match diagnostic.severity() {
            Severity::Error => true,
            Severity::Warning => self.verbosity > Verbosity::Silent,
            Severity::Advice => self.verbosity > Verbosity::Quiet,
        };
        if shown {
            let text = match self.lines {
                Some(clock) => log::problem(clock, diagnostic),
                None => render(diagnostic, self.stderr_paint),
            };
            self.write(&self.stderr, &text);
        }
    }

    fn say(&self, level: &str, text: &str, painted: &str) {
        match self.lines {
            Some(clock) => self.write(&self.stderr, &log::line(clock, level, text)),
            None => self.write(&self.stderr, painted),
        }
    }

    /// Shows the argument parser's explanation of a wrong command line.
    pub fn usage(&self, text: impl fmt::Display) {
        self.write(&self.stderr, &text.to_string());
    }

    /// Shows that something takes its time, from half a second on, until the returned guard is dropped.
    pub fn progress(&self, message: impl Into<String>) -> Progress {
        self.bars.start(visible(&message.into()).into_owned())
    }

    /// How much to say.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// The colours of stdout, for commands that lay out their own data.
    pub fn data_paint(&self) -> Paint {
        self.stdout_paint
    }

    /// The colours of stderr.
    pub fn message_paint(&self) -> Paint {
        self.stderr_paint
    }

    /// Ends the output: fails when data could not be written (a full disk). A closed pipe is no failure.
    pub fn finish(&self) -> Result<()> {
        match std::mem::replace(&mut *lock(&self.stdout), Sink::Closed) {
            Sink::Open(_) | Sink::Closed => Ok(()),
            Sink::Failed(error) => Err(Diagnostic::error(
                Code::Io,
                format!("can't write to standard output: {error}"),
            )),
        }
    }

    /// Writes whole lines, with the progress out of the way.
    fn write(&self, sink: &Mutex<Sink>, text: &str) {
        if text.is_empty() {
            return;
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.bars
            .suspend(|| lock(sink).write(&format!("{text}{end}")));
    }
}

fn lock(sink: &Mutex<Sink>) -> MutexGuard<'_, Sink> {
    sink.lock().expect("no writer panics while it prints")
}
