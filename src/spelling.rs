//! Which known word somebody may have meant who mistyped it.

use strsim::osa_distance;

/// The known word that is nearest to `word` and not the same, if one is near enough to be meant: one slip in three letters.
/// Of several the first in the order of the alphabet.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let tolerance = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| (1..=tolerance).contains(distance))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        fn check(word: &str, expected: Option<&str>) {
            let known = [
                "schema",
                "plans",
                "default_environment",
                "url",
                "users",
                "orders",
            ];
            assert_eq!(closest(word, known), expected);
        }
        check("shcema", Some("schema"));
        check("Plan", None);
        check("plan", Some("plans"));
        check("default_enviroment", Some("default_environment"));
        check("ulr", Some("url"));
        check("usres", Some("users"));
        check("", None);
        check("timeout", None);
        check("invoices", None);
        check("users", None);
    }
}
