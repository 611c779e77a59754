//! Colour, where it is allowed.

use std::fmt;

use owo_colors::Style;

use super::{choice::ColorChoice, stream::StreamKind};

/// What a stretch of text is, so that colours are decided in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Success; an added line.
    Good,
    /// Failure; a removed line.
    Bad,
    /// A hazard or a warning.
    Caution,
    /// Less important than its surroundings; a comment.
    Faint,
    /// More important than its surroundings.
    Strong,
    /// A keyword of SQL.
    Keyword,
    /// A string of SQL.
    Text,
    /// A number of SQL.
    Number,
}

/// Whether a stream is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    colored: bool,
}

impl Paint {
    /// No colour.
    pub const PLAIN: Self = Self { colored: false };
    /// Colour.
    pub const COLORED: Self = Self { colored: true };

    /// What the user's choice means for a stream.
    pub fn new(choice: ColorChoice, kind: StreamKind) -> Self {
        match choice {
            ColorChoice::Always => Self::COLORED,
            ColorChoice::Never => Self::PLAIN,
            ColorChoice::Auto => match kind {
                StreamKind::Terminal => Self::COLORED,
                StreamKind::Other => Self::PLAIN,
            },
        }
    }

    /// Whether there is colour at all.
    pub fn is_colored(self) -> bool {
        self.colored
    }

    /// The text in its role's colour.
    pub fn text(self, role: Role, text: impl fmt::Display) -> impl fmt::Display {
        let style = if self.colored {
            style(role)
        } else {
            Style::new()
        };
        style.style(text)
    }
}

/// What each sequence that paints begins with.
pub(super) const ESCAPE: char = '\u{1b}';

/// The sequence that the text begins with, if it is one that a [`Paint`] writes.
pub(super) fn sequence(text: &str) -> Option<&str> {
    let own = ["[0m", "[1m", "[2m", "[31m", "[32m", "[33m", "[34m", "[36m"];
    let rest = text.strip_prefix(ESCAPE)?;
    let found = own.iter().find(|own| rest.starts_with(**own))?;
    Some(&text[..ESCAPE.len_utf8() + found.len()])
}

/// The sixteen colours only: terminals map them to what is readable on their background.
fn style(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Good | Role::Text => style.green(),
        Role::Bad => style.red(),
        Role::Caution => style.yellow(),
        Role::Faint => style.dimmed(),
        Role::Strong => style.bold(),
        Role::Keyword => style.blue(),
        Role::Number => style.cyan(),
    }
}
