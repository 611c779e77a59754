//! `--phase`: the part of a plan behind which an apply stops.

use crate::kinds::Rollout;

/// The parts, in order.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Phase {
    /// Before the new application runs: what it needs, and the old one doesn't notice
    Expand,
    /// Beside both: rows are filled
    Backfill,
    /// When the old application has gone: what it still needed goes
    Contract,
}

impl From<Phase> for Rollout {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Expand => Self::Expand,
            Phase::Backfill => Self::Backfill,
            Phase::Contract => Self::Contract,
        }
    }
}
