//! Which statements define a name, and which failures follow from others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Namespace, Session, Sort, Statement, Symbol};
use crate::sql::Ident;

/// A name as it is looked up.
type Key<'a> = (Namespace, Option<&'a Ident>, &'a Ident, Option<&'a Ident>);

/// The names that a list of statements defines; statements are known by their place in the list.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// In the order of their keys: a list takes a fraction of the memory that a map would.
    definers: Vec<Definer<'a>>,
    shapers: BTreeMap<Key<'a>, Vec<usize>>,
}

/// A statement that defines a name.
#[derive(Debug)]
struct Definer<'a> {
    symbol: &'a Symbol,
    index: u32,
    namespace: Namespace,
}

impl Definer<'_> {
    fn key(&self) -> Key<'_> {
        key(self.namespace, self.symbol.schema.as_ref(), self.symbol)
    }
}

impl<'a> Names<'a> {
    pub(super) fn of(statements: impl Iterator<Item = &'a Statement> + Clone) -> Self {
        let symbols = statements.clone().flat_map(Statement::symbols);
        let mut definers = Vec::with_capacity(symbols.flat_map(namespaces).count());
        let mut shapers: BTreeMap<Key<'a>, Vec<usize>> = BTreeMap::new();
        for (index, statement) in statements.enumerate() {
            for symbol in statement.symbols() {
                definers.extend(namespaces(symbol).map(|namespace| Definer {
                    symbol,
                    index: u32::try_from(index).expect("the number of statements is limited"),
                    namespace,
                }));
            }
            if let Some(symbol) = &statement.rare().shapes {
                for namespace in [Namespace::Relation, Namespace::Type] {
                    for schema in schemas(symbol, &statement.session) {
                        shapers
                            .entry(key(namespace, schema, symbol))
                            .or_default()
                            .push(index);
                    }
                }
            }
        }
        definers
            .sort_unstable_by(|one, other| (one.key(), one.index).cmp(&(other.key(), other.index)));
        Self { definers, shapers }
    }

    /// The statements that define a name, looked up along the search path.
    pub(super) fn definers(
        &self,
        need: &Symbol,
        session: &Session,
    ) -> impl Iterator<Item = usize> + Clone + use<'_, 'a> {
        let found = namespaces(need).find_map(|namespace| {
            schemas(need, session).find_map(|schema| self.of_key(&key(namespace, schema, need)))
        });
        let found = found.unwrap_or_default().iter();
        found.map(|definer| definer.index as usize)
    }

    fn of_key(&self, key: &Key<'_>) -> Option<&[Definer<'a>]> {
        let start = self.definers.partition_point(|it| it.key() < *key);
        let length = self.definers[start..].partition_point(|it| it.key() == *key);
        (length > 0).then(|| &self.definers[start..start + length])
    }

    /// The statements that change the columns, keys or labels of a name, given with its schema.
    pub(super) fn shapers<'n>(&'n self, symbol: &'n Symbol) -> &'n [usize] {
        self.shapers
            .get(&key(symbol.namespace(), symbol.schema.as_ref(), symbol))
            .map_or(&[], Vec::as_slice)
    }
}

fn key<'a>(namespace: Namespace, schema: Option<&'a Ident>, symbol: &'a Symbol) -> Key<'a> {
    (namespace, schema, &symbol.name, symbol.member.as_ref())
}

/// Where a name may be: in its schema, else in one of the search path's, else in none, as extensions are.
fn schemas<'a>(
    symbol: &'a Symbol,
    session: &'a Session,
) -> impl Iterator<Item = Option<&'a Ident>> {
    let path: &[Ident] = if symbol.schema.is_some() {
        &[]
    } else {
        &session.search_path
    };
    let none = symbol.schema.is_none().then_some(None);
    symbol
        .schema
        .as_ref()
        .map(Some)
        .into_iter()
        .chain(path.iter().map(Some))
        .chain(none)
}

/// The namespaces in which a symbol's name counts.
fn namespaces(symbol: &Symbol) -> impl Iterator<Item = Namespace> + use<> {
    let own = symbol.namespace();
    let row_type =
        own == Namespace::Relation && !matches!(symbol.sort, Sort::Index | Sort::Sequence);
    // `COMMENT ON TYPE` and the like name composite types as well.
    let composite = own == Namespace::Type;
    [
        Some(own),
        row_type.then_some(Namespace::Type),
        composite.then_some(Namespace::Relation),
    ]
    .into_iter()
    .flatten()
}

/// Of statements that failed, those whose failure doesn't follow from another's; `may_follow` tells which of them failed
/// for want of something.
pub(crate) fn first_causes(failed: &[&Statement], may_follow: &[bool]) -> Vec<usize> {
    let names = Names::of(failed.iter().copied());
    let causes: Vec<BTreeSet<usize>> = failed
        .iter()
        .enumerate()
        .map(|(index, statement)| {
            let foreign_keys = statement.rare().foreign_keys.iter().map(|key| &key.target);
            let needs = statement
                .needs
                .iter()
                .chain(foreign_keys)
                .filter(|_| may_follow[index]);
            let mut causes: BTreeSet<usize> = needs
                .flat_map(|need| {
                    let within = schemas(need, &statement.session)
                        .flatten()
                        .flat_map(|schema| {
                            names
                                .shapers(&Symbol {
                                    schema: Some(schema.clone()),
                                    ..need.clone()
                                })
                                .to_vec()
                        })
                        .collect::<Vec<_>>();
                    names.definers(need, &statement.session).chain(within)
                })
                .collect();
            causes.remove(&index);
            causes
        })
        .collect();
    let mut explained: BTreeSet<usize> = (0..failed.len())
        .filter(|&index| causes[index].is_empty())
        .collect();
    let mut first = explained.clone();
    loop {
        // Whatever rests on something explained is explained; a circle of failures that rests on nothing else starts at its first.
        let next: Vec<usize> = (0..failed.len())
            .filter(|index| !explained.contains(index) && !causes[*index].is_disjoint(&explained))
            .collect();
        if next.is_empty() {
            let Some(circle) = (0..failed.len()).find(|index| !explained.contains(index)) else {
                break;
            };
            first.insert(circle);
            explained.insert(circle);
        }
        explained.extend(next);
    }
    first.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{diagnostic::SourceFile, source::Tree};

    #[test]
    fn failures_are_told_by_their_causes() {
        fn check(sql: &str, expected: &[usize]) {
            let file = Arc::new(SourceFile {
                path: "a.sql".into(),
                text: sql.to_owned(),
            });
            let statements = Tree { files: vec![file] }.parse().unwrap();
            let failed: Vec<&Statement> = statements.iter().collect();
            assert_eq!(
                first_causes(&failed, &vec![true; failed.len()]),
                expected,
                "{sql}"
            );
        }
        check(
            "CREATE TABLE t (a nope); CREATE VIEW v AS SELECT * FROM t; CREATE VIEW w AS SELECT * FROM v",
            &[0],
        );
        check(
            "CREATE VIEW v AS SELECT * FROM x; CREATE VIEW w AS SELECT * FROM y",
            &[0, 1],
        );
        check(
            "CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM v",
            &[0],
        );
        check("ALTER TABLE t ADD c nope; CREATE INDEX ON t (c)", &[0]);
        check(
            "CREATE TABLE t (a int REFERENCES u); CREATE TABLE u (a nope)",
            &[1],
        );
    }
}
