//! Text as people see it: the only code that writes text of others into comments and to terminals.
//!
//! A name or a message may hold characters that no reader sees: a line end that ends a comment, an escape sequence that
//! moves the cursor, marks that turn the direction of the text around. [`visible`] writes each of them as `\u{a}`.

use std::{borrow::Cow, fmt, fmt::Write as _};

/// The text in one line, with `\u{…}` for each character that a reader would not see.
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, is_hidden)
}

/// The same for a text of several lines: line feeds and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// The visible form of a text that is read back: [`unescaped`] gives the text again.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_where(text, is_hidden)
}

/// The text with escapes for the characters that are asked for; [`unescaped`] gives the text again.
pub fn escaped_where(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.contains(ESCAPE) {
        // The text holds what reads as an escape.
        Cow::Owned(replaced(&text.replace(ESCAPE, r"\u{5c}u{"), escapes).into_owned())
    } else {
        replaced(text, escapes)
    }
}

/// The text that [`escaped`] made visible.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        plain.push_str(before);
        rest = if let Some((c, behind)) = character(after) {
            plain.push(c);
            behind
        } else {
            plain.push_str(ESCAPE);
            after
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A comment of SQL: one line whatever the text holds, which nothing but the end of the line ends.
pub fn comment(text: impl fmt::Display) -> String {
    format!("-- {}", visible(&text.to_string()))
}

/// Whether a reader does not see the character, or sees others in another order because of it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What an escape begins with.
const ESCAPE: &str = r"\u{";

fn replaced(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            write!(shown, "{ESCAPE}{:x}}}", u32::from(c)).expect("writing to a String can't fail");
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The character of an escape behind its beginning, and what follows.
fn character(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.split_once('}')?;
    let is_hex = digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = is_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
    Some((char::from_u32(code)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_written_out() {
        fn check(text: &str, one_line: &str, lines: &str) {
            assert_eq!(visible(text), one_line);
            assert_eq!(visible_lines(text), lines);
        }
        check("größe 表 👍", "größe 表 👍", "größe 表 👍");
        check("a\nb\tc", r"a\u{a}b\u{9}c", "a\nb\tc");
        check(
            "a\r\u{1b}[2J\u{9b}",
            r"a\u{d}\u{1b}[2J\u{9b}",
            r"a\u{d}\u{1b}[2J\u{9b}",
        );
        for c in "\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{e0041}"
            .chars()
        {
            assert_eq!(visible(&c.to_string()), format!(r"\u{{{:x}}}", u32::from(c)));
        }
    }

    #[test]
    fn escapes_are_read_back() {
        fn check(text: &str, escapes: &str) {
            assert_eq!(escaped(text), escapes);
            assert_eq!(unescaped(escapes), text);
        }
        check("a\\b", "a\\b");
        check("a\nb", r"a\u{a}b");
        check(r"a\u{a}b", r"a\u{5c}u{a}b");
        check(r"\\u{", r"\\u{5c}u{");
        // What is no escape stays.
        assert_eq!(
            unescaped(r"\u{x} \u{} \u{d800} \u{1"),
            r"\u{x} \u{} \u{d800} \u{1"
        );
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(
            comment("x\nALTER ROLE low SUPERUSER; --"),
            r"-- x\u{a}ALTER ROLE low SUPERUSER; --"
        );
        assert_eq!(comment("x\ry\u{2028}"), r"-- x\u{d}y\u{2028}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in r"(\\|u|\{|[0-9a-f]|\}|\n|\r|\u{1b}|\u{202e}|\PC){0,24}") {
            let shown = escaped(&text);
            prop_assert_eq!(unescaped(&shown), text.as_str());
            let ascii = escaped_where(&text, |c| !c.is_ascii());
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(unescaped(&ascii), text.as_str());
            // What is visible is shown as it is.
            prop_assert_eq!(visible(&shown), shown.as_ref());
        }
    }
}
