//! The lines of source files that a diagnostic shows, cut to what fits a screen.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::screen::same_length;
use crate::{
    diagnostic::{Place, SourceFile},
    sql::visible as on_one_line,
};

/// A longer stretch is shown by its first line: a caret under forty lines of a function body points at nothing.
const LONGEST_SPAN_IN_LINES: usize = 6;

/// A longer line, in bytes, is shown by the part around what is pointed at.
const LONGEST_LINE: usize = 240;
/// What is shown before, and behind, the place in a longer line, and how much of the place itself.
const BEFORE: usize = 60;
const BEHIND: usize = 60;
const MOST_OF_A_PLACE: usize = 80;

/// Stands where a line is cut.
const CUT: &str = "…";

/// What is pointed at in a file, and the number of its place.
type Pointed = (Range<usize>, usize);

/// The excerpts of one diagnostic, each at its own range of offsets.
#[derive(Debug, Default)]
pub(super) struct Excerpts(Vec<Excerpt>);

/// Lines of a file that follow each other.
#[derive(Debug)]
struct Excerpt {
    path: String,
    /// The lines, printable, each with a line break at the end: miette draws a caret behind the last character only where
    /// one follows.
    text: String,
    /// The offset of the text's first byte in the common range.
    base: usize,
    lines: Vec<Line>,
}

/// A line of an excerpt.
#[derive(Debug)]
struct Line {
    /// Its number in the file, from zero.
    number: usize,
    /// The characters before what is shown of it.
    characters_before: usize,
    /// The bytes of the file that are shown.
    shown: Range<usize>,
    /// Where they begin in the excerpt.
    at: usize,
}

impl Excerpts {
    /// The excerpts for some places, and where each of these lies in the common range.
    pub(super) fn new(places: &[Place]) -> (Self, Vec<SourceSpan>) {
        let mut excerpts = Self::default();
        let mut spans = BTreeMap::new();
        let mut files: Vec<&Arc<SourceFile>> = Vec::new();
        for place in places {
            if !files.contains(&&place.file) {
                files.push(&place.file);
            }
        }
        for file in files {
            let mut own: Vec<Pointed> = places
                .iter()
                .enumerate()
                .filter(|(_, place)| place.file == *file)
                .map(|(index, place)| (visible(&file.text, &place.span), index))
                .collect();
            own.sort_by_key(|(span, index)| (span.start, *index));
            let mut rest = &own[..];
            while !rest.is_empty() {
                let (together, others) = neighbours(&file.text, rest);
                let excerpt = Excerpt::new(file, together, excerpts.end());
                for (span, index) in together {
                    spans.insert(*index, excerpt.place(span));
                }
                excerpts.0.push(excerpt);
                rest = others;
            }
        }
        (excerpts, spans.into_values().collect())
    }

    /// The first free offset; a gap keeps the end of one excerpt apart from the start of the next.
    fn end(&self) -> usize {
        self.0
            .last()
            .map_or(0, |last| last.base + last.text.len() + 1)
    }
}

/// The first places, as far as their lines and the ones around them meet, and the others.
fn neighbours<'a>(text: &str, places: &'a [Pointed]) -> (&'a [Pointed], &'a [Pointed]) {
    let mut end = 0;
    let apart = places.iter().enumerate().position(|(index, (span, _))| {
        let around = around(text, span);
        if index > 0 && around.start > end {
            return true;
        }
        end = end.max(around.end);
        false
    });
    places.split_at(apart.unwrap_or(places.len()))
}

/// The lines of a span, with the one before and the one behind.
fn around(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = line_start(text, line_start(text, span.start).saturating_sub(1));
    let end = line_end(text, (line_end(text, span.end) + 1).min(text.len()));
    start..end
}

impl Excerpt {
    fn new(file: &SourceFile, places: &[Pointed], base: usize) -> Self {
        let text = &file.text;
        let lines = places.iter().map(|(span, _)| around(text, span));
        let lines = lines
            .reduce(|all, next| all.start..all.end.max(next.end))
            .unwrap_or_default();
        let mut excerpt = Self {
            path: on_one_line(file.path.as_str()).into_owned(),
            text: String::new(),
            base,
            lines: Vec::new(),
        };
        let before = &text[..lines.start];
        let mut number = before.matches('\n').count();
        let mut start = lines.start;
        loop {
            let end = line_end(text, start);
            excerpt.push(text, start..end, number, places);
            if end >= lines.end {
                return excerpt;
            }
            (start, number) = (end + 1, number + 1);
        }
    }

    fn push(&mut self, text: &str, line: Range<usize>, number: usize, places: &[Pointed]) {
        let shown = window(text, &line, places);
        if shown.start > line.start {
            self.text.push_str(CUT);
        }
        self.lines.push(Line {
            number,
            characters_before: text[line.start..shown.start].chars().count(),
            shown: shown.clone(),
            at: self.text.len(),
        });
        self.text.push_str(&same_length(&text[shown.clone()]));
        if shown.end < line.end {
            self.text.push_str(CUT);
        }
        self.text.push('\n');
    }

    /// Where a span of the file lies in the common range.
    fn place(&self, span: &Range<usize>) -> SourceSpan {
        let offset = |byte: usize| {
            let index = self
                .lines
                .partition_point(|line| line.shown.start <= byte)
                .saturating_sub(1);
            let line = &self.lines[index];
            line.at + byte.clamp(line.shown.start, line.shown.end) - line.shown.start
        };
        let (start, end) = (offset(span.start), offset(span.end));
        SourceSpan::new((self.base + start).into(), end.max(start) - start)
    }

    /// Line and column of an offset, both from zero.
    fn line_column(&self, offset: usize) -> (usize, usize) {
        let index = self.lines.partition_point(|line| line.at <= offset);
        let line = &self.lines[index.saturating_sub(1)];
        let column = self.text[line.at.min(offset)..offset].chars().count();
        (line.number, line.characters_before + column)
    }
}

/// The part of a line that is shown: all, or what is around the places in it.
fn window(text: &str, line: &Range<usize>, places: &[Pointed]) -> Range<usize> {
    if line.len() <= LONGEST_LINE {
        return line.clone();
    }
    let own = places
        .iter()
        .map(|(span, _)| span)
        .filter(|span| span.start <= line.end && span.end >= line.start);
    let first = own.clone().map(|span| span.start.max(line.start)).min();
    let start = first.unwrap_or(line.start);
    let last = own
        .map(|span| span.end.min(span.start + MOST_OF_A_PLACE))
        .max()
        .unwrap_or(start)
        .clamp(start, start + LONGEST_LINE);
    let start = start.saturating_sub(BEFORE).max(line.start);
    let end = (last + BEHIND).min(line.end);
    text.floor_char_boundary(start)..text.ceil_char_boundary(end)
}

impl SourceCode for Excerpts {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let excerpt = self
            .0
            .iter()
            .rfind(|excerpt| excerpt.base <= span.offset())
            .ok_or(MietteError::OutOfBounds)?;
        let Excerpt { text, base, .. } = excerpt;
        let start = span.offset() - base;
        let end = start + span.len();
        // miette asks for the stretch between two labels, too, to show them in one snippet if it can.
        if end > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let first = (0..lines_before).fold(line_start(text, start), |at, _| {
            line_start(text, at.saturating_sub(1))
        });
        let last = (0..lines_after).fold(line_end(text, end), |at, _| {
            line_end(text, (at + 1).min(text.len()))
        });
        // With no context asked for, the answer is read only for where the span begins.
        let (first, (line, column)) = if lines_before == 0 {
            (start, excerpt.line_column(start))
        } else {
            (first, (excerpt.line_column(first).0, 0))
        };
        let shown = &text[first..last];
        let line_count = shown.matches('\n').count();
        let span = SourceSpan::new((base + first).into(), shown.len());
        Ok(Box::new(MietteSpanContents::new_named(
            excerpt.path.clone(),
            shown.as_bytes(),
            span,
            line,
            column,
            line_count,
        )))
    }
}

/// The part of a span that a caret can stand under: inside the text, on character borders, not after its last line.
fn visible(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.trim_end().len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let lines = text[start..end].matches('\n').count() + 1;
    if lines > LONGEST_SPAN_IN_LINES {
        start..line_end(text, start)
    } else {
        start..start + text[start..end].trim_end().len()
    }
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// The end of the offset's line, before its line break.
fn line_end(text: &str, offset: usize) -> usize {
    text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at)
}
