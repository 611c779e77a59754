//! The parts of a statement's parenthesised list: a table's columns and constraints, an enum's labels.

use std::ops::Range;

use pg_query::protobuf::{ScanToken, Token};

use super::tokens::bounds;

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// From its first token to its last.
    pub(super) span: Range<usize>,
    /// The comma before it, if it isn't the first.
    pub(super) comma: Option<usize>,
}

/// The parts of each outermost parenthesised list among the tokens, which hold no comments.
pub(super) fn lists(tokens: &[ScanToken]) -> Vec<Vec<Element>> {
    let mut lists = Vec::new();
    let mut depth = 0_usize;
    let mut list = Vec::new();
    let mut current: Option<Element> = None;
    let mut comma = None;
    for token in tokens {
        let span = bounds(token);
        let outermost = depth == 1;
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            Token::Ascii41 | Token::Ascii93 => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    list.extend(current.take());
                    lists.push(std::mem::take(&mut list));
                    comma = None;
                    continue;
                }
            }
            Token::Ascii44 if outermost => {
                list.extend(current.take());
                comma = Some(span.start);
                continue;
            }
            _ => {}
        }
        if depth > 0 {
            let element = current.get_or_insert_with(|| Element {
                span: span.clone(),
                comma: comma.take(),
            });
            element.span.end = span.end;
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tokens;

    #[test]
    fn lists_are_cut_at_their_own_commas() {
        fn check(sql: &str, expected: &[&[&str]]) {
            let tokens = tokens::scan(sql).unwrap();
            let found: Vec<Vec<&str>> = lists(&tokens)
                .iter()
                .map(|list| {
                    list.iter()
                        .map(|element| &sql[element.span.clone()])
                        .collect()
                })
                .collect();
            assert_eq!(found, expected);
        }
        check(
            "CREATE TABLE t (a int, b numeric(1, 2)) WITH (x = 1)",
            &[&["a int", "b numeric(1, 2)"], &["x = 1"]],
        );
        check("CREATE TABLE t ()", &[&[]]);
        check("CREATE TYPE e AS ENUM ('a', 'b')", &[&["'a'", "'b'"]]);
        check("SELECT 1", &[]);
    }
}
