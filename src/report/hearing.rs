//! The terminal hears what a command tells.

use super::{progress, reporter::Reporter};
use crate::listener::{Listener, Message, Progress};

impl Listener for Reporter {
    fn hear(&self, message: Message<'_>) {
        match message {
            Message::Notes(lines) => self.notes(lines),
            Message::Detail(text) => self.detail(text),
            Message::Warning(text) => self.warn(text),
            Message::Outcome(status, text) => self.status(status, text),
            Message::Problem(diagnostic) => self.diagnostic(diagnostic),
        }
    }

    fn begin(&self, what: String) -> Box<dyn Progress> {
        Box::new(self.progress(what))
    }
}

impl Progress for progress::Progress {
    fn message(&self, what: String) {
        self.message(what);
    }

    fn position(&self, done: u64, total: u64) {
        self.position(done, total);
    }
}
