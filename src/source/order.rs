//! Puts the statements of all files into an order in which they load.
//!
//! Paths and written order stay as they are where they can: a statement is moved only to stand before the first one
//! that needs it. What the text doesn't tell — operators, casts, which of two overloads is meant — is left to the
//! loader, which tries again what fails for want of something.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Namespace, Session, Sort, Statement, Symbol, foreign_keys, names::Names};

/// Orders statements so that each comes after what it needs. Foreign keys of tables that refer to each other in a
/// circle become statements of their own. What is left out with a warning stands at the end; what declares nothing is gone.
pub fn load_order(mut statements: Vec<Statement>) -> Vec<Statement> {
    // Among half a million statements, each copy of the list counts: they are moved within it.
    statements.retain(|statement| match statement.action {
        Action::Load | Action::SkipWithWarning => true,
        Action::Skip => false,
    });
    hoist(&mut statements);
    let left_out = statements.partition_point(Statement::is_loaded);
    let left_out = statements.split_off(left_out);
    let mut ordered = in_order(statements);
    ordered.extend(left_out);
    ordered
}

fn in_order(mut statements: Vec<Statement>) -> Vec<Statement> {
    loop {
        let (order, circular) = Sorter::new(&statements).sort();
        if circular.is_empty() {
            arrange(&mut statements, order);
            return statements;
        }
        statements = statements
            .into_iter()
            .enumerate()
            .flat_map(|(index, statement)| {
                if circular.contains(&index) {
                    foreign_keys::split_off(statement)
                } else {
                    vec![statement]
                }
            })
            .collect();
    }
}

/// Puts to each place the statement that stands where `order` says.
fn arrange(statements: &mut [Statement], mut order: Vec<usize>) {
    for start in 0..order.len() {
        // Each circle of moves is gone around once; a place that has its statement refers to itself.
        let mut place = start;
        loop {
            let from = std::mem::replace(&mut order[place], place);
            if from == start {
                break;
            }
            statements.swap(place, from);
            place = from;
        }
    }
}

/// Puts extensions before the first statement that may use them, for what they bring can't be told from the text, what
/// later DDL could set off last, and what is left out behind it all.
fn hoist(statements: &mut [Statement]) {
    let sort = |statement: &Statement| statement.subject().map(|symbol| symbol.sort);
    let mut opened = false;
    let ranks: Vec<u8> = statements
        .iter()
        .map(|statement| {
            if !statement.is_loaded() {
                return 4;
            }
            if statement.traits.last {
                return 3;
            }
            opened |=
                sort(statement).is_some_and(|sort| !matches!(sort, Sort::Schema | Sort::Extension));
            match (opened, sort(statement)) {
                (false, _) => 0,
                (true, Some(Sort::Extension)) => 1,
                (true, _) => 2,
            }
        })
        .collect();
    let mut order: Vec<usize> = (0..statements.len()).collect();
    order.sort_by_key(|&index| ranks[index]);
    arrange(statements, order);
}

struct Sorter<'a> {
    statements: &'a [Statement],
    names: Names<'a>,
    /// The statements of each file whose own order counts.
    ordered: BTreeMap<&'a str, Vec<usize>>,
    state: Vec<State>,
    order: Vec<usize>,
    circular: BTreeSet<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// On the way to what it needs.
    Active,
    Placed,
}

/// Why one statement is placed before another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Needs,
    /// A foreign key inside a CREATE TABLE, which could be added later.
    ForeignKey,
    /// Something that helps but isn't needed to parse: what a function's body refers to, its file's order.
    Wish,
}

/// A statement on the way, with what is still to be placed before it.
struct Frame {
    index: usize,
    edge: Edge,
    before: std::vec::IntoIter<(usize, Edge)>,
}

impl<'a> Sorter<'a> {
    fn new(statements: &'a [Statement]) -> Self {
        let mut ordered: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        for statement in statements
            .iter()
            .filter(|statement| statement.traits.ordered)
        {
            ordered.entry(statement.file.path.as_str()).or_default();
        }
        for (index, statement) in statements.iter().enumerate() {
            if !statement.traits.last
                && let Some(file) = ordered.get_mut(statement.file.path.as_str())
            {
                file.push(index);
            }
        }
        for file in ordered.values_mut() {
            file.sort_by_key(|&index| statements[index].span.start);
        }
        Self {
            statements,
            names: Names::of(statements.iter()),
            ordered,
            state: vec![State::New; statements.len()],
            order: Vec::with_capacity(statements.len()),
            circular: BTreeSet::new(),
        }
    }

    /// The order, and the tables whose foreign keys stand in its way.
    fn sort(mut self) -> (Vec<usize>, BTreeSet<usize>) {
        for index in 0..self.statements.len() {
            self.place(index);
        }
        (self.order, self.circular)
    }

    /// Places a statement after all that it needs. The way there is kept by hand: a chain of views can be long.
    fn place(&mut self, index: usize) {
        let mut way = Vec::new();
        self.enter(&mut way, index, Edge::Needs);
        while let Some(frame) = way.last_mut() {
            if let Some((next, edge)) = frame.before.next() {
                self.enter(&mut way, next, edge);
            } else {
                self.state[frame.index] = State::Placed;
                self.order.push(frame.index);
                way.pop();
            }
        }
    }

    fn enter(&mut self, way: &mut Vec<Frame>, index: usize, edge: Edge) {
        match self.state[index] {
            State::Placed => {}
            State::Active => self.close_circle(way, index, edge),
            State::New => {
                self.state[index] = State::Active;
                way.push(Frame {
                    index,
                    edge,
                    before: self.before(index).into_iter(),
                });
            }
        }
    }

    /// The way has come back to `index`. If a foreign key is to blame, its table is noted; anything else is for the
    /// loader to find out.
    fn close_circle(&mut self, way: &[Frame], index: usize, edge: Edge) {
        let Some(start) = way.iter().position(|frame| frame.index == index) else {
            return;
        };
        // Each edge of the circle with the statement that it leaves.
        let edges = way[start..].iter().map(|frame| frame.index).zip(
            way[start + 1..]
                .iter()
                .map(|frame| frame.edge)
                .chain([edge]),
        );
        let edges: Vec<(usize, Edge)> = edges.collect();
        if edges.len() == 1 || edges.iter().any(|(_, edge)| *edge == Edge::Wish) {
            return;
        }
        self.circular.extend(
            edges
                .iter()
                .rev()
                .find(|(_, edge)| *edge == Edge::ForeignKey)
                .map(|(from, _)| *from),
        );
    }

    /// What is to be placed before a statement, in order.
    fn before(&self, index: usize) -> Vec<(usize, Edge)> {
        let statement = &self.statements[index];
        let mut before = Vec::new();
        if !statement.traits.last
            && let Some(file) = self.ordered.get(statement.file.path.as_str())
        {
            let earlier = file
                .iter()
                .take_while(|&&other| self.statements[other].span.start < statement.span.start);
            before.extend(
                earlier
                    .filter(|&&other| self.state[other] == State::New)
                    .map(|&other| (other, Edge::Wish)),
            );
        }
        for need in &*statement.needs {
            self.pull(index, need, Edge::Needs, &mut before);
        }
        for foreign_key in &statement.rare().foreign_keys {
            self.pull(index, &foreign_key.target, Edge::ForeignKey, &mut before);
            let key = Symbol {
                sort: Sort::Key,
                ..foreign_key.target.clone()
            };
            self.pull(index, &key, Edge::ForeignKey, &mut before);
        }
        for schema in &statement.rare().whole_schemas {
            let inside = self.statements.iter().enumerate().filter(|(_, other)| {
                other.file.path != statement.file.path
                    && other.subject().is_some_and(|symbol| {
                        symbol
                            .schema
                            .as_ref()
                            .is_some_and(|name| name.as_str() == schema)
                    })
            });
            before.extend(inside.map(|(other, _)| (other, Edge::Wish)));
        }
        if statement.traits.evaluates {
            self.pull_bodies(index, &mut before);
        }
        before
    }

    /// Adds the definers of a name that aren't placed yet, with what shapes them.
    fn pull(&self, index: usize, need: &Symbol, edge: Edge, before: &mut Vec<(usize, Edge)>) {
        let statement = &self.statements[index];
        let definers = self.names.definers(need, &statement.session);
        if definers.clone().any(|other| other == index) {
            return;
        }
        let placed = |other: usize| self.state[other] == State::Placed;
        // One definition is enough, but for overloads: which is meant can't be told. Within a file the written order is trusted.
        let overloads = need.namespace() == Namespace::Routine && need.arguments.is_none();
        let any_placed = definers.clone().any(placed);
        for other in definers {
            if placed(other) {
                continue;
            }
            // A file that drops and renames means what it says in the order in which it says it.
            let same_file = self.statements[other].file.path == statement.file.path;
            if other > index && same_file && self.ordered.contains_key(statement.file.path.as_str())
            {
                continue;
            }
            if any_placed && (same_file || !overloads) {
                continue;
            }
            before.push((other, edge));
            if other > index {
                before.extend(
                    self.shapers_of(other)
                        .filter(|&shaper| shaper != index)
                        .map(|shaper| (shaper, Edge::Wish)),
                );
            }
            if !overloads {
                break;
            }
        }
    }

    /// What changes the columns, keys or labels of what a statement defines.
    fn shapers_of(&self, index: usize) -> impl Iterator<Item = usize> {
        let subject = self.statements[index].subject();
        let shapers = subject
            .map(|symbol| self.names.shapers(symbol))
            .unwrap_or_default();
        shapers
            .iter()
            .copied()
            .filter(|&shaper| self.state[shaper] == State::New)
    }

    /// Adds what the functions refer to that a statement may run, and the functions that these run in turn.
    fn pull_bodies(&self, index: usize, before: &mut Vec<(usize, Edge)>) {
        let mut seen = BTreeSet::new();
        let mut routines: Vec<usize> = Vec::new();
        let functions = |needs: &[Symbol], session: &Session| -> Vec<usize> {
            let names = needs
                .iter()
                .filter(|need| need.namespace() == Namespace::Routine);
            names
                .flat_map(|need| self.names.definers(need, session))
                .collect()
        };
        let statement = &self.statements[index];
        routines.extend(functions(&statement.needs, &statement.session));
        while let Some(routine) = routines.pop() {
            if !seen.insert(routine) {
                continue;
            }
            let routine = &self.statements[routine];
            for need in routine.body_needs() {
                // The body is looked up where the function is defined; its own settings are for the server to apply.
                let definers = self.names.definers(need, &routine.session);
                before.extend(
                    definers
                        .filter(|&other| self.state[other] == State::New && other != index)
                        .map(|other| (other, Edge::Wish)),
                );
            }
            routines.extend(functions(routine.body_needs(), &routine.session));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{diagnostic::SourceFile, source::Tree};

    /// The statements of one file per text, in load order, shortened to their descriptions.
    fn ordered(files: &[&str]) -> Vec<String> {
        let files = files
            .iter()
            .enumerate()
            .map(|(index, text)| {
                Arc::new(SourceFile {
                    path: format!("{index}.sql").into(),
                    text: (*text).to_owned(),
                })
            })
            .collect();
        load_order(Tree { files }.parse().unwrap())
            .iter()
            .map(|statement| statement.sql().into_owned())
            .collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        fn check(files: &[&str], expected: &[&str]) {
            assert_eq!(ordered(files), expected);
        }
        check(
            &["CREATE VIEW v AS SELECT 1", "CREATE TABLE t ()"],
            &["CREATE VIEW v AS SELECT 1", "CREATE TABLE t ()"],
        );
        check(
            &["CREATE VIEW v AS SELECT * FROM t", "CREATE TABLE t ()"],
            &["CREATE TABLE t ()", "CREATE VIEW v AS SELECT * FROM t"],
        );
        check(
            &[
                "CREATE TABLE app.t (k app.kind)",
                "CREATE TYPE app.kind AS ENUM ()",
                "CREATE SCHEMA app",
            ],
            &[
                "CREATE SCHEMA app",
                "CREATE TYPE app.kind AS ENUM ()",
                "CREATE TABLE app.t (k app.kind)",
            ],
        );
        check(
            &[
                "COMMENT ON COLUMN t.a IS 'x'; GRANT SELECT ON t TO r",
                "CREATE TABLE t (a int)",
            ],
            &[
                "CREATE TABLE t (a int)",
                "COMMENT ON COLUMN t.a IS 'x'",
                "GRANT SELECT ON t TO r",
            ],
        );
        check(
            &[
                "CREATE TABLE t (c citext)",
                "CREATE SCHEMA x; CREATE EXTENSION citext SCHEMA x",
            ],
            &[
                "CREATE SCHEMA x",
                "CREATE EXTENSION citext SCHEMA x",
                "CREATE TABLE t (c citext)",
            ],
        );
        // A view may use a column that another statement of the table's file adds.
        check(
            &[
                "CREATE VIEW v AS SELECT c FROM t",
                "CREATE TABLE t (); ALTER TABLE t ADD c int",
            ],
            &[
                "CREATE TABLE t ()",
                "ALTER TABLE t ADD c int",
                "CREATE VIEW v AS SELECT c FROM t",
            ],
        );
    }

    #[test]
    fn functions_come_before_what_runs_them_with_what_they_refer_to() {
        const F: &str = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT g()'";
        const G: &str = "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'";
        const T: &str = "CREATE TABLE t (a int DEFAULT f())";
        assert_eq!(ordered(&[T, F, G]), [F, G, T]);
        // By themselves bodies move nothing: they are loaded unchecked.
        assert_eq!(ordered(&[F, G]), [F, G]);
    }

    #[test]
    fn foreign_keys_of_a_circle_are_split_off() {
        fn check(files: &[&str], expected: &[&str]) {
            assert_eq!(ordered(files), expected);
        }
        check(
            &[
                "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b)",
                "CREATE TABLE b (id int PRIMARY KEY)",
            ],
            &[
                "CREATE TABLE b (id int PRIMARY KEY)",
                "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b)",
            ],
        );
        check(
            &[
                "CREATE TABLE a (id int PRIMARY KEY, b int CONSTRAINT x REFERENCES b ON DELETE CASCADE DEFERRABLE NOT NULL)",
                "CREATE TABLE b (FOREIGN KEY (a) REFERENCES a, a int, id int PRIMARY KEY, FOREIGN KEY (id) REFERENCES c)",
                "CREATE TABLE c (id int PRIMARY KEY)",
            ],
            &[
                "CREATE TABLE b (a int, id int PRIMARY KEY)",
                "CREATE TABLE a (id int PRIMARY KEY, b int CONSTRAINT x REFERENCES b ON DELETE CASCADE DEFERRABLE NOT NULL)",
                "ALTER TABLE b ADD FOREIGN KEY (a) REFERENCES a",
                "CREATE TABLE c (id int PRIMARY KEY)",
                "ALTER TABLE b ADD FOREIGN KEY (id) REFERENCES c",
            ],
        );
        check(
            &["CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t)"],
            &["CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t)"],
        );
        // The partition needs its parent, whose key needs the partition.
        check(
            &[
                "CREATE TABLE p (id int REFERENCES q) PARTITION BY LIST (id)",
                "CREATE TABLE q PARTITION OF p DEFAULT",
            ],
            &[
                "CREATE TABLE p (id int ) PARTITION BY LIST (id)",
                "CREATE TABLE q PARTITION OF p DEFAULT",
                "ALTER TABLE p ADD FOREIGN KEY (id) REFERENCES q",
            ],
        );
    }

    #[test]
    fn a_file_that_drops_or_renames_keeps_its_order() {
        let file = "CREATE TABLE a (); ALTER TABLE a RENAME TO b; CREATE TABLE a (); DROP TABLE b; CREATE VIEW v AS SELECT * FROM a";
        let expected: Vec<&str> = file.split("; ").collect();
        assert_eq!(ordered(&[file]), expected);
    }

    #[test]
    fn search_paths_decide_what_a_name_means() {
        let files = [
            "SET search_path = x; CREATE VIEW v AS SELECT * FROM t",
            "CREATE TABLE y.t ()",
            "CREATE TABLE x.t ()",
        ];
        assert_eq!(
            ordered(&files),
            [
                "CREATE TABLE x.t ()",
                "CREATE VIEW v AS SELECT * FROM t",
                "CREATE TABLE y.t ()"
            ]
        );
    }
}
