//! What is the same in every plan file: the settings above the steps, and the lines that forge reads.

use crate::sql::{comment, visible};

/// The version of the file's format.
pub const FORMAT: u32 = 1;

/// The settings under which a plan runs, whoever runs it: names are written in full, a body may name what comes later, and
/// text means what it means to the server that proved the plan, whatever the database's own settings are.
pub const SETTINGS: &[&str] = &[
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SET check_function_bodies = off",
    // psql takes a file for text in the server's encoding otherwise.
    "SET client_encoding = 'UTF8'",
    // A backslash before a quote would end no literal otherwise, and psql would read text as its own commands.
    "SET standard_conforming_strings = on",
    // `{NULL,a}` has a NULL in it.
    "SET array_nulls = on",
];

/// Reads a revision's identifier as it stands in a plan file: twelve hexadecimal digits, or more.
///
/// # Errors
/// What is wrong with it.
pub fn revision_id(text: &str) -> Result<String, String> {
    let is_id = text.len() >= 12
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    if is_id {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no revision: twelve hexadecimal digits"
        ))
    }
}

/// A value for the header, in one line without blanks around it, as it is read back.
pub fn header_value(text: &str) -> String {
    visible(text.trim()).into_owned()
}

/// A line of the header: what a user typed can't begin another.
pub fn header_line(key: &str, value: &str) -> String {
    comment(format_args!("forge:{key} {value}")) + "\n"
}

/// The key and the value of a line `-- forge:<key> <value>`.
pub(super) fn directive(line: &str) -> Option<(&str, &str)> {
    let comment = line.trim_ascii().trim_start_matches(';').trim_ascii_start();
    let directive = comment
        .strip_prefix("--")?
        .trim_ascii()
        .strip_prefix("forge:")?;
    let (key, value) = directive.split_once(' ').unwrap_or((directive, ""));
    Some((key, value.trim_ascii()))
}
