//! Colour, where it is allowed.

use std::{
    borrow::Cow,
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::OnceLock,
};

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

    /// The text in its role's colour, once it is screened.
    pub fn text(self, role: Role, text: impl fmt::Display) -> impl fmt::Display {
        if self.colored {
            let mark = mark();
            format!("{mark}{};{text}{mark}{RESET};", color(role))
        } else {
            text.to_string()
        }
    }
}

/// What ends every colour.
const RESET: u8 = 0;

/// What stands before the number of a colour until the text is screened.
///
/// A text of others can't hold it: it is another one in each process. So what looks like a colour in a name is none.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let number = RandomState::new().build_hasher().finish();
        format!("\u{1b}{number:016x}:")
    })
}

/// The text in its colours; what stands between them is shown by a rule of the caller's.
pub(super) fn colored<'a>(text: &'a str, show: impl Fn(&'a str) -> Cow<'a, str>) -> Cow<'a, str> {
    let Some((before, rest)) = text.split_once(mark()) else {
        return show(text);
    };
    let mut colored = show(before).into_owned();
    for piece in rest.split(mark()) {
        let (number, text) = piece
            .split_once(';')
            .expect("a paint writes the number of a colour behind its mark");
        colored.push_str("\u{1b}[");
        colored.push_str(number);
        colored.push('m');
        colored.push_str(&show(text));
    }
    Cow::Owned(colored)
}

/// The sixteen colours only: terminals map them to what is readable on their background.
fn color(role: Role) -> u8 {
    match role {
        Role::Strong => 1,
        Role::Faint => 2,
        Role::Bad => 31,
        Role::Good | Role::Text => 32,
        Role::Caution => 33,
        Role::Keyword => 34,
        Role::Number => 36,
    }
}
