//! Expressions as PostgreSQL prints them, and as it has to be told them so that it prints them again.
//!
//! `status IN ('a', 'b')` on a `varchar` column is stored as one cast around an array and printed as
//! `(ARRAY['a'::character varying, …])::text[]`. Read back, the parser pushes the cast into the array (`transformTypeCast`
//! in its source), and what is stored then prints as `ARRAY[('a'::character varying)::text, …]`. Both mean the same, and a
//! dump that was read back has the second where the database has the first: so they are equal, and nothing is built anew
//! for it. What is built is told so that it prints as it is declared: a cast to the array's own type, which changes nothing,
//! keeps the parser from pushing the other one inside.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An expression, or a text that has some in it, as PostgreSQL prints it. [`fmt::Display`] writes what it prints the same
/// way once it has read it.
///
/// Two texts are equal, and serialize as the same, if they are once every cast around an array is pushed inside.
#[derive(Debug, Clone)]
pub struct Expression {
    printed: String,
    /// With the casts pushed inside, where that is another text.
    settled: Option<String>,
}

impl Expression {
    /// Takes the text as PostgreSQL prints it.
    pub fn new(printed: &str) -> Self {
        let settled = rewrite(printed, &|cast| Some(cast.spread()));
        Self {
            settled: (settled != printed).then_some(settled),
            printed: printed.to_owned(),
        }
    }

    /// The text as PostgreSQL prints it.
    pub fn as_str(&self) -> &str {
        &self.printed
    }

    /// The text with the casts of arrays pushed inside.
    fn settled(&self) -> &str {
        self.settled.as_deref().unwrap_or(&self.printed)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.settled() == other.settled()
    }
}

impl Eq for Expression {}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.settled())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rewrite(&self.printed, &|cast| {
            let own = cast.own_type().filter(|own| *own != cast.target)?;
            let (list, target) = (cast.list, cast.target);
            Some(format!("(ARRAY[{list}])::{own}[]::{target}[]"))
        }))
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// `(ARRAY[list])::target[]`.
struct ArrayCast<'a> {
    list: &'a str,
    target: &'a str,
}

impl<'a> ArrayCast<'a> {
    const OPENING: &'static str = "(ARRAY[";

    /// The cast that the text begins with, and where it ends.
    fn at_start(text: &'a str) -> Option<(Self, usize)> {
        let inside = text.strip_prefix(Self::OPENING)?;
        let list = &inside[..closing(inside)?];
        let target = inside[list.len()..].strip_prefix("])::")?;
        let target = &target[..type_name(target)?];
        let end = Self::OPENING.len() + list.len() + "])::".len() + target.len();
        (!target.is_empty() && text[end..].starts_with("[]"))
            .then_some((Self { list, target }, end + "[]".len()))
    }

    /// The type of the array's elements, where one of them says it: they all have the same.
    fn own_type(&self) -> Option<&'a str> {
        elements(self.list).into_iter().find_map(element_type)
    }

    /// The same with the cast on each element.
    fn spread(&self) -> String {
        spread(self.list, self.target)
    }
}

fn spread(list: &str, target: &str) -> String {
    let cast = |element: &str| match nested(element) {
        Some(list) => spread(list, target),
        None => format!("({})::{target}", Expression::new(element).settled()),
    };
    let list: Vec<String> = elements(list).into_iter().map(cast).collect();
    format!("ARRAY[{}]", list.join(", "))
}

/// The text with each cast of an array as `other` says it; `None` leaves that one, and what is in it, as it is.
fn rewrite(text: &str, other: &impl Fn(&ArrayCast<'_>) -> Option<String>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some((cast, end)) = ArrayCast::at_start(rest)
            && let Some(instead) = other(&cast)
        {
            written.push_str(&instead);
            at += end;
        } else {
            let end = token(rest);
            written.push_str(&rest[..end]);
            at += end;
        }
    }
    written
}

/// How many bytes the quoted text, or the single character, at the beginning takes.
fn token(text: &str) -> usize {
    let first = text.chars().next().expect("there is a character left");
    let quoted = match first {
        '\'' | '"' => text[1..].find(first).map(|end| end + 2),
        '$' => text[1..].find('$').and_then(|end| {
            let tag = &text[..end + 2];
            let named = tag[1..tag.len() - 1]
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_');
            let close = named.then(|| text[tag.len()..].find(tag)).flatten()?;
            Some(close + 2 * tag.len())
        }),
        _ => None,
    };
    // A doubled quote reads as two neighbours, and a backslash inside E'' only ever stands before a quote that is doubled
    // in what PostgreSQL prints.
    quoted.unwrap_or_else(|| first.len_utf8())
}

/// The tokens of a text that stand in no bracket of it, until one closes that it didn't open.
fn top_level(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut at, mut depth) = (0, 0_usize);
    std::iter::from_fn(move || {
        while at < text.len() {
            let (start, part) = (at, &text[at..][..token(&text[at..])]);
            at += part.len();
            match part {
                "[" | "(" => depth += 1,
                "]" | ")" if depth == 0 => {
                    at = text.len();
                    return Some((start, part));
                }
                "]" | ")" => depth -= 1,
                _ if depth == 0 => return Some((start, part)),
                _ => {}
            }
        }
        None
    })
}

/// The offset of the bracket that closes the list.
fn closing(text: &str) -> Option<usize> {
    top_level(text)
        .find(|(_, token)| matches!(*token, "]" | ")"))
        .map(|(at, _)| at)
}

/// The elements of a list.
fn elements(list: &str) -> Vec<&str> {
    let mut start = 0;
    let mut elements = Vec::new();
    for (at, _) in top_level(list).filter(|(_, token)| *token == ",") {
        elements.push(list[start..at].trim());
        start = at + 1;
    }
    elements.push(list[start..].trim());
    elements
}

/// The type that an element shows: by a cast around it, or as a constant that is printed bare.
fn element_type(element: &str) -> Option<&str> {
    if let Some(list) = nested(element) {
        return elements(list).into_iter().find_map(element_type);
    }
    if !element.is_empty() && element.bytes().all(|b| b.is_ascii_digit()) {
        return Some("integer");
    }
    if element == "true" || element == "false" {
        return Some("boolean");
    }
    let last = top_level(element)
        .filter(|(at, _)| element[*at..].starts_with("::"))
        .last()?;
    let name = &element[last.0 + "::".len()..];
    (type_name(name) == Some(name.len()) && !name.is_empty()).then_some(name)
}

/// The list of an element that is an array itself.
fn nested(element: &str) -> Option<&str> {
    element.strip_prefix("ARRAY[")?.strip_suffix(']')
}

/// The end of the type's name at the beginning, without the brackets of an array of it.
fn type_name(text: &str) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        at += match first {
            '"' => token(rest),
            '(' => {
                let end = rest.find(')')?;
                let modifiers = |b: u8| b.is_ascii_digit() || matches!(b, b',' | b'-');
                if !rest[1..end].bytes().all(modifiers) {
                    return None;
                }
                end + 1
            }
            c if c.is_alphanumeric() || matches!(c, ' ' | '_' | '.') => c.len_utf8(),
            _ => break,
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_that_are_cast_as_a_whole() {
        fn check(printed: &str, written: &str) {
            let expression = Expression::new(printed);
            assert_eq!(expression.as_str(), printed);
            assert_eq!(expression.to_string(), written);
        }
        check(
            "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::character varying[]::text[]))",
        );
        check("(x = ANY (ARRAY[1, 2]))", "(x = ANY (ARRAY[1, 2]))");
        check(
            "(ARRAY[1, 2])::numeric[]",
            "(ARRAY[1, 2])::integer[]::numeric[]",
        );
        check(
            "(ARRAY[s, 'b'::character varying(5)])::text[]",
            "(ARRAY[s, 'b'::character varying(5)])::character varying(5)[]::text[]",
        );
        check(
            "(ARRAY[ARRAY['a'::x], ARRAY['b'::x]])::\"T [\"[]",
            "(ARRAY[ARRAY['a'::x], ARRAY['b'::x]])::x[]::\"T [\"[]",
        );
        check("'(ARRAY[''a''::x])::y[]'", "'(ARRAY[''a''::x])::y[]'");
        check("$$(ARRAY['a'::x])::y[]$$", "$$(ARRAY['a'::x])::y[]$$");
        check(
            "(ARRAY['a,]'::x, ('b'::q)::x])::y[]",
            "(ARRAY['a,]'::x, ('b'::q)::x])::x[]::y[]",
        );
        check("(ARRAY['a'::x])::y) AND (z[", "(ARRAY['a'::x])::y) AND (z[");
        check("größe (ARRAY[", "größe (ARRAY[");
    }

    #[test]
    fn casts_around_an_array_and_inside_are_the_same() {
        fn check(printed: &str, inside: &str) {
            let expression = Expression::new(printed);
            assert_eq!(expression, Expression::new(inside));
            assert_eq!(expression.settled(), inside);
            assert_eq!(
                serde_json::to_string(&expression).unwrap(),
                serde_json::to_string(inside).unwrap()
            );
        }
        check(
            "(s = ANY ((ARRAY['a'::character varying])::text[]))",
            "(s = ANY (ARRAY[('a'::character varying)::text]))",
        );
        check("(ARRAY[a, b])::text[]", "ARRAY[(a)::text, (b)::text]");
        check(
            "(ARRAY[f('a'::text), (a || 'b'::text)])::bigint[]",
            "ARRAY[(f('a'::text))::bigint, ((a || 'b'::text))::bigint]",
        );
        check(
            "(ARRAY[ARRAY[a], ARRAY[b]])::text[]",
            "ARRAY[ARRAY[(a)::text], ARRAY[(b)::text]]",
        );
    }
}
