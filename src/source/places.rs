//! Places in a text: what stands at a byte.

use std::ops::Range;

/// The word, or else the character, at a byte; nothing at the end of the text.
pub(crate) fn word_at(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let word = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let length = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    at..at + length
}

/// The dotted name at a byte, or else the word or character.
pub(crate) fn name_at(text: &str, at: usize) -> Range<usize> {
    let part = |from: usize| match text[from..].strip_prefix('"') {
        Some(quoted) => from + 1 + quoted.find('"').map_or(0, |end| end + 1),
        None => word_at(text, from).end,
    };
    let mut end = part(at);
    while let Some(rest) = text[end..].strip_prefix('.')
        && rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"'))
    {
        end = part(end + 1);
    }
    at..end
}

/// The byte at which the character with this number, counted from one, starts.
pub(crate) fn byte_of_character(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character.saturating_sub(1))
        .map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_marked_whole() {
        fn check(text: &str, name: &str) {
            assert_eq!(&text[name_at(text, 0)], name);
        }
        check("app.users (id)", "app.users");
        check("\"a b\".\"c\"::x", "\"a b\".\"c\"");
        check("t.* FROM", "t");
        check("(1)", "(");
    }
}
