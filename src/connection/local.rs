//! Settings of one statement or transaction, where a session can't keep them.

use std::fmt::Write as _;

use super::setup;

/// What holds in one statement or transaction of a shared session.
pub(super) struct Local {
    /// Names with their values, in order.
    settings: Vec<(String, String)>,
}

impl Local {
    pub(super) fn new(settings: Vec<(String, String)>) -> Self {
        Self { settings }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    fn calls(&self) -> String {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        setup::set_calls(settings, setup::Lasting::Transaction)
    }

    /// The statement that sets it for the current transaction.
    pub(super) fn statement(&self) -> String {
        format!("SELECT {}", self.calls())
    }

    /// The query as one statement that sets it first. `OFFSET 0` keeps the planner from changing the order.
    pub(super) fn around(&self, query: &str) -> String {
        let query = query.trim_end().trim_end_matches(';');
        let mut statement = format!(
            "SELECT it.* FROM (SELECT ARRAY[{}] AS made OFFSET 0) AS settings, LATERAL (SELECT it.* FROM (\n",
            self.calls()
        );
        write!(
            statement,
            "{query}\n) AS it WHERE settings.made IS NOT NULL OFFSET 0) AS it"
        )
        .expect("writing to a String can't fail");
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_one_statement() {
        let local = Local::new(vec![("search_path".to_owned(), String::new())]);
        assert_eq!(
            local.statement(),
            "SELECT pg_catalog.set_config('search_path', '', true)"
        );
        let around = local.around("SELECT 1 -- one\n;\n");
        assert!(around.contains("(\nSELECT 1 -- one\n\n) AS it"), "{around}");
        assert!(
            around.contains("ARRAY[pg_catalog.set_config('search_path', '', true)]"),
            "{around}"
        );
    }
}
