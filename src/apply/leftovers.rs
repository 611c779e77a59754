//! What a failed step outside of any transaction leaves behind.

use super::work::Work;
use crate::{connection::failure::server_error, diagnostic::Result, kinds::Step, source::is_named};

/// Drops the invalid indexes that a failed concurrent build of this step has left.
pub(super) async fn clear(work: &Work<'_>, step: &Step) -> Result<()> {
    let relations: Vec<&str> = step
        .locks
        .iter()
        .map(|(_, relation)| relation.as_str())
        .collect();
    let client = work.session.client();
    let rows = client
        .query(include_str!("sql/invalid_indexes.sql"), &[&relations])
        .await
        .map_err(|error| server_error(&error))?;
    for row in &rows {
        let (name, short): (String, String) = (row.get("name"), row.get("short"));
        if step.sql.iter().any(|sql| is_named(&short, sql)) {
            work.listener.note(format_args!(
                "dropping the invalid index {name} that the build has left"
            ));
            client
                .batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"))
                .await
                .map_err(|error| server_error(&error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_statements() {
        fn check(name: &str, expected: bool) {
            let sql = "CREATE INDEX CONCURRENTLY a_idx ON app.t USING btree (\"B\")";
            assert_eq!(is_named(name, sql), expected, "{name}");
        }
        check("a_idx", true);
        check("a", false);
        check("idx", false);
        check("\"B\"", true);
        check("t", true);
    }
}
