//! Writes an approval into a plan file's text, and nothing else: an author's comments stay.

use crate::plan::file::{Approval, Header, header_line};

/// The keys of the lines that an approval writes.
const KEYS: [&str; 9] = [
    "from",
    "to",
    "semver",
    "proved",
    "approved_by",
    "approved_at",
    "reason",
    "allowed",
    "sha256",
];

/// The plan's text with the states, the version and the approval of this header, in the place of earlier ones.
///
/// # Panics
/// If the header has no approval.
pub fn freeze(text: &str, header: &Header) -> String {
    let mut frozen = String::with_capacity(text.len() + 256);
    let mut begun = false;
    let mut in_header = true;
    for line in text.split_inclusive('\n') {
        let key = line
            .strip_prefix("-- forge:")
            .and_then(|line| line.split_whitespace().next());
        // Above it may stand the project's own lines.
        begun |= key.is_some();
        in_header &= key.is_some() || !begun;
        if in_header && key.is_some_and(|key| KEYS.contains(&key)) {
            continue;
        }
        frozen.push_str(line);
        if in_header && key == Some("postgres") {
            write_lines(&mut frozen, header);
        }
    }
    frozen
}

fn write_lines(text: &mut String, header: &Header) {
    let mut line = |key: &str, value: &str| text.push_str(&header_line(key, value));
    line("from", &header.from.to_string());
    line("to", &header.to.to_string());
    line("semver", &header.semver.to_string());
    let approval = header.approval.as_ref();
    let Approval {
        by,
        at,
        reason,
        allowed,
        sha256,
    } = approval.expect("what is frozen is approved");
    line("approved_by", by);
    line("approved_at", at);
    if let Some(reason) = reason {
        line("reason", reason);
    }
    for hazard in allowed {
        line("allowed", hazard);
    }
    line("sha256", sha256);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{history::graph::tests::plan_text, plan::file::PlanFile};

    #[test]
    fn approvals_stand_in_the_header() {
        fn check(text: &str, approval: &Approval) -> String {
            let mut header = PlanFile::read("p.sql".into(), text).unwrap().header;
            header.approval = Some(approval.clone());
            let frozen = freeze(text, &header);
            let read = PlanFile::read("p.sql".into(), &frozen).unwrap();
            assert_eq!(read.header, header, "{frozen}");
            assert!(frozen.ends_with("-- mine\n"));
            frozen
        }
        let text = format!("{}\n-- mine\n", plan_text("aaaaaaaaaaaa", ""));
        let mut approval = Approval {
            by: "Ann <ann@example.com>".to_owned(),
            at: "2026-01-02T03:04:05Z".to_owned(),
            reason: Some("it is needed".to_owned()),
            allowed: vec!["deletes-data table a.b".to_owned()],
            sha256: "0".repeat(64),
        };
        let frozen = check(&text, &approval);
        approval.by = "Bob".to_owned();
        approval.reason = None;
        approval.allowed.clear();
        let frozen = check(&frozen, &approval);
        check(&format!("-- © us\n\n{frozen}"), &approval);
    }
}
