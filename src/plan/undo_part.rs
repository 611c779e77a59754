//! A part of a way back from the middle of a plan.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::kinds::ObjectId;

/// What undoes some steps of a plan, which stand or fall together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoPart {
    /// The numbers of the first and the last of these steps, counted from one.
    pub steps: (usize, usize),
    /// What they change.
    pub changes: Vec<UndoChange>,
    /// What can't be brought back: then there is no way back from here.
    pub stays: Vec<ObjectId>,
    /// How many of the undo plan's batches belong to it.
    pub batches: usize,
}

/// An object, with what belongs to it, before and after some steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoChange {
    /// The object.
    pub id: ObjectId,
    /// Its short fingerprint before, if it is there.
    pub before: Option<String>,
    /// Its short fingerprint after, if it is there.
    pub after: Option<String>,
}

impl UndoPart {
    /// The numbers of the steps, as a plan file writes them: `3`, `3-7`.
    pub fn numbers(&self) -> String {
        match self.steps {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        }
    }

    /// Whether all of the steps are among these.
    pub fn is_among(&self, steps: &BTreeSet<usize>) -> bool {
        (self.steps.0..=self.steps.1).all(|step| steps.contains(&step))
    }
}

impl fmt::Display for UndoChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |state: &Option<String>| state.as_deref().unwrap_or("-").to_owned();
        write!(
            f,
            "{} {} {}",
            state(&self.before),
            state(&self.after),
            self.id
        )
    }
}

impl FromStr for UndoChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.splitn(3, ' ');
        let mut state = || match words.next() {
            Some("-") => Ok(None),
            Some(state) if state.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Some(state.to_owned()))
            }
            _ => Err("a change is `<before> <after> <object>`".to_owned()),
        };
        let (before, after) = (state()?, state()?);
        let id = words.next().unwrap_or_default().parse()?;
        Ok(Self { id, before, after })
    }
}
