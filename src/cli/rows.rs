//! What an apply or a downgrade does about rows.

use crate::apply::Dropped;

/// What is done about rows, by an apply or a downgrade.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Rows {
    /// Start without looking for rows on which a step fails
    #[arg(long)]
    pub(super) skip_row_checks: bool,

    /// Copy the rows and values that steps drop into tables of the schema `forge` before
    #[arg(long)]
    backup_dropped: bool,
}

impl Rows {
    /// What becomes of rows that steps drop.
    pub(super) fn dropped(&self) -> Dropped {
        if self.backup_dropped {
            Dropped::Kept
        } else {
            Dropped::Lost
        }
    }
}
