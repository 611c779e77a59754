//! Bounds a statement over the rows of a table to a range of a key, so that it can be carried out in parts.
//!
//! The parse tree says whether the parts together do what the whole does, the tokens where the range goes; the author's
//! text stays as it is.

mod by_rows;

use std::ops::Range;

use pg_query::{
    NodeEnum,
    protobuf::{RangeVar, ScanToken, Token},
};

use self::by_rows::{OTHERS, cannot, driving_table, not_at_cursor, plain_with};
use super::{
    ast,
    grammar::SyntaxError,
    syntax,
    tokens::{bounds, is_comment, scan},
};
use crate::sql::{Ident, dotted, join};

/// A statement that can be bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded {
    /// The table over whose rows it goes, as SQL.
    pub relation: String,
    /// `ONLY` and the table, or the table: what a query of the same rows reads from.
    pub rows_of: String,
    /// The columns of the key as the statement has to name them.
    qualified: Vec<String>,
    before: String,
    after: String,
}

impl Bounded {
    /// Reads an UPDATE, a DELETE or an INSERT … SELECT.
    ///
    /// # Errors
    /// If it is another statement, or if its parts wouldn't do together what it does as a whole: the reason.
    pub fn read(sql: &str, key: &[Ident]) -> Result<Self, SyntaxError> {
        let parsed = syntax::parse(sql)?;
        let mut nodes = parsed
            .stmts
            .iter()
            .filter_map(|raw| raw.stmt.as_deref()?.node.as_ref());
        let node = nodes.next().ok_or_else(|| cannot(OTHERS))?;
        let tokens: Vec<ScanToken> = scan(sql)?
            .into_iter()
            .filter(|token| !is_comment(token) && token.token() != Token::Ascii59)
            .collect();
        let table = match node {
            NodeEnum::UpdateStmt(update) => {
                plain_with(update.with_clause.as_ref())?;
                for name in update.target_list.iter().filter_map(ast::kind) {
                    if let NodeEnum::ResTarget(target) = name
                        && key.iter().any(|column| column.as_str() == target.name)
                    {
                        return Err(cannot(&format!(
                            "it changes `{}`, a column of the key: a row could be met twice",
                            target.name
                        )));
                    }
                }
                not_at_cursor(update.where_clause.as_deref())?;
                update.relation.as_ref()
            }
            NodeEnum::DeleteStmt(delete) => {
                plain_with(delete.with_clause.as_ref())?;
                not_at_cursor(delete.where_clause.as_deref())?;
                delete.relation.as_ref()
            }
            NodeEnum::InsertStmt(insert) => {
                plain_with(insert.with_clause.as_ref())?;
                Some(driving_table(insert)?)
            }
            _ => return Err(cannot(OTHERS)),
        };
        let table = table.ok_or_else(|| cannot(OTHERS))?;
        Self::around(sql, &tokens, node, table, key)
    }

    /// The statement for the rows whose key is behind `after`, if there is such a bound, and not behind `up_to`. Both are
    /// expressions in the order of the key.
    pub fn between(&self, after: Option<&[String]>, up_to: &[String]) -> String {
        let key = row(&self.qualified);
        let upper = format!("{key} <= {}", row(up_to));
        let range = match after {
            Some(after) => format!("{key} > {} AND {upper}", row(after)),
            None => upper,
        };
        format!("{}{range}{}", self.before, self.after)
    }

    fn around(
        sql: &str,
        tokens: &[ScanToken],
        node: &NodeEnum,
        table: &RangeVar,
        key: &[Ident],
    ) -> Result<Self, SyntaxError> {
        if table.schemaname.is_empty() {
            return Err(SyntaxError {
                message: format!(
                    "`{}` stands without its schema, or is no table",
                    table.relname
                ),
                at: usize::try_from(table.location).unwrap_or_default(),
            });
        }
        let relation = dotted(&[
            Ident::new(table.schemaname.as_str()),
            Ident::new(table.relname.as_str()),
        ]);
        let qualifier = match &table.alias {
            Some(alias) => Ident::new(alias.aliasname.as_str()).to_string(),
            None => relation.clone(),
        };
        let Clauses { condition, end } = clauses(tokens, node);
        let (before, after) = match condition {
            Some(Range { start, end }) => (
                format!("{}({}) AND (", &sql[..start], &sql[start..end]),
                format!("){}", &sql[end..]),
            ),
            None => (format!("{} WHERE ", &sql[..end]), sql[end..].to_owned()),
        };
        let bounded = Self {
            rows_of: if table.inh {
                relation.clone()
            } else {
                format!("ONLY {relation}")
            },
            relation,
            qualified: key
                .iter()
                .map(|column| format!("{qualifier}.{column}"))
                .collect(),
            before,
            after,
        };
        syntax::parse(&bounded.between(None, &vec!["NULL".to_owned(); key.len()]))
            .map_err(|error| cannot(&format!("with a range it is no SQL: {}", error.message)))?;
        Ok(bounded)
    }
}

/// Whether a statement does nothing but write rows. What can't be parsed fails where it is run.
pub fn writes_rows(sql: &str) -> bool {
    let Ok(parsed) = syntax::parse(sql) else {
        return false;
    };
    let mut nodes = parsed.stmts.iter().map(|raw| raw.stmt.as_deref());
    nodes.all(|node| {
        matches!(
            node.and_then(ast::kind),
            Some(
                NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)
                    | NodeEnum::MergeStmt(_)
            )
        )
    })
}

/// Expressions as one that is compared: a row, if there are several.
pub fn row(expressions: &[String]) -> String {
    match expressions {
        [one] => one.clone(),
        several => format!("({})", join(several, ", ")),
    }
}

/// Where a range goes.
struct Clauses {
    /// The condition behind WHERE.
    condition: Option<Range<usize>>,
    /// Where a WHERE clause would end: before ON CONFLICT and RETURNING.
    end: usize,
}

/// Finds the clauses among the tokens outside of parentheses, comments left out.
fn clauses(tokens: &[ScanToken], node: &NodeEnum) -> Clauses {
    let has_conflict = match node {
        NodeEnum::InsertStmt(insert) => insert.on_conflict_clause.is_some(),
        _ => false,
    };
    let mut depth = 0_usize;
    let mut outside = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => depth += 1,
            Token::Ascii41 | Token::Ascii93 => depth = depth.saturating_sub(1),
            other if depth == 0 => outside.push((index, other)),
            _ => {}
        }
    }
    // A join's condition may be a column called `conflict`: the clause is the last such pair.
    let conflict = outside
        .windows(2)
        .rfind(|pair| pair[0].1 == Token::On && pair[1].1 == Token::Conflict)
        .filter(|_| has_conflict)
        .map(|pair| pair[0].0);
    let returning = outside
        .iter()
        .find(|(_, token)| *token == Token::Returning)
        .map(|(index, _)| *index);
    let end = conflict.or(returning).unwrap_or(tokens.len());
    let condition = outside
        .iter()
        .find(|(index, token)| *token == Token::Where && *index < end)
        .map(|(index, _)| *index);
    let last = end
        .checked_sub(1)
        .map_or(0, |last| bounds(&tokens[last]).end);
    Clauses {
        condition: condition.map(|place| bounds(&tokens[place + 1]).start..last),
        end: last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Bounded, String> {
        Bounded::read(sql, &[Ident::new("id")]).map_err(|error| error.message)
    }

    #[test]
    fn bounded_to_a_range() {
        fn check(sql: &str, expected: &str) {
            let bounded = read(sql).map(|bounded| bounded.between(None, &["9".to_owned()]));
            assert_eq!(bounded.as_deref(), Ok(expected));
        }
        check(
            "UPDATE app.users SET a = 1",
            "UPDATE app.users SET a = 1 WHERE app.users.id <= 9",
        );
        check(
            "UPDATE ONLY app.\"Users\" u SET a = (SELECT 1 WHERE true) WHERE a = 1 OR b -- why\n",
            "UPDATE ONLY app.\"Users\" u SET a = (SELECT 1 WHERE true) WHERE (a = 1 OR b) AND (u.id <= 9) -- why\n",
        );
        check(
            "UPDATE app.t SET a = o.a FROM app.o WHERE /* x */ o.id = t.id RETURNING t.id",
            "UPDATE app.t SET a = o.a FROM app.o WHERE /* x */ (o.id = t.id) AND (app.t.id <= 9) RETURNING t.id",
        );
        check(
            "DELETE FROM app.t USING app.o WHERE t.x = o.x",
            "DELETE FROM app.t USING app.o WHERE (t.x = o.x) AND (app.t.id <= 9)",
        );
        check(
            "INSERT INTO app.p (u, n) SELECT t.id, o.n FROM app.t t JOIN app.o ON o.id = t.id",
            "INSERT INTO app.p (u, n) SELECT t.id, o.n FROM app.t t JOIN app.o ON o.id = t.id WHERE t.id <= 9",
        );
        check(
            "WITH x AS (SELECT 1) INSERT INTO app.p SELECT id FROM app.t WHERE b ON CONFLICT (u) WHERE c DO UPDATE SET a = 1 WHERE d RETURNING 1",
            "WITH x AS (SELECT 1) INSERT INTO app.p SELECT id FROM app.t WHERE (b) AND (app.t.id <= 9) ON CONFLICT (u) WHERE c DO UPDATE SET a = 1 WHERE d RETURNING 1",
        );
        check(
            "INSERT INTO app.p SELECT id, lower(name), (SELECT max(x) FROM app.o) FROM app.t",
            "INSERT INTO app.p SELECT id, lower(name), (SELECT max(x) FROM app.o) FROM app.t WHERE app.t.id <= 9",
        );
    }

    #[test]
    fn composite_keys_are_rows() {
        let key = [Ident::new("Tenant"), Ident::new("id")];
        let bounded = Bounded::read("DELETE FROM app.t", &key).unwrap();
        let values = |values: [&str; 2]| values.map(ToOwned::to_owned);
        assert_eq!(
            bounded.between(Some(&values(["1", "'a'"])), &values(["2", "'b'"])),
            "DELETE FROM app.t WHERE (app.t.\"Tenant\", app.t.id) > (1, 'a') AND (app.t.\"Tenant\", app.t.id) <= (2, 'b')"
        );
        assert_eq!(bounded.relation, "app.t");
    }

    #[test]
    fn what_means_another_thing_in_parts() {
        fn check(sql: &str, reason: &str) {
            let found = read(sql).unwrap_err();
            assert!(found.contains(reason), "{sql}: {found}");
        }
        check("SELECT 1", "only an UPDATE");
        check("INSERT INTO app.t VALUES (1)", "VALUES");
        check("UPDATE app.t SET id = id + 1", "changes `id`");
        check("UPDATE t SET a = 1", "without its schema");
        check("UPDATE app.t SET a = 1 WHERE CURRENT OF c", "one row");
        check(
            "WITH d AS (DELETE FROM app.o RETURNING 1) UPDATE app.t SET a = 1",
            "WITH clause writes",
        );
        check("INSERT INTO app.t SELECT * FROM app.t", "that it reads");
        check("INSERT INTO app.p SELECT count(*) FROM app.t", "`count`");
        check("INSERT INTO app.p SELECT 1 + max(a) FROM app.t", "`max`");
        check(
            "INSERT INTO app.p SELECT row_number() OVER () FROM app.t",
            "`row_number`",
        );
        check(
            "INSERT INTO app.p SELECT a FROM app.t GROUP BY a",
            "GROUP BY",
        );
        check("INSERT INTO app.p SELECT a FROM app.t LIMIT 3", "LIMIT");
        check(
            "INSERT INTO app.p SELECT a FROM app.t UNION SELECT b FROM app.o",
            "UNION",
        );
        check(
            "INSERT INTO app.p SELECT a FROM app.t RIGHT JOIN app.o ON true",
            "RIGHT",
        );
        check(
            "INSERT INTO app.p SELECT a FROM generate_series(1, 3) a",
            "no table",
        );
        check("INSERT INTO app.p (SELECT a FROM app.t)", "with a range");
        check("UPDATE app.t SET", "syntax error");
    }
}
