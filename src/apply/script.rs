//! A plan to run, and how much of it.

use crate::{
    history::{Direction, Filed},
    kinds::Rollout,
};

/// A plan to run.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// Which way the file leads.
    pub direction: Direction,
    /// The file whose steps are run.
    pub file: &'a Filed,
    /// The way back, to be remembered with a plan that is applied.
    pub down: Option<&'a Filed>,
    /// The part of the plan behind which to stop.
    pub phase: Option<Rollout>,
}
