//! The statement by which a database remembers a revision; forge runs it, and so does psql in forge's place.

use crate::{
    plan::file::PlanFile,
    sql::{Literal, escaped_where, join},
};

/// The texts of a revision's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The plan.
    pub up: String,
    /// The way back, if it has one.
    pub down: Option<String>,
}

/// What a database can store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storable {
    /// Every character.
    Unicode,
    /// It has another encoding than UTF-8, or one that isn't known: other characters than those of ASCII are stored as
    /// escapes, which are read back.
    Ascii,
}

impl Storable {
    /// What a database of this encoding can store.
    pub fn of(encoding: &str) -> Self {
        if encoding == "UTF8" {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }
}

/// The statement that remembers a revision with the texts of its files. One that was reverted may come again with another way
/// back.
///
/// # Panics
/// If the plan isn't approved: only approved plans are applied.
pub fn registration(plan: &PlanFile, body: &Body, storable: Storable) -> String {
    let header = &plan.header;
    let approval = header
        .approval
        .as_ref()
        .expect("only approved plans are applied");
    let text = |value: &str| {
        let escapes = |c: char| storable == Storable::Ascii && !c.is_ascii();
        Literal(&escaped_where(value, escapes)).to_string()
    };
    let list = |values: &[String]| {
        let values = join(values.iter().map(|value| text(value)), ", ");
        format!("ARRAY[{values}]::text[]")
    };
    let columns = [
        ("rev", text(&header.revision)),
        ("parents", list(&header.down_revision)),
        ("depends_on", list(&header.depends_on)),
        ("labels", list(&header.branch_labels)),
        ("message", text(&header.message)),
        ("body", text(&body.up)),
        (
            "down_body",
            body.down.as_deref().map_or("NULL".to_owned(), text),
        ),
        ("sha256", text(&approval.sha256)),
        ("from_fp", text(&header.from.to_string())),
        ("to_fp", text(&header.to.to_string())),
        ("author", text(&header.author)),
        ("approved_by", text(&approval.by)),
        ("approved_at", text(&approval.at)),
        ("created", text(&header.created)),
        ("semver", text(&header.semver.to_string())),
    ];
    format!(
        "INSERT INTO forge.revision ({})\nVALUES ({})\nON CONFLICT (rev) DO UPDATE SET {}",
        join(columns.iter().map(|(name, _)| name), ", "),
        join(columns.iter().map(|(_, value)| value), ", "),
        join(
            columns
                .iter()
                .map(|(name, _)| format!("{name} = excluded.{name}")),
            ", "
        ),
    )
}
