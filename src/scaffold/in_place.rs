//! Edits that change of a tree's statements only what has changed in the database.

use std::ops::Range;

use camino::Utf8PathBuf;

use crate::source::{Statement, about, amend, statements_in, with_line_ends_of};

/// A stretch of a file that has to say something else.
pub(super) struct Stretch {
    pub(super) path: Utf8PathBuf,
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

/// The edits by which an object's own statements follow from `before` to `after`, which declare it in PostgreSQL's words.
/// None where they can't be told.
pub(super) fn stretches(own: &[&Statement], before: &str, after: &str) -> Option<Vec<Stretch>> {
    let first = own.first()?;
    let (before, after) = (statements(before)?, statements(after)?);
    let mut gone: Vec<&str> = without(&before, &after);
    let mut found = Vec::new();
    let mut new = Vec::new();
    for statement in without(&after, &before) {
        let about_it = about(statement)?;
        let Some(at) = gone
            .iter()
            .position(|old| about(old).as_ref() == Some(&about_it))
        else {
            new.push(statement);
            continue;
        };
        let old = gone.remove(at);
        let ours = only(own, &about_it)?;
        for change in amend(ours.text(), old, statement)? {
            found.push(Stretch {
                path: ours.file.path.clone(),
                span: ours.span.start + change.span.start..ours.span.start + change.span.end,
                text: change.text,
            });
        }
    }
    for old in gone {
        let ours = only(own, &about(old)?)?;
        found.push(taken_out(ours));
    }
    if !new.is_empty() {
        let last = own.iter().rfind(|one| one.file.path == first.file.path)?;
        found.push(appended(last, &new));
    }
    Some(found)
}

fn statements(sql: &str) -> Option<Vec<&str>> {
    let spans = statements_in(sql).ok()?;
    Some(spans.into_iter().map(|span| &sql[span]).collect())
}

fn without<'a>(all: &[&'a str], others: &[&str]) -> Vec<&'a str> {
    let missing = all.iter().filter(|one| !others.contains(one));
    missing.copied().collect()
}

/// The one statement that is about this.
fn only<'a>(own: &[&'a Statement], wanted: &str) -> Option<&'a Statement> {
    let mut found = own
        .iter()
        .filter(|one| about(one.text()).as_deref() == Some(wanted));
    let first = found.next()?;
    found.next().is_none().then_some(*first)
}

/// The end of a statement with its semicolon, and with the comment behind it in its line.
fn end(statement: &Statement) -> usize {
    let text = &statement.file.text;
    let end = end_of(statement);
    let stop = text[end..].find('\n').map_or(text.len(), |stop| end + stop);
    let rest = text[end..stop].trim();
    if rest.starts_with("--") {
        end + text[end..stop].trim_end().len()
    } else {
        end
    }
}

/// A statement with its line end.
fn taken_out(statement: &Statement) -> Stretch {
    let text = &statement.file.text;
    let start = statement.span.start;
    let end = end(statement);
    let line_end = ["\r\n", "\n"]
        .into_iter()
        .find(|line_end| text[end..].starts_with(line_end));
    let begins_line = start == 0 || text[..start].ends_with('\n');
    Stretch {
        path: statement.file.path.clone(),
        span: start..end + line_end.filter(|_| begins_line).map_or(0, str::len),
        text: String::new(),
    }
}

/// New statements behind one.
fn appended(last: &Statement, new: &[&str]) -> Stretch {
    let at = end(last);
    let mut text = String::new();
    let mut long = last.text().contains('\n');
    for statement in new {
        let longer = statement.contains('\n');
        text.push_str(if long || longer { "\n\n" } else { "\n" });
        text.push_str(statement);
        text.push(';');
        long = longer;
    }
    Stretch {
        path: last.file.path.clone(),
        span: at..at,
        text: with_line_ends_of(&last.file.text, text),
    }
}

/// Where a statement ends, with its semicolon.
pub(super) fn end_of(statement: &Statement) -> usize {
    let rest = &statement.file.text[statement.span.end..];
    let gap = rest.len() - rest.trim_start().len();
    let closed = rest[gap..].starts_with(';');
    statement.span.end + if closed { gap + 1 } else { 0 }
}
