//! What has drifted.

use super::super::project::Project;
use crate::{
    catalog::Catalog,
    diagnostic::{Code, Diagnostic, Result},
};

/// Two states of a database.
pub(super) struct Found {
    /// What left the first: a revision.
    pub(super) left_by: String,
    /// As it left it.
    pub(super) left: Catalog,
    /// As it is.
    pub(super) live: Catalog,
    /// Whether forge itself has changed nothing between the two.
    pub(super) settled: bool,
    /// What is different and no kind models.
    pub(super) unmodelled: Vec<String>,
}

impl Found {
    /// Refuses to work with what forge itself may have changed, and says what is left as it is.
    pub(super) fn usable(&self, project: &Project<'_>) -> Result<()> {
        if !self.settled {
            return Err(Diagnostic::error(
                Code::TargetChanged,
                "forge was stopped before it noted what the last revision left, so its own changes can't be told from others'",
            )
            .help("`forge apply` notes the state as it is now"));
        }
        for object in &self.unmodelled {
            project.listener.warn(format_args!(
                "{object} is left as it is: no kind of this version of forge models it"
            ));
        }
        Ok(())
    }
}
