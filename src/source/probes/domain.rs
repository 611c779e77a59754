//! A domain.

use std::collections::BTreeMap;

use super::probe::state;
use crate::sql::NullTest;

/// A domain.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the domain"
)]
pub(super) struct Domain {
    /// The type that it restricts, as a cast of a query that is asked now names it.
    pub(super) base: String,
    /// That type's name, which may be another domain's.
    pub(super) on: String,
    /// Whether the type that it restricts is there only once the plan has created it.
    pub(super) is_on_new: bool,
    /// Whether it is there only once the plan has created it.
    pub(super) is_new: bool,
    /// Whether its values are rows.
    pub(super) is_row: bool,
    /// What it gives a column that has no default.
    pub(super) default: Option<String>,
    pub(super) refuses_null: bool,
    /// Its CHECK constraints by name.
    pub(super) checks: BTreeMap<String, String>,
}

/// What a domain demands of a value.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    NotNull,
    Check(String),
}

impl Rule {
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::NotNull => state::NULL,
            Self::Check(_) => state::CHECK,
        }
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Self::NotNull => "value IS NOT NULL",
            Self::Check(rule) => rule,
        }
    }

    /// The condition for values that break it.
    pub(super) fn broken(&self, test: NullTest) -> String {
        match self {
            Self::NotNull => test.is_null("value"),
            Self::Check(rule) => format!("NOT ({rule})"),
        }
    }
}

impl Domain {
    pub(super) fn rules(&self) -> impl Iterator<Item = Rule> {
        let refuses_null = self.refuses_null.then_some(Rule::NotNull);
        let checks = self.checks.values().cloned().map(Rule::Check);
        refuses_null.into_iter().chain(checks)
    }
}
