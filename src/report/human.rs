//! Diagnostics for people: severity and code, what happened, why, the source with a caret, what to do.
//!
//! miette draws. Its model is one source per report; ours is any number of files, so [`Excerpts`] lays what is shown of a
//! diagnostic's files one after the other in a single range of offsets, and every file gets its own snippet.

use std::{error::Error, fmt};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::{excerpts::Excerpts, paint::Paint};
use crate::{
    diagnostic::{Diagnostic, Severity},
    sql::{visible as on_one_line, visible_lines},
};

/// A longer message, in characters, is cut: a token or a value that it quotes may be as long as a file.
const LONGEST_TEXT: usize = 4000;

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

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct View<'a> {
    diagnostic: &'a Diagnostic,
    message: String,
    help: Option<String>,
    reason: Option<Reason>,
    excerpts: Excerpts,
    labels: Vec<LabeledSpan>,
}

impl<'a> View<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let (excerpts, spans) = Excerpts::new(diagnostic.places());
        let labels = diagnostic
            .places()
            .iter()
            .zip(spans)
            .enumerate()
            .map(|(index, (place, span))| {
                let text = Some(on_one_line(&legible(&place.text)).into_owned())
                    .filter(|text| !text.is_empty());
                if index == 0 {
                    LabeledSpan::new_primary_with_span(text, span)
                } else {
                    LabeledSpan::new_with_span(text, span)
                }
            })
            .collect();
        Self {
            diagnostic,
            message: on_one_line(&legible(diagnostic.message())).into_owned(),
            help: diagnostic.help_text().map(legible),
            reason: Reason::chain(diagnostic.notes()),
            excerpts,
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
        let severity = self.diagnostic.severity().as_str();
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
        Some(&self.excerpts)
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
                text: legible(text),
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

/// A text of the diagnostic's own, with hidden characters written out and of a length that can be read.
fn legible(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} more characters)", visible_lines(&text[..end]))
        }
        None => visible_lines(text).into_owned(),
    }
}
