//! What a run leaves behind that a next one goes on from, whatever ends it.

use std::{cell::RefCell, rc::Rc};

use crate::{
    diagnostic::{Code, Diagnostic, Exit},
    history::Direction,
};

/// What stands of the work of a command that isn't at its end. The command is told by its exit code then, even if a signal
/// ends it from outside. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Unfinished(Rc<RefCell<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    /// The revision that is done, of several.
    done: Option<String>,
    /// The revision that is being worked on.
    begun: Option<String>,
    /// What to do.
    help: String,
}

impl Unfinished {
    /// So many steps of a revision stand, of all that it has.
    pub(super) fn stand(&self, direction: Direction, revision: &str, (stands, of): (usize, usize)) {
        let (participle, _) = direction.words();
        let what =
            format!("revision `{revision}` is partly {participle}: {stands} of {of} steps stand");
        self.begun(direction, what);
    }

    /// Steps of a revision stand, or may stand.
    pub(super) fn begun(&self, direction: Direction, what: String) {
        let mut parts = self.0.borrow_mut();
        parts.begun = Some(what);
        parts.help = again(direction);
    }

    /// All steps of a revision stand, and nobody has looked yet what they led to.
    pub(super) fn not_verified(&self, revision: &str) {
        let mut parts = self.0.borrow_mut();
        parts.begun = Some(format!(
            "all steps of revision `{revision}` stand; the result is not verified"
        ));
        "the next `forge apply` or `forge downgrade` verifies the result before it does anything else"
            .clone_into(&mut parts.help);
    }

    /// Nothing of the revision stands that was begun.
    pub(super) fn nothing(&self) {
        self.0.borrow_mut().begun = None;
    }

    /// A revision has come to its end.
    pub(super) fn ended(&self, direction: Direction, revision: &str) {
        let (participle, _) = direction.words();
        *self.0.borrow_mut() = Parts {
            done: Some(format!("revision `{revision}` is {participle}")),
            begun: None,
            help: again(direction),
        };
    }

    /// The command has come to its end.
    pub(super) fn clear(&self) {
        self.0.take();
    }

    /// The error that a command ends with, as one of a command that leaves steps standing if it does.
    #[must_use]
    pub fn tell(&self, error: Diagnostic) -> Diagnostic {
        let parts = self.0.borrow();
        let Some(what) = parts.begun.as_ref().or(parts.done.as_ref()) else {
            return error;
        };
        // A plan that is at its end, with another result than it promised, is nothing to go on with.
        if error.code().exit() == Exit::Partial || error.code() == Code::ResultDiffers {
            return error;
        }
        let help = match error.help_text() {
            Some(help) => format!("{help}; {}", parts.help),
            None => format!("remove the cause; {}", parts.help),
        };
        error.partly(what).help(help)
    }
}

fn again(direction: Direction) -> String {
    let (_, command) = direction.words();
    format!("then run `{command}` again: it goes on where this run stopped")
}
