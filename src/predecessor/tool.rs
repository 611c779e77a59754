//! What a tool keeps in the databases that it changes, and how its tables are told from others of their names.

/// A tool that keeps books in the databases that it changes.
#[derive(Debug)]
pub struct Tool {
    /// What it is called.
    pub name: &'static str,
    /// Its commands, and those of forge that take their place.
    pub commands: &'static [(&'static str, &'static str)],
    /// Its tables, the one that holds the version first; the others may be missing.
    pub(super) books: &'static [Books],
    /// The query of the versions that `@table@` holds.
    pub(super) version: &'static str,
}

/// A table of a tool's.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) table: &'static str,
    pub(super) columns: &'static [Column],
}

/// A column of such a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Its type, as `format_type` prints it, is one of these; `*` at the end stands for anything.
    pub(super) types: &'static [&'static str],
    /// Whether older versions of the tool make the table without it.
    pub(super) since_later: bool,
}

impl Books {
    /// Whether the table has just the columns that the tool gives it.
    pub(super) fn fits(&self, found: &[(&str, &str)]) -> bool {
        let of = |name: &str| self.columns.iter().find(|column| column.name == name);
        found
            .iter()
            .all(|(name, type_name)| of(name).is_some_and(|column| column.fits(type_name)))
            && self.columns.iter().all(|column| {
                column.since_later || found.iter().any(|(name, _)| *name == column.name)
            })
    }
}

impl Column {
    pub(super) fn fits(&self, type_name: &str) -> bool {
        self.types
            .iter()
            .any(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => type_name.starts_with(beginning),
                None => type_name == *wanted,
            })
    }
}
