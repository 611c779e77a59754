//! What `verify` and `preflight` report.

use serde::Serialize;

use crate::health::{Line, Verdict};

/// The version of the JSON document.
const VERSION: u32 = 1;

/// Checks, each with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of the JSON document.
    pub version: u32,
    /// Whether no check found something that isn't as it should be.
    pub good: bool,
    /// The checks.
    pub checks: Vec<Line>,
}

impl Report {
    /// The report of these checks.
    pub(crate) fn of(checks: Vec<Line>) -> Self {
        Self {
            version: VERSION,
            good: checks.iter().all(|line| line.verdict != Verdict::Bad),
            checks,
        }
    }
}
