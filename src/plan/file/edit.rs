//! Changes of one part of a plan file's text; all else stays as it is.

use super::{Header, PlanFile, header::Key, section, syntax::directive};
use crate::{diagnostic::Result, plan::Plan, source::statements_in};

/// A plan file's text with this header in the place of its own. The project's lines above it and an author's comments stay.
pub fn with_header(text: &str, header: &Header) -> String {
    let own = section::split(text).map_or(text.len(), |(own, _)| own.end);
    let end = statements_in(&text[..own])
        .ok()
        .and_then(|statements| statements.first().map(|first| first.start))
        .unwrap_or(text.len());
    let mut replaced = String::with_capacity(text.len() + 256);
    let (mut written, mut in_header, mut at) = (false, true, 0);
    for line in text.split_inclusive('\n') {
        let key = directive(line).map(|(key, _)| key);
        let is_known = key.is_some_and(|key| Key::named(key).is_some());
        in_header &= at < end && (key.is_none() || is_known);
        at += line.len();
        if !(in_header && is_known) {
            replaced.push_str(line);
        } else if !written {
            header.render(&mut replaced);
            written = true;
        }
    }
    replaced
}

impl PlanFile {
    /// The text of a file's undo steps, behind as many empty lines as stand above them.
    pub fn undo_text(text: &str) -> String {
        let Ok((_, Some(section))) = section::split(text) else {
            return String::new();
        };
        let above = text[..section.start].matches('\n').count();
        format!("{}{}", "\n".repeat(above), &text[section])
    }

    /// A file's text with other undo steps, and everything else as it is.
    ///
    /// # Errors
    /// As [`PlanFile::read`].
    pub fn with_undo(text: &str, undo: Option<&Plan>) -> Result<String> {
        let (own, _) = section::split(text)?;
        let mut with = format!("{}\n", text[own].trim_end());
        if let Some(undo) = undo {
            section::write(&mut with, undo);
        }
        Ok(with)
    }
}
