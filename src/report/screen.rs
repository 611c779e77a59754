//! Text on its way to a terminal: names and messages come from files and servers and may hold anything.

use std::{borrow::Cow, fmt::Write as _};

use super::paint;
use crate::sql::{is_hidden, visible, visible_lines};

/// How many lines a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    One,
    Many,
}

/// The text with its hidden characters written out, and then in the colours that a [`Paint`](paint::Paint) has put there.
pub(super) fn screened(text: &str, lines: Lines) -> Cow<'_, str> {
    paint::colored(
        text,
        match lines {
            Lines::One => visible,
            Lines::Many => visible_lines,
        },
    )
}

/// A source file's text, of the same length, so that offsets into it stay what they were: something else stands where a
/// character is hidden. (`\r` goes, too; miette counts lines wrongly around it.)
pub(super) fn same_length(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.len_utf8() {
            _ if !is_hidden(c) || matches!(c, '\n' | '\t') => shown.push(c),
            1 => shown.push(' '),
            2 => shown.push('·'),
            3 => shown.push('␣'),
            _ => shown.push_str("··"),
        }
    }
    shown
}

/// JSON with escapes for the hidden characters that its strings hold: C1 controls and marks of direction, too.
pub(super) fn json(text: &str) -> String {
    let hidden = |c| is_hidden(c) && c != '\n';
    if !text.contains(hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("writing to a String can't fail");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Paint, Role};

    #[test]
    fn only_forges_own_colours_pass() {
        fn check(text: &str, expected: &str) {
            assert_eq!(screened(text, Lines::Many), expected);
        }
        let green = Paint::COLORED.text(Role::Good, "a\u{1b}[8mb").to_string();
        check(&green, "\u{1b}[32ma\\u{1b}[8mb\u{1b}[0m");
        // A text that is painted like forge's own, beside a colour of forge's and in it.
        check(
            &format!("\u{1b}[31mx{green}"),
            "\\u{1b}[31mx\u{1b}[32ma\\u{1b}[8mb\u{1b}[0m",
        );
        let red = Paint::COLORED
            .text(Role::Bad, "x\u{1b}[0m\u{1b}[32my")
            .to_string();
        check(&red, "\u{1b}[31mx\\u{1b}[0m\\u{1b}[32my\u{1b}[0m");
        check("\u{1b}[2J\nx", "\\u{1b}[2J\nx");
        check("\u{202e}x\r", "\\u{202e}x\\u{d}");
        assert_eq!(Paint::PLAIN.text(Role::Bad, "x").to_string(), "x");
        assert_eq!(screened("a\nb", Lines::One), "a\\u{a}b");
        let lines = Paint::COLORED.text(Role::Strong, "a\nb").to_string();
        assert_eq!(screened(&lines, Lines::One), "\u{1b}[1ma\\u{a}b\u{1b}[0m");
    }

    #[test]
    fn offsets_stay() {
        for text in ["a\r\nb", "\u{9b}\u{ad}", "\u{202e}x\u{2028}", "\u{e0041}é"] {
            let shown = same_length(text);
            assert_eq!(shown.len(), text.len());
            assert!(!shown.contains(|c| is_hidden(c) && c != '\n'), "{shown:?}");
        }
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}\u{e0041}\n\u{1b}"});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(|c| is_hidden(c) && c != '\n'), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
