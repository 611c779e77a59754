//! Diagnostics for programs.

use serde::{Serialize, Serializer};

use crate::diagnostic::{Diagnostic, Place};

/// A diagnostic as a JSON object, alone or as a part of a command's document.
///
/// Absent parts are empty lists or `null`, never missing keys.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a>(pub &'a Diagnostic);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diagnostic = self.0;
        Document {
            severity: diagnostic.severity().as_str(),
            code: diagnostic.code().as_str(),
            message: diagnostic.message(),
            places: diagnostic.places().iter().map(Position::new).collect(),
            notes: diagnostic.notes(),
            help: diagnostic.help_text(),
            related: diagnostic.related().iter().map(Json).collect(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    places: Vec<Position<'a>>,
    notes: &'a [String],
    help: Option<&'a str>,
    related: Vec<Json<'a>>,
}

/// Lines and columns count from one, columns in characters; the end is exclusive.
#[derive(Serialize)]
struct Position<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    text: &'a str,
}

impl<'a> Position<'a> {
    fn new(place: &'a Place) -> Self {
        let (line, column) = place.file.line_column(place.span.start);
        let (end_line, end_column) = place.file.line_column(place.span.end);
        Self {
            file: place.file.path.as_str(),
            line,
            column,
            end_line,
            end_column,
            text: &place.text,
        }
    }
}
