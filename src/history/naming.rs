//! What a new plan is called: its revision, and its file.

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::settings::Naming;

/// A plan that wants a name.
#[derive(Debug, Clone, Copy)]
pub struct Unnamed<'a> {
    /// Its revision.
    pub revision: &'a str,
    /// What it is for.
    pub message: &'a str,
    /// When it was made.
    pub created: Timestamp,
    /// How many plans there are before it.
    pub earlier: usize,
}

/// The name of a plan's file in `folder`, without `.sql`; with the revision behind it where it is taken by another than
/// `drafts`, whose place it takes.
pub fn file_name(
    naming: &Naming,
    plan: Unnamed<'_>,
    folder: &Utf8Path,
    drafts: &[Utf8PathBuf],
) -> String {
    let name = fill(&naming.template, naming, plan);
    let name = name.trim_end_matches('_');
    let path = folder.join(format!("{name}.sql"));
    if path.exists() && !drafts.contains(&path) {
        format!("{name}_{}", plan.revision)
    } else {
        name.to_owned()
    }
}

/// A template with what its tokens stand for.
pub(super) fn fill(template: &str, naming: &Naming, plan: Unnamed<'_>) -> String {
    let local = plan.created.to_zoned(naming.timezone.clone());
    let value = |token: &str| match token {
        "rev" => plan.revision.to_owned(),
        "slug" => slug(plan.message, naming.slug_length),
        "seq" => format!("{:04}", plan.earlier + 1),
        "epoch" => plan.created.as_second().to_string(),
        "year" => format!("{:04}", local.year()),
        "month" => format!("{:02}", local.month()),
        "day" => format!("{:02}", local.day()),
        "hour" => format!("{:02}", local.hour()),
        "minute" => format!("{:02}", local.minute()),
        "second" => format!("{:02}", local.second()),
        _ => unreachable!("the settings are checked"),
    };
    let mut name = String::new();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once('{') {
        name.push_str(text);
        let (token, behind) = behind.split_once('}').expect("the settings are checked");
        name.push_str(&value(token));
        rest = behind;
    }
    name.push_str(rest);
    name
}

/// The letters and digits of a message, in lower case, with `_` for what is between them.
fn slug(message: &str, length: usize) -> String {
    let mut slug = String::new();
    for c in message.to_lowercase().chars() {
        if slug.chars().count() >= length {
            break;
        }
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    slug.trim_end_matches('_').to_owned()
}

/// A new revision: twelve hexadecimal digits of a hash over when, by which process and for what it is made.
pub fn new_revision(now: Timestamp, process: u32, message: &str) -> String {
    let seed = format!("{} {process} {message}", now.as_nanosecond());
    hex::encode(Sha256::digest(seed))[..12].to_owned()
}

/// Why a message says nothing, if it does.
pub fn vague(message: &str) -> Option<&'static str> {
    const EMPTY: &[&str] = &[
        "change",
        "changes",
        "fix",
        "fixes",
        "migration",
        "misc",
        "new",
        "schema",
        "stuff",
        "test",
        "todo",
        "update",
        "updates",
        "wip",
    ];
    let words: Vec<String> = message
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let says_nothing = words.iter().all(|word| EMPTY.contains(&word.as_str()));
    says_nothing
        .then_some("a reviewer reads it first: name the change, such as `add email to users`")
}

/// Whether a file is a way back, by its name.
pub(super) fn is_down(path: &Utf8Path) -> bool {
    path.as_str().ends_with(".down.sql")
}

#[cfg(test)]
mod tests {
    use jiff::tz::{self, TimeZone};

    use super::*;

    #[test]
    fn names_follow_the_template() {
        fn check(template: &str, message: &str, expected: &str) {
            Naming::check(template).unwrap();
            let naming = Naming {
                template: template.to_owned(),
                slug_length: 12,
                timezone: TimeZone::fixed(tz::offset(2)),
                header: None,
            };
            let plan = Unnamed {
                revision: "0123456789ab",
                message,
                created: "2026-01-02T23:04:05Z".parse().unwrap(),
                earlier: 6,
            };
            assert_eq!(file_name(&naming, plan, "nowhere".into(), &[]), expected);
        }
        check(
            &Naming::default().template,
            "Add e-mail",
            "20260103_0104_add_e_mail",
        );
        check(
            "{seq}_{slug}",
            "add the email of users",
            "0007_add_the_emai",
        );
        check("{rev}-{epoch}", "m", "0123456789ab-1767395045");
        check("{year}_{slug}", "!!", "2026");
        check("v{second}", "ü", "v05");
    }

    #[test]
    fn messages_that_say_nothing() {
        for message in ["update", "Schema changes", "fix!", ""] {
            assert!(vague(message).is_some(), "{message}");
        }
        for message in ["add email to users", "fix the orders' totals"] {
            assert!(vague(message).is_none(), "{message}");
        }
    }
}
