//! Plan files that no database has seen.

use forge::plan::file::{PlanFile, SETTINGS};

/// A plan file as forge writes it: proved. `message` is what it is for, `sql` its steps; the states are made up.
pub fn plan(revision: &str, parent: &str, message: &str, sql: &str) -> String {
    plan_by("Ann", revision, parent, message, sql)
}

/// A plan file of this author.
pub fn plan_by(author: &str, revision: &str, parent: &str, message: &str, sql: &str) -> String {
    let parent = if parent.is_empty() {
        String::new()
    } else {
        format!("-- forge:down_revision {parent}\n")
    };
    let text = format!(
        "\
-- forge:format 1
-- forge:revision {revision}
{parent}-- forge:message {message}
-- forge:author {author}
-- forge:created 2026-01-02T03:04:05Z
-- forge:postgres 15
-- forge:from 00000000000000000000000000000001
-- forge:to 00000000000000000000000000000002
-- forge:semver 0.1.0

{settings};

{sql}",
        settings = SETTINGS.join(";\n")
    );
    let hash = PlanFile::read("p.sql".into(), &text)
        .and_then(|plan| plan.sha256())
        .expect("the plan can be read");
    text.replace(
        "-- forge:semver 0.1.0\n",
        &format!("-- forge:semver 0.1.0\n-- forge:proved {hash}\n"),
    )
}
