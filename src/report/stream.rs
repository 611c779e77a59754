//! Where output goes, and what becomes of it when nobody reads it.

use std::io::{self, IsTerminal as _, Write};

/// What a stream leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// A person's terminal.
    Terminal,
    /// A file, a pipe, a CI log.
    Other,
}

/// Where a stream's text goes.
pub struct Stream {
    pub(super) kind: StreamKind,
    pub(super) writer: Box<dyn Write + Send>,
}

impl Stream {
    /// A stream of a known kind.
    pub fn new(kind: StreamKind, writer: impl Write + Send + 'static) -> Self {
        Self {
            kind,
            writer: Box::new(writer),
        }
    }

    /// The process's standard output.
    pub fn stdout() -> Self {
        let stream = io::stdout();
        Self::new(kind_of(stream.is_terminal()), stream)
    }

    /// The process's standard error.
    pub fn stderr() -> Self {
        let stream = io::stderr();
        Self::new(kind_of(stream.is_terminal()), stream)
    }
}

fn kind_of(is_terminal: bool) -> StreamKind {
    if is_terminal {
        StreamKind::Terminal
    } else {
        StreamKind::Other
    }
}

/// A stream's state.
pub(super) enum Sink {
    Open(Box<dyn Write + Send>),
    /// The reader has gone, or the output has ended.
    Closed,
    /// Writing failed; nothing is written after the gap.
    Failed(io::Error),
}

impl Sink {
    pub(super) fn write(&mut self, text: &str) {
        let Self::Open(writer) = self else { return };
        let written = writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush());
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => *self = Self::Closed,
            Err(error) => *self = Self::Failed(error),
        }
    }
}
