//! A line of a report: what was looked at, and what was found.

use serde::Serialize;

use crate::diagnostic::Diagnostic;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is as it should be.
    Good,
    /// Something isn't.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub evidence: Vec<String>,
}

impl Line {
    /// A check that found all well.
    pub fn good(name: &'static str, evidence: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            evidence: vec![evidence.into()],
        }
    }

    /// A check that found something.
    pub fn bad(name: &'static str, evidence: Vec<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Bad,
            evidence,
        }
    }

    /// A check that could not be made.
    pub fn unknown(name: &'static str, evidence: Vec<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Unknown,
            evidence,
        }
    }

    /// A check that ended with an error.
    pub fn failed(name: &'static str, error: &Diagnostic) -> Self {
        Self::bad(name, words(error))
    }

    /// Good if nothing was found.
    pub(super) fn of(name: &'static str, found: Vec<String>, otherwise: &str) -> Self {
        if found.is_empty() {
            Self::good(name, otherwise)
        } else {
            Self::bad(name, found)
        }
    }
}

/// An error's message, its notes and what to do.
pub(super) fn words(error: &Diagnostic) -> Vec<String> {
    let mut words = vec![error.message().to_owned()];
    words.extend(error.notes().iter().cloned());
    words.extend(error.help_text().map(|help| format!("help: {help}")));
    words
}
