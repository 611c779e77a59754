//! Key words that are only names to older servers.
//!
//! PostgreSQL 14 takes `CREATE FUNCTION f(json json)`, and prints a function so; the grammar of 18 doesn't read it, since
//! `json` has become a key word that can't name a parameter. Where that is what the parser stops at, such a word gets a
//! stand-in for the length of the parse.

use std::ops::Range;

use pg_query::protobuf::{ParseResult, ScanToken, Token};
use prost::Message as _;

use super::{
    grammar::{self, SyntaxError},
    tokens::{bounds, scan},
};
use crate::sql::NEWER_KEY_WORDS;

/// A letter of no alphabet, of two bytes, which stands for the first two letters of a word: so everything else stays where
/// it is, in the text and in the tree's encoding.
const STAND_IN: char = '\u{378}';

/// What a text means to a server for which some of the newer words are names.
pub(super) struct Reading {
    /// The tree, with the names as they are written.
    pub(super) tree: ParseResult,
    /// The words that are names, as ascending bytes of the text.
    names: Vec<Range<usize>>,
}

impl Reading {
    /// Reads a text that the parser rejects, at a byte.
    pub(super) fn of(sql: &str, at: usize) -> Option<Self> {
        let tokens = scan(sql).ok().filter(|_| !sql.contains(STAND_IN))?;
        let mut disguised = sql.to_owned();
        let mut names: Vec<Range<usize>> = Vec::new();
        let mut at = at;
        loop {
            let name = culprit(&disguised, &tokens, at)?;
            let word = disguised[name.clone()].to_ascii_lowercase();
            disguised.replace_range(name.clone(), &format!("{STAND_IN}{}", &word[2..]));
            names.push(name);
            match grammar::parse_once(&disguised, 0) {
                Ok(parsed) => {
                    names.sort_unstable_by_key(|name| name.start);
                    let tree = restored(&parsed)?;
                    return Some(Self { tree, names });
                }
                Err(error) => SyntaxError { at, .. } = error,
            }
        }
    }

    /// The text with quotes around the words that are names, which every parser reads.
    pub(super) fn quoted(&self, sql: &str) -> String {
        let mut text = sql.to_owned();
        for name in self.names.iter().rev() {
            let word = text[name.clone()].to_ascii_lowercase();
            text.replace_range(name.clone(), &format!("\"{word}\""));
        }
        text
    }
}

/// The word to blame where the parser stops: the one before, which it took for what it isn't, or the one that is there, or
/// what the innermost open parenthesis belongs to.
fn culprit(sql: &str, tokens: &[ScanToken], at: usize) -> Option<Range<usize>> {
    let there = tokens.partition_point(|token| bounds(token).start < at);
    let mut open = 0_usize;
    let callee = tokens[..there]
        .iter()
        .rposition(|token| match token.token() {
            Token::Ascii41 => {
                open += 1;
                false
            }
            Token::Ascii40 if open > 0 => {
                open -= 1;
                false
            }
            Token::Ascii40 => true,
            _ => false,
        });
    let candidates = [
        there.checked_sub(1),
        Some(there),
        callee.and_then(|open| open.checked_sub(1)),
    ];
    candidates
        .into_iter()
        .flatten()
        .filter_map(|index| tokens.get(index))
        .map(bounds)
        .find(|place| {
            let word = sql[place.clone()].to_ascii_lowercase();
            NEWER_KEY_WORDS.binary_search(&word.as_str()).is_ok()
        })
}

/// The tree with the words in the place of their stand-ins.
fn restored(tree: &ParseResult) -> Option<ParseResult> {
    let mut encoded = tree.encode_to_vec();
    let stand_in = STAND_IN.to_string().into_bytes();
    for start in 0..encoded.len().saturating_sub(stand_in.len()) {
        let (found, rest) = encoded[start..].split_at_mut(stand_in.len());
        if found == stand_in {
            let word = NEWER_KEY_WORDS
                .iter()
                .find(|word| rest.starts_with(&word.as_bytes()[2..]))?;
            found.copy_from_slice(&word.as_bytes()[..2]);
        }
    }
    ParseResult::decode(encoded.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::syntax, *};

    #[test]
    fn words_that_are_names_are_read() {
        fn check(sql: &str, same_as: &str) {
            let error = grammar::parse_once(sql, 0).expect_err("the words are in the way");
            let reading = Reading::of(sql, error.at).expect("an older server reads it");
            let printed =
                |tree| pg_query::deparse(tree, pg_query::DeparseOptions::default()).unwrap();
            assert_eq!(reading.quoted(sql), same_as);
            let quoted = pg_query::parse(same_as, 0).unwrap().protobuf;
            assert_eq!(printed(&reading.tree), printed(&quoted));
            assert!(!format!("{:?}", reading.tree).contains("\\u{378}"));
        }
        check(
            "CREATE FUNCTION f(json json, b int, OUT json_value json) LANGUAGE sql AS 'SELECT $1'",
            "CREATE FUNCTION f(\"json\" json, b int, OUT \"json_value\" json) LANGUAGE sql AS 'SELECT $1'",
        );
        check(
            "SELECT 1; CREATE FUNCTION f() RETURNS TABLE (JSON json) AS ''",
            "SELECT 1; CREATE FUNCTION f() RETURNS TABLE (\"json\" json) AS ''",
        );
        check(
            "CREATE TABLE t (a int, system_user text)",
            "CREATE TABLE t (a int, \"system_user\" text)",
        );
        check(
            "CREATE FUNCTION json_scalar(a int, b int) RETURNS int AS ''; CREATE VIEW v AS SELECT json_scalar(1, (2))",
            "CREATE FUNCTION \"json_scalar\"(a int, b int) RETURNS int AS ''; CREATE VIEW v AS SELECT \"json_scalar\"(1, (2))",
        );
    }

    #[test]
    fn other_mistakes_stay_mistakes() {
        fn check(sql: &str) {
            let error = syntax::parse(sql).unwrap_err();
            assert_eq!(Some(error), grammar::parse_once(sql, 0).err(), "{sql}");
        }
        check("CREATE FUNCTION f(json json,) RETURNS int AS ''");
        check("SELECT json json json");
        check("CREATE FUNCTION f(values int) RETURNS int AS ''");
        check("SELECT \u{378}, json json json");
    }
}
