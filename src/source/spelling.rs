//! Which known word somebody may have meant.

/// The known word that is most like `word`, if any is like enough.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short: at 0.7, one slip in five letters is still found.
    let known: Vec<&str> = known
        .into_iter()
        .filter(|candidate| *candidate != word)
        .collect();
    similar::get_close_matches(word, &known, 1, 0.7)
        .into_iter()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        fn check(word: &str, expected: Option<&str>) {
            assert_eq!(closest(word, ["users", "orders", "order_lines"]), expected);
        }
        check("user", Some("users"));
        check("usres", Some("users"));
        check("invoices", None);
        check("users", None);
    }
}
