//! What forge manages: everything, or the schemas that the project names.

use super::Catalog;
use crate::kinds::ObjectId;

/// The schemas that forge keeps, by name; `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The schemas that are managed; all where the list is empty.
    pub include: Vec<String>,
    /// Those of them that aren't.
    pub exclude: Vec<String>,
}

impl Scope {
    /// Whether a schema is managed.
    pub fn holds_schema(&self, schema: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| matches(pattern, schema)))
            && !self.exclude.iter().any(|pattern| matches(pattern, schema))
    }

    /// Whether an object is managed. One that lives in no schema (an extension) is.
    pub fn holds(&self, id: &ObjectId) -> bool {
        id.lives_in()
            .is_none_or(|schema| self.holds_schema(schema.as_str()))
    }

    /// Leaves out of a catalog what isn't managed.
    pub fn restrict(&self, catalog: &mut Catalog) {
        if !self.include.is_empty() || !self.exclude.is_empty() {
            catalog.retain(|id| self.holds(id));
        }
    }
}

/// Whether a name is of a pattern's shape.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&at| rest.is_char_boundary(at))
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        fn check(pattern: &str, name: &str, expected: bool) {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        check("app", "app", true);
        check("app", "apple", false);
        check("app*", "apple", true);
        check("*_x", "a_x", true);
        check("*_x", "a_y", false);
        check("a*b*c", "axxbyyc", true);
        check("*", "", true);
    }
}
