//! Finds objects that are defined twice.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::{Namespace, Sort, Statement, Symbol};
use crate::{
    diagnostic::{Code, Diagnostic},
    sql::Ident,
};

/// What must be unique: a name in its namespace, for routines and operators with its arguments.
type Key<'a> = (
    Namespace,
    Option<&'a Ident>,
    &'a Ident,
    Option<&'a Ident>,
    Option<&'a Ident>,
);

fn key(symbol: &Symbol) -> Key<'_> {
    (
        symbol.namespace(),
        symbol.schema.as_ref(),
        &symbol.name,
        symbol.member.as_ref(),
        symbol.arguments.as_ref(),
    )
}

/// An error for each object that two statements define, with both places.
pub(super) fn duplicates(statements: &[Statement]) -> Vec<Diagnostic> {
    // Where a tree drops or renames things, a name may well be used twice, one after the other.
    let moved: BTreeSet<&Ident> = statements
        .iter()
        .filter(|statement| statement.traits.ordered && !statement.traits.program)
        .flat_map(|statement| {
            statement
                .needs
                .iter()
                .map(|symbol| symbol.member.as_ref().unwrap_or(&symbol.name))
        })
        .collect();
    // So may the name of a table's part.
    let reshaped: BTreeSet<&Ident> = statements
        .iter()
        .filter(|statement| statement.traits.ordered)
        .filter_map(|statement| statement.rare().shapes.as_ref())
        .map(|symbol| &symbol.name)
        .collect();
    let is_reshaped = |symbol: &Symbol| symbol.member.is_some() && reshaped.contains(&symbol.name);
    // Sorted, definitions of one object are neighbours, the first of them first.
    let mut defined: Vec<(&Symbol, &Statement)> = statements
        .iter()
        .filter(|statement| statement.is_loaded())
        .flat_map(|statement| {
            statement
                .defines
                .iter()
                .map(move |symbol| (symbol, statement))
        })
        .collect();
    defined.sort_by(|(one, _), (other, _)| key(one).cmp(&key(other)));
    let same = defined.chunk_by(|(one, _), (other, _)| key(one) == key(other));
    let mut problems = Vec::new();
    for (&(_, earlier), later) in same.filter_map(<[_]>::split_first) {
        for &(symbol, statement) in later {
            let name = symbol.member.as_ref().unwrap_or(&symbol.name);
            if moved.contains(name) || is_reshaped(symbol) || is_meant(earlier, statement, symbol) {
                continue;
            }
            problems.push(
                Diagnostic::error(
                    Code::Duplicate,
                    format!("{} `{symbol}` is defined twice", symbol.sort.words()),
                )
                .at(&statement.file, statement.head(), "defined here again")
                .at(&earlier.file, earlier.head(), "first defined here")
                .help("keep one of the two"),
            );
        }
    }
    problems.sort_by(|one, other| place(one).cmp(&place(other)));
    problems
}

/// Where the second definition stands.
fn place(problem: &Diagnostic) -> Option<(&Utf8Path, usize)> {
    let place = problem.places().first()?;
    Some((&place.file.path, place.span.start))
}

/// Whether the second definition is meant to meet the first: it says so, in the same file; schemas and extensions may be
/// asked for by every file that uses them.
fn is_meant(earlier: &Statement, later: &Statement, symbol: &Symbol) -> bool {
    let says_so = earlier.traits.repeatable || later.traits.repeatable;
    says_so
        && (earlier.file.path == later.file.path
            || matches!(symbol.sort, Sort::Schema | Sort::Extension))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{diagnostic::SourceFile, source::Tree};

    #[test]
    fn both_places_are_shown() {
        fn check(files: &[(&str, &str)], expected: Option<(&str, &[&str])>) {
            let files = files
                .iter()
                .map(|(path, text)| {
                    Arc::new(SourceFile {
                        path: (*path).into(),
                        text: (*text).to_owned(),
                    })
                })
                .collect();
            let problem = Tree { files }.parse().err();
            let found = problem.as_ref().map(|problem| {
                (
                    problem.message(),
                    problem
                        .places()
                        .iter()
                        .map(crate::diagnostic::Place::location)
                        .collect::<Vec<_>>(),
                )
            });
            let expected = expected.map(|(message, places)| {
                (
                    message,
                    places
                        .iter()
                        .map(|place| (*place).to_owned())
                        .collect::<Vec<_>>(),
                )
            });
            assert_eq!(found, expected);
        }
        check(
            &[
                ("a.sql", "CREATE TABLE t ();"),
                ("b.sql", "\nCREATE VIEW public.t AS SELECT 1;"),
            ],
            Some((
                "view `public.t` is defined twice",
                &["b.sql:2:1", "a.sql:1:1"],
            )),
        );
        check(
            &[
                (
                    "a.sql",
                    "CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS '';",
                ),
                (
                    "b.sql",
                    "CREATE OR REPLACE FUNCTION f(a integer) RETURNS text LANGUAGE sql AS '';",
                ),
            ],
            Some((
                "function `public.f(int4)` is defined twice",
                &["b.sql:1:1", "a.sql:1:1"],
            )),
        );
        check(
            &[(
                "a.sql",
                "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0); ALTER TABLE t DROP CONSTRAINT c; \
                 ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1);",
            )],
            None,
        );
        check(
            &[(
                "a.sql",
                "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS ''; CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS '';",
            )],
            None,
        );
        check(
            &[(
                "a.sql",
                "CREATE VIEW v AS SELECT 1; CREATE OR REPLACE VIEW v AS SELECT 2;",
            )],
            None,
        );
        check(
            &[
                ("a.sql", "CREATE SCHEMA IF NOT EXISTS s;"),
                ("b.sql", "CREATE SCHEMA IF NOT EXISTS s;"),
            ],
            None,
        );
        check(
            &[(
                "a.sql",
                "CREATE TABLE t (); DROP TABLE t; CREATE TABLE t (a int);",
            )],
            None,
        );
        check(
            &[(
                "a.sql",
                "CREATE TYPE t; CREATE TYPE t (input = f, output = g);",
            )],
            None,
        );
        check(
            &[
                ("a.sql", "SET search_path = x; CREATE TABLE t ();"),
                ("b.sql", "CREATE TABLE t ();"),
            ],
            None,
        );
    }
}
