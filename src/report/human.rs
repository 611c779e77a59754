//! Diagnostics for people: severity and code, what happened, why, the source with a caret, what to do.
//!
//! miette draws. Its model is one source per report; ours is any number of files, so [`Files`] lays a diagnostic's
//! files one after the other in a single range of offsets, and every file gets its own snippet.

use std::{error::Error, fmt, ops::Range, sync::Arc};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

use super::{Paint, screen::same_length};
use crate::{
    diagnostic::{Diagnostic, Place, Severity, SourceFile},
    sql::{visible as on_one_line, visible_lines},
};

/// A longer stretch is shown by its first line: a caret under forty lines of a function body points at nothing.
const LONGEST_SPAN_IN_LINES: usize = 6;

/// Renders a diagnostic and those related to it.
pub fn render(diagnostic: &Diagnostic, paint: Paint) -> String {
    let theme = if paint.is_colored() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    // Lines are not wrapped, so that paths, commands and URLs can be copied and searched for.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_wrap_lines(false);
    let mut text = String::new();
    render_into(&mut text, &handler, diagnostic);
    text
}

fn render_into(text: &mut String, handler: &GraphicalReportHandler, diagnostic: &Diagnostic) {
    if !text.is_empty() {
        text.push('\n');
    }
    handler
        .render_report(text, &View::new(diagnostic))
        .expect("writing to a String can't fail");
    for related in diagnostic.related() {
        render_into(text, handler, related);
    }
}

/// The word that stands before the code.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    }
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct View<'a> {
    diagnostic: &'a Diagnostic,
    message: String,
    help: Option<String>,
    reason: Option<Reason>,
    files: Files,
    labels: Vec<LabeledSpan>,
}

impl<'a> View<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let mut files = Files::default();
        let labels = diagnostic
            .places()
            .iter()
            .enumerate()
            .map(|(index, place)| {
                let span = files.span(place);
                let text =
                    Some(on_one_line(&place.text).into_owned()).filter(|text| !text.is_empty());
                if index == 0 {
                    LabeledSpan::new_primary_with_span(text, span)
                } else {
                    LabeledSpan::new_with_span(text, span)
                }
            })
            .collect();
        Self {
            diagnostic,
            message: on_one_line(diagnostic.message()).into_owned(),
            help: diagnostic.help_text().map(lines),
            reason: Reason::chain(diagnostic.notes()),
            files,
            labels,
        }
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for View<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.as_ref().map(|reason| reason as _)
    }
}

impl miette::Diagnostic for View<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let severity = severity_word(self.diagnostic.severity());
        let code = self.diagnostic.code().as_str();
        Some(Box::new(format!("{severity}[{code}]")))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.files)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The notes, as the chain of causes that miette draws below the message.
#[derive(Debug)]
struct Reason {
    text: String,
    next: Option<Box<Reason>>,
}

impl Reason {
    fn chain(notes: &[String]) -> Option<Self> {
        notes.iter().rev().fold(None, |next, text| {
            Some(Self {
                text: lines(text),
                next: next.map(Box::new),
            })
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Reason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

/// The files of one diagnostic, each at its own range of offsets.
#[derive(Debug, Default)]
struct Files(Vec<Shown>);

#[derive(Debug)]
struct Shown {
    file: Arc<SourceFile>,
    /// The file's text, printable, and with a line break at the end: miette draws a caret behind the last character
    /// only where one follows.
    text: String,
    /// The offset of the text's first byte in the common range.
    base: usize,
}

impl Files {
    /// Where a place lies in the common range, which grows by the place's file if that is new.
    fn span(&mut self, place: &Place) -> SourceSpan {
        let known = self.0.iter().find(|shown| shown.file == place.file);
        let base = known.map_or_else(|| self.end(), |shown| shown.base);
        if known.is_none() {
            self.0.push(Shown {
                file: Arc::clone(&place.file),
                text: same_length(&place.file.text) + "\n",
                base,
            });
        }
        let Range { start, end } = visible(&place.file.text, &place.span);
        SourceSpan::new((base + start).into(), end - start)
    }

    /// The first free offset; a gap keeps the end of one file apart from the start of the next.
    fn end(&self) -> usize {
        self.0
            .last()
            .map_or(0, |shown| shown.base + shown.text.len() + 1)
    }
}

impl SourceCode for Files {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let Shown { file, text, base } = self
            .0
            .iter()
            .rfind(|shown| shown.base <= span.offset())
            .ok_or(MietteError::OutOfBounds)?;
        let start = span.offset() - base;
        let end = start + span.len();
        // miette asks for the stretch between two labels, too, to show them in one snippet if it can.
        if end > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let (line, column) = file.line_column(start);
        let first = (0..lines_before).fold(line_start(text, start), |at, _| {
            line_start(text, at.saturating_sub(1))
        });
        let last = (0..lines_after).fold(line_end(text, end), |at, _| {
            line_end(text, (at + 1).min(text.len()))
        });
        // With no context asked for, the answer is read only for where the span begins.
        let (first, line, column) = if lines_before == 0 {
            (start, line - 1, column - 1)
        } else {
            (first, file.line_column(first).0 - 1, 0)
        };
        let text = &text[first..last];
        let line_count = text.matches('\n').count();
        let span = SourceSpan::new((base + first).into(), text.len());
        Ok(Box::new(MietteSpanContents::new_named(
            on_one_line(file.path.as_str()).into_owned(),
            text.as_bytes(),
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

fn lines(text: &str) -> String {
    visible_lines(text).into_owned()
}
