//! What a step can do harm to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ObjectId;

macro_rules! hazards {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, approval: $approval:literal;)*) => {
        /// A class of risk. The names are stable: approvals and reports use them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum HazardKind { $($(#[doc = $doc])+ $name,)* }

        impl HazardKind {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name as it stands in plan files and after `--allow`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)* }
            }

            /// Whether a person has to allow it before the plan can be frozen.
            pub fn needs_approval(self) -> bool {
                match self { $(Self::$name => $approval,)* }
            }
        }
    };
}

hazards! {
    /// Rows or values are lost.
    DeletesData = "deletes-data", approval: true;
    /// Rows are changed or added, outside of batches.
    ChangesRows = "changes-rows", approval: true;
    /// It runs code whose effect forge can't determine.
    RunsCode = "runs-code", approval: true;
    /// What was there can't be brought back by the down plan.
    Irreversible = "irreversible", approval: false;
    /// Reads and writes wait while a table is scanned, rewritten or built.
    BlocksReads = "blocks-reads", approval: false;
    /// Writes wait while a table is scanned or an index is built.
    BlocksWrites = "blocks-writes", approval: false;
    /// The table is written anew: twice the disk, as much WAL, lag on replicas.
    Rewrites = "rewrites", approval: false;
    /// The step fails if rows are in the way (duplicates, NULLs, orphans, values that don't fit).
    MayFail = "may-fail", approval: false;
    /// Statements of an application that ran before fail, or find fewer rows.
    BreaksApplication = "breaks-application", approval: false;
    /// Access is widened or taken away.
    ChangesAccess = "changes-access", approval: false;
    /// It can't run in a transaction; a failure can leave a remainder, which the next apply clears.
    NotTransactional = "not-transactional", approval: false;
}

impl fmt::Display for HazardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One risk of one step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hazard {
    /// The class.
    pub kind: HazardKind,
    /// Why, as a clause: `the rows of app.users go with it`.
    pub why: String,
    /// What it is about where that is not the step's object, as SQL: a statement by hand deletes from another table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl Hazard {
    /// What it is about: what is allowed by name.
    pub fn subject(&self, object: &ObjectId) -> String {
        self.about.clone().unwrap_or_else(|| object.to_string())
    }
}
