//! The parts of a plan between which an application is deployed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When a step is carried out in the life of a change: `-- forge:phase` in a plan file, `--phase` of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Rollout {
    /// Before the new application runs: what it needs, and the old one doesn't notice.
    #[default]
    Expand,
    /// Beside both: rows are filled.
    Backfill,
    /// When the old application has gone: what it still needed goes.
    Contract,
}

impl Rollout {
    /// Every phase, in order.
    pub const ALL: [Self; 3] = [Self::Expand, Self::Backfill, Self::Contract];

    /// The word as it stands in a plan file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
