//! Colour, where it is allowed.

use std::fmt;

use owo_colors::Style;

use super::{ColorChoice, StreamKind};

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
