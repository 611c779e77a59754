//! The clauses of a column's definition.

use std::ops::Range;

use pg_query::protobuf::{ScanToken, Token};

use super::tokens::bounds;

/// A clause, in the order in which PostgreSQL writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clause {
    Type,
    Collation,
    Default,
    Generated,
    NotNull,
    /// A constraint, with or without a name, or an option.
    Other,
}

impl Clause {
    /// Those of which a column has at most one.
    pub(super) const ALL: [Self; 5] = [
        Self::Type,
        Self::Collation,
        Self::Default,
        Self::Generated,
        Self::NotNull,
    ];
}

/// The clauses of a column, given by the tokens of its definition, with the bytes of each.
pub(super) fn clauses(sql: &str, tokens: &[ScanToken]) -> Vec<(Clause, Range<usize>)> {
    let mut found: Vec<(Clause, Range<usize>)> = Vec::new();
    let mut depth = 0_usize;
    let mut previous = None;
    for token in tokens.iter().skip(1) {
        let span = bounds(token);
        let outside = depth == 0;
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => depth += 1,
            Token::Ascii41 | Token::Ascii93 => depth = depth.saturating_sub(1),
            _ => {}
        }
        let begins = match token.token() {
            _ if found.is_empty() => Some(Clause::Type),
            // What a word that begins a clause says of it stands behind it.
            _ if !outside
                || matches!(
                    previous,
                    Some(Token::Constraint | Token::Default | Token::Not)
                ) =>
            {
                None
            }
            Token::Collate => Some(Clause::Collation),
            Token::Default if previous != Some(Token::By) && previous != Some(Token::Set) => {
                Some(Clause::Default)
            }
            Token::Generated => Some(Clause::Generated),
            Token::NullP if previous == Some(Token::Set) => None,
            Token::Not | Token::NullP => Some(Clause::NotNull),
            Token::Constraint
            | Token::Check
            | Token::Unique
            | Token::References
            | Token::Storage
            | Token::Compression => {
                let named = found.last().is_some_and(|(kind, span)| {
                    *kind == Clause::Other
                        && sql[span.clone()].split_whitespace().count() == 2
                        && sql[span.clone()]
                            .to_ascii_lowercase()
                            .starts_with("constraint")
                });
                (!named).then_some(Clause::Other)
            }
            Token::Primary => Some(Clause::Other),
            _ => None,
        };
        match (begins, found.last_mut()) {
            (Some(kind), _) => found.push((kind, span)),
            (None, Some((_, clause))) => clause.end = span.end,
            (None, None) => {}
        }
        previous = Some(token.token());
    }
    found
}
