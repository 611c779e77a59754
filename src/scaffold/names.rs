//! File names for objects, whose names may be anything.

use std::collections::{BTreeMap, BTreeSet};

/// Hands out names that are portable, and different even where a file system doesn't tell upper from lower case.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: BTreeMap<(String, String), String>,
    taken: BTreeSet<(String, String)>,
}

impl Names {
    /// The name, in a folder, of what is called `wanted`: the same each time that it is asked for.
    pub(super) fn within(&mut self, folder: &str, wanted: &str) -> String {
        let asked = (folder.to_string(), wanted.to_string());
        if let Some(name) = self.given.get(&asked) {
            return name.clone();
        }
        let base = portable(wanted);
        let mut name = base.clone();
        let mut number = 1;
        while !self
            .taken
            .insert((folder.to_lowercase(), name.to_lowercase()))
        {
            number += 1;
            name = format!("{base}_{number}");
        }
        self.given.insert(asked, name.clone());
        name
    }
}

/// The name with an underscore for what some file system, shell or gitignore pattern takes for something else.
fn portable(name: &str) -> String {
    let mut portable: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "_-.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    // A leading point hides a file, and Windows drops one at the end.
    if portable.starts_with(['.', '-']) {
        portable.replace_range(..1, "_");
    }
    if portable.ends_with('.') || portable.is_empty() {
        portable.push('_');
    }
    // Devices of Windows, whatever the extension.
    let device = portable
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().any(|port| {
        device
            .strip_prefix(port)
            .is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'9']))
    });
    if numbered || ["con", "prn", "aux", "nul"].contains(&device.as_str()) {
        portable.insert(0, '_');
    }
    portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portable_names() {
        fn check(name: &str, file: &str) {
            assert_eq!(portable(name), file);
        }
        check("users", "users");
        check("Größe", "Größe");
        check("a b/c\\d:e*f\"g", "a_b_c_d_e_f_g");
        check("../up", "_._up");
        check(".hidden", "_hidden");
        check("end.", "end._");
        check("", "_");
        check("con", "_con");
        check("LPT1.x", "_LPT1.x");
        check("company", "company");
    }

    #[test]
    fn names_that_differ_only_in_case() {
        let mut names = Names::default();
        let mut check =
            |folder: &str, wanted: &str, name: &str| assert_eq!(names.within(folder, wanted), name);
        check("app", "users", "users");
        check("app", "Users", "Users_2");
        check("app", "users", "users");
        check("APP", "USERS", "USERS_3");
        check("other", "Users", "Users");
        check("app", "a b", "a_b");
        check("app", "a_b", "a_b_2");
    }
}
