//! The flags of `forge apply` for what surrounds it.

use crate::{
    commands::apply::{self, Hours},
    settings::Window,
};

/// The flags of `forge apply` for what surrounds it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Conditions {
    /// Make a backup first, as the environment's `backup` says
    #[arg(long)]
    backup: bool,

    /// Change the database only at these hours, such as `01:00-05:00 Europe/Rome`, whatever the environment's `window` says
    #[arg(long, value_name = "HOURS")]
    window: Option<Window>,

    /// Change the database at any hour
    #[arg(long, conflicts_with = "window")]
    ignore_window: bool,
}

impl Conditions {
    /// What they ask for.
    pub(super) fn wanted(&self) -> apply::Conditions {
        apply::Conditions {
            backup: self.backup,
            window: match &self.window {
                _ if self.ignore_window => Hours::Any,
                Some(window) => Hours::Only(window.clone()),
                None => Hours::OfEnvironment,
            },
        }
    }
}
