//! An object's definition before and after.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::paint::{Paint, Role};

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// Two definitions and what each of them is.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// What the removed lines belong to, `live` for one.
    pub before_name: &'a str,
    /// The definition before.
    pub before: &'a str,
    /// What the added lines belong to, `desired` for one.
    pub after_name: &'a str,
    /// The definition after.
    pub after: &'a str,
}

/// The lines that differ, marked with `-` and `+`, with some of their surroundings.
pub fn unified(sides: &Sides<'_>, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |role: Option<Role>, line: &str| {
        let written = match role {
            Some(role) => writeln!(text, "{}", paint.text(role, line)),
            None => writeln!(text, "{line}"),
        };
        written.expect("writing to a String can't fail");
    };
    line(Some(Role::Bad), &format!("--- {}", sides.before_name));
    line(Some(Role::Good), &format!("+++ {}", sides.after_name));
    let difference = TextDiff::from_lines(sides.before, sides.after);
    for (index, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            line(Some(Role::Faint), "…");
        }
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let (role, mark) = match change.tag() {
                ChangeTag::Equal => (None, ' '),
                ChangeTag::Delete => (Some(Role::Bad), '-'),
                ChangeTag::Insert => (Some(Role::Good), '+'),
            };
            let value = change.value().trim_end_matches(['\n', '\r']);
            line(role, format!("{mark} {value}").trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unified_difference() {
        fn check(before: &str, after: &str, expected: &str) {
            let sides = Sides {
                before_name: "live",
                before,
                after_name: "desired",
                after,
            };
            assert_eq!(unified(&sides, Paint::PLAIN), expected);
        }
        check(
            "CREATE VIEW v AS\n SELECT 1;",
            "CREATE VIEW v AS\n SELECT 2;",
            "--- live\n+++ desired\n  CREATE VIEW v AS\n-  SELECT 1;\n+  SELECT 2;\n",
        );
        check("", "x", "--- live\n+++ desired\n+ x\n");
        check(
            "a\n1\n2\n3\n4\n5\n6\n7\n8\nz\n",
            "b\n1\n2\n3\n4\n5\n6\n7\n8\ny\n",
            "--- live\n+++ desired\n- a\n+ b\n  1\n  2\n  3\n…\n  6\n  7\n  8\n- z\n+ y\n",
        );
    }
}
