//! The form of an expression that stays the same when it is run and read again.

/// `(ARRAY[a, b])::t[]` is what PostgreSQL prints of a list of values that it casts as a whole; reading that, it casts
/// each of them, and prints `ARRAY[(a)::t, (b)::t]` from then on.
pub fn settled(text: &str) -> String {
    const OPENING: &str = "(ARRAY[";
    let mut settled = String::new();
    let mut rest = text;
    while let Some(start) = find_outside_quotes(rest, OPENING) {
        let inside = &rest[start + OPENING.len()..];
        let cast = elements(inside).and_then(|(elements, after)| {
            let after = after.strip_prefix(")::")?;
            let end = element_type(after)?;
            Some((elements, &after[..end], &after[end + "[]".len()..]))
        });
        let Some((elements, type_name, after)) = cast else {
            settled.push_str(&rest[..start + OPENING.len()]);
            rest = inside;
            continue;
        };
        settled.push_str(&rest[..start]);
        let cast = |element: &&str| format!("({})::{type_name}", self::settled(element));
        let list: Vec<String> = elements.iter().map(cast).collect();
        settled.push_str("ARRAY[");
        settled.push_str(&list.join(", "));
        settled.push(']');
        rest = after;
    }
    settled.push_str(rest);
    settled
}

/// Where a text stands outside of literals and quoted names.
fn find_outside_quotes(text: &str, wanted: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if text[at..].starts_with(wanted) => return Some(at),
            Some(_) | None => {}
        }
    }
    None
}

/// The elements up to the bracket that closes the list, and what follows it.
fn elements(text: &str) -> Option<(Vec<&str>, &str)> {
    let (mut depth, mut quote, mut begin) = (0_usize, None, 0);
    let mut elements = Vec::new();
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ']') if depth == 0 => {
                elements.push(text[begin..at].trim());
                return Some((elements, &text[at + 1..]));
            }
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                elements.push(text[begin..at].trim());
                begin = at + 1;
            }
            (Some(_) | None, _) => {}
        }
    }
    None
}

/// The end of the name of the element type: a plain name of PostgreSQL's own, `text` or `character varying`.
fn element_type(text: &str) -> Option<usize> {
    let end = text.find("[]")?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b' ' | b'_');
    text[..end].bytes().all(plain).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_of_lists() {
        fn check(text: &str, expected: &str) {
            assert_eq!(settled(text), expected);
        }
        check("a = 1", "a = 1");
        check(
            "((s)::text = ANY ((ARRAY['a'::character varying, 'b,)'::character varying])::text[]))",
            "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b,)'::character varying)::text]))",
        );
        check("'(ARRAY[x])::text[]'::text", "'(ARRAY[x])::text[]'::text");
        check("(ARRAY[1, 2])", "(ARRAY[1, 2])");
        check("(ARRAY[f(1, 2)])::bigint[]", "ARRAY[(f(1, 2))::bigint]");
    }
}
