//! Makes PostgreSQL read an expression that it printed as the expression that it was.
//!
//! `status IN ('a', 'b')` on a `varchar` column is stored as one cast around an array and printed as
//! `(ARRAY['a'::character varying, …])::text[]`. Read back, the parser pushes the cast into the array (`transformTypeCast`
//! in its source), and what is stored then prints differently. A second cast to the array's own type, which changes nothing,
//! keeps the parser from doing so.

/// The text, with the arrays whose cast would wander into them held together.
pub fn faithful(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    while let Some(found) = next_array(&sql[at..]) {
        let (array, cast) = (at + found.array, at + found.end);
        text.push_str(&sql[at..cast]);
        if let Some(element) = common_cast(&sql[array..cast])
            && cast_target(&sql[cast..]).is_some_and(|target| target != element)
        {
            text.push_str("::");
            text.push_str(element);
            text.push_str("[]");
        }
        at = cast;
    }
    text.push_str(&sql[at..]);
    text
}

struct Found {
    /// Where the elements begin.
    array: usize,
    /// Behind the closing parenthesis.
    end: usize,
}

/// The next `(ARRAY[…])` outside of quotes.
fn next_array(sql: &str) -> Option<Found> {
    const OPENING: &str = "(ARRAY[";
    let mut at = 0;
    while at < sql.len() {
        if sql[at..].starts_with(OPENING) {
            let array = at + OPENING.len();
            let close = matching(&sql[array..])?;
            if sql[array + close..].starts_with("])") {
                return Some(Found {
                    array,
                    end: array + close + 2,
                });
            }
            at = array;
        } else {
            at += step(&sql[at..]);
        }
    }
    None
}

/// How many bytes the quoted text, or the single character, at the beginning takes.
fn step(sql: &str) -> usize {
    let first = sql.chars().next().expect("there is a character left");
    let quoted = match first {
        '\'' | '"' => sql[1..].find(first).map(|end| end + 2),
        '$' => sql[1..].find('$').and_then(|end| {
            let tag = &sql[..end + 2];
            let named = tag[1..tag.len() - 1]
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_');
            named
                .then(|| {
                    sql[tag.len()..]
                        .find(tag)
                        .map(|close| close + 2 * tag.len())
                })
                .flatten()
        }),
        _ => None,
    };
    // A doubled quote reads as two neighbours, and a backslash inside E'' only ever stands before a quote that is doubled
    // in what PostgreSQL prints.
    quoted.unwrap_or_else(|| first.len_utf8())
}

/// The offset of the bracket that closes the list.
fn matching(sql: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while at < sql.len() {
        match sql.as_bytes()[at] {
            b'[' | b'(' => depth += 1,
            b']' | b')' if depth == 0 => return Some(at),
            b']' | b')' => depth -= 1,
            _ => {}
        }
        at += step(&sql[at..]);
    }
    None
}

/// The type that every element of `…])` is cast to.
fn common_cast(list: &str) -> Option<&str> {
    let list = list.strip_suffix("])")?;
    let (mut at, mut depth, mut start) = (0, 0_usize, 0);
    let mut elements = Vec::new();
    while at < list.len() {
        match list.as_bytes()[at] {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                elements.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += step(&list[at..]);
    }
    elements.push(&list[start..]);
    let mut casts = elements
        .into_iter()
        .map(|element| Some(element.trim().rsplit_once("::")?.1));
    let first = casts.next()??;
    let plain = first
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"' | '(' | ')'));
    (plain && casts.all(|cast| cast == Some(first))).then_some(first)
}

/// The element type of the array that the text is cast to.
fn cast_target(rest: &str) -> Option<&str> {
    let target = rest.strip_prefix("::")?;
    let end = target.find("[]")?;
    let name = &target[..end];
    name.chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"' | '(' | ')'))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        fn check(printed: &str, written: &str) {
            assert_eq!(faithful(printed), written);
        }
        check(
            "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            "((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::character varying[]::text[]))",
        );
        check("(x = ANY (ARRAY[1, 2]))", "(x = ANY (ARRAY[1, 2]))");
        check("(ARRAY['a'::text])::text[]", "(ARRAY['a'::text])::text[]");
        check("'(ARRAY[''a''::x])::y[]'", "'(ARRAY[''a''::x])::y[]'");
        check("$$(ARRAY['a'::x])::y[]$$", "$$(ARRAY['a'::x])::y[]$$");
        check(
            "(ARRAY['a,]'::x, ('b'::q)::x])::y[]",
            "(ARRAY['a,]'::x, ('b'::q)::x])::x[]::y[]",
        );
        check("größe (ARRAY[", "größe (ARRAY[");
    }
}
