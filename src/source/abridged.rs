//! Long statements without what repeats in them: the operands of a chain of AND and OR, the constants of a list.
//!
//! PostgreSQL's parser takes some hundred bytes for each word, so that of a chain of a hundred thousand conditions it would
//! take a thousand times the chain's length. What a statement is, and what it is about, stands elsewhere in it; of such
//! operands only what they refer to counts. So they are parsed by themselves, a few at a time, and blanked out of what is
//! parsed as a whole.

use std::ops::Range;

use pg_query::NodeEnum;

use super::{
    ast,
    lexer::{Lexeme, Lexer},
    syntax,
};

/// Shorter texts are parsed as they are.
const SHORT: usize = 24 << 10;

/// About as many bytes of operands are parsed at once. A shorter chain stays: its statement stands in a long text, and isn't
/// long itself.
const BATCH: usize = 4 << 10;

/// A chain of fewer operands stays: it may be the arguments of a function.
const FEW: usize = 64;

/// Words that make an operand more than an expression, or give the word AND another meaning. An operand with a query in it
/// stays, because the query's names may mean common tables.
const STRUCTURE: [&str; 20] = [
    "as",
    "atomic",
    "begin",
    "between",
    "check",
    "constraint",
    "default",
    "else",
    "except",
    "from",
    "intersect",
    "on",
    "references",
    "select",
    "set",
    "then",
    "union",
    "values",
    "when",
    "where",
];

/// Parses what repeats by itself and gives it to `read`, with its place. The answer is the text without it, in which every
/// other byte stands where it stood, or none if nothing repeats. What can't be parsed stays, and the parser will say why.
pub(super) fn abridged(
    text: &str,
    mut read: impl FnMut(&Range<usize>, &NodeEnum),
) -> Option<String> {
    if text.len() < SHORT {
        return None;
    }
    let mut abridged: Option<String> = None;
    for batch in Chains::of(text) {
        let query = format!("SELECT {}", &text[batch.operands.clone()]);
        let Ok(parsed) = syntax::parse(&query) else {
            continue;
        };
        let [statement] = parsed.stmts.as_slice() else {
            continue;
        };
        let Some(node) = statement.stmt.as_deref().and_then(ast::kind) else {
            continue;
        };
        read(&batch.operands, node);
        let abridged = abridged.get_or_insert_with(|| text.to_owned());
        let whole = batch.operands.start..batch.separator.end;
        let blanks = " ".repeat(whole.len());
        abridged.replace_range(whole, &blanks);
    }
    abridged
}

/// Operands next to each other, and the separator behind them.
struct Batch {
    operands: Range<usize>,
    separator: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// AND or OR.
    Logical,
    Comma,
}

/// What stands between two brackets, or between CASE and END.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by one rule"
)]
struct Level {
    /// CASE opens one that no bracket closes.
    is_case: bool,
    /// The separator before the operand that is being read, if there is one.
    before: Option<Separator>,
    /// The operand that is being read, as far as it was read.
    operand: Option<Range<usize>>,
    /// Whether it starts with a constant or a bracket.
    is_constant: bool,
    /// Whether it can be taken out.
    is_plain: bool,
    /// Whether the last operand ended with an AND that may belong to BETWEEN.
    after_other: bool,
    /// Whether a word of another structure stands anywhere on this level.
    has_structure: bool,
    /// Whether all of it stays: it is a SET, whose values say what later statements mean.
    is_setting: bool,
    /// The operands so far that can be taken out together.
    batch: Option<Batch>,
    /// Those before them in the same chain.
    chain: Vec<Batch>,
    /// How many operands the chain has.
    operands: usize,
    /// How much had been found when it began.
    found_before: usize,
}

impl Level {
    fn new(is_case: bool, found_before: usize) -> Self {
        Self {
            is_case,
            before: None,
            operand: None,
            is_constant: false,
            is_plain: true,
            after_other: false,
            has_structure: false,
            is_setting: false,
            batch: None,
            chain: Vec::new(),
            operands: 0,
            found_before,
        }
    }
}

struct Chains {
    levels: Vec<Level>,
    found: Vec<Batch>,
}

impl Chains {
    fn of(text: &str) -> Vec<Batch> {
        let mut chains = Self {
            levels: vec![Level::new(false, 0)],
            found: Vec::new(),
        };
        for (lexeme, span) in Lexer::new(text) {
            chains.read(lexeme, &text[span.clone()], &span);
        }
        while !chains.levels.is_empty() {
            chains.end_of_chain();
            chains.levels.pop();
        }
        chains.found.sort_by_key(|batch| batch.operands.start);
        chains.found
    }

    fn top(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.open(false);
        }
        self.levels.last_mut().expect("it was just added")
    }

    fn open(&mut self, is_case: bool) {
        self.levels.push(Level::new(is_case, self.found.len()));
    }

    fn read(&mut self, lexeme: Lexeme, text: &str, span: &Range<usize>) {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        match lexeme {
            // A directive is found by what stands around it.
            Lexeme::LineComment if text.contains("forge:") => self.top().is_plain = false,
            Lexeme::Space | Lexeme::LineEnd | Lexeme::LineComment | Lexeme::BlockComment => {}
            Lexeme::Other(b'(' | b'[') => {
                self.operand(span, true);
                self.open(false);
            }
            Lexeme::Other(b')' | b']') => {
                while self.levels.len() > 1 && self.top().is_case {
                    self.close();
                }
                self.close();
                self.operand(span, false);
            }
            Lexeme::Other(b',') => self.separator(Separator::Comma, span),
            Lexeme::Other(b';') => {
                self.end_of_chain();
                let fresh = Level::new(self.top().is_case, self.top().found_before);
                *self.top() = fresh;
            }
            Lexeme::Word if is("and") || is("or") => self.separator(Separator::Logical, span),
            Lexeme::Word if is("case") => {
                self.operand(span, false);
                self.open(true);
            }
            Lexeme::Word if is("end") => {
                if self.top().is_case {
                    self.close();
                }
                self.operand(span, false);
            }
            Lexeme::Word => {
                let is_statement = self.levels.len() < 2;
                let level = self.top();
                let is_first = level.operand.is_none() && level.before.is_none();
                level.is_setting |= is_statement && is_first && is("set");
                self.operand(span, text.starts_with(|c: char| c.is_ascii_digit()));
                if STRUCTURE.iter().any(|word| is(word)) {
                    let level = self.top();
                    level.is_plain = false;
                    level.has_structure = true;
                }
            }
            Lexeme::Quoted => self.operand(span, !text.starts_with('"')),
            Lexeme::Dollar => self.operand(span, true),
            Lexeme::Operator => self.operand(span, matches!(text, "-" | "+")),
            Lexeme::Command | Lexeme::Other(_) => self.operand(span, false),
        }
    }

    /// A part of the operand that is being read.
    fn operand(&mut self, span: &Range<usize>, is_constant: bool) {
        let level = self.top();
        if let Some(operand) = &mut level.operand {
            operand.end = span.end;
        } else {
            level.operand = Some(span.clone());
            level.is_constant = is_constant;
        }
    }

    /// A separator: the operand before it can go if it has one before it, too.
    fn separator(&mut self, separator: Separator, span: &Range<usize>) {
        let level = self.top();
        let operand = level.operand.take();
        let goes = level.is_plain
            && !level.after_other
            && level.before == Some(separator)
            && (separator == Separator::Logical || level.is_constant);
        // The second operand of BETWEEN follows the word AND.
        level.after_other = !level.is_plain;
        level.is_plain = true;
        let operand = operand.filter(|_| goes);
        let before = level.before.replace(separator);
        let Some(operand) = operand else {
            level.chain.extend(level.batch.take());
            return;
        };
        level.operands += 1;
        let fits = |batch: &&mut Batch| {
            before == Some(separator) && operand.end - batch.operands.start <= BATCH
        };
        if let Some(batch) = level.batch.as_mut().filter(fits) {
            batch.operands.end = operand.end;
            batch.separator = span.clone();
            return;
        }
        let full = level.batch.replace(Batch {
            operands: operand,
            separator: span.clone(),
        });
        level.chain.extend(full);
    }

    fn end_of_chain(&mut self) {
        let level = self.top();
        level.chain.extend(level.batch.take());
        let chain = std::mem::take(&mut level.chain);
        let bytes: usize = chain.iter().map(|batch| batch.operands.len()).sum();
        let is_long = bytes >= BATCH && level.operands >= FEW;
        level.operands = 0;
        if is_long && !level.is_setting {
            self.found.extend(chain);
        }
    }

    /// Ends a level. What holds a structure of its own, or something that goes by itself, stays where it is.
    fn close(&mut self) {
        self.end_of_chain();
        let Some(level) = self.levels.pop() else {
            return;
        };
        let stays = level.has_structure || level.is_case || self.found.len() > level.found_before;
        let outer = self.top();
        outer.is_plain &= !stays;
        outer.has_structure |= stays;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::source::references::references;

    /// What a text refers to, and what is left of it where it was taken apart.
    fn apart(sql: &str) -> (BTreeSet<String>, Option<String>) {
        let mut names = BTreeSet::new();
        let mut note = |node: &NodeEnum| {
            names.extend(references(node).needs.iter().map(ToString::to_string));
        };
        let left = abridged(sql, |_, node| note(node));
        let parsed = syntax::parse(left.as_deref().unwrap_or(sql)).unwrap();
        let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
        nodes.filter_map(ast::kind).for_each(note);
        (names, left)
    }

    fn whole(sql: &str) -> BTreeSet<String> {
        let parsed = syntax::parse(sql).unwrap();
        let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
        nodes
            .filter_map(ast::kind)
            .flat_map(|node| references(node).needs)
            .map(|symbol| symbol.to_string())
            .collect()
    }

    /// A statement with 3000 such links, numbered where `#` stands.
    fn chain(before: &str, link: &str, separator: &str, after: &str) -> String {
        let links: Vec<String> = (0..3000)
            .map(|number| link.replace('#', &number.to_string()))
            .collect();
        format!("{before}{}{after}", links.join(separator))
    }

    #[test]
    fn long_chains_are_read_in_parts() {
        for sql in [
            chain("CREATE TABLE t (a int, CHECK (", "a <> #", " AND ", "))"),
            chain(
                "CREATE VIEW v AS SELECT 1 FROM x WHERE ",
                "app.f#(a) > g(#)",
                "\n OR ",
                " GROUP BY 1",
            ),
            chain(
                "CREATE VIEW v AS SELECT a IN (",
                "'é#'::app.t",
                ", ",
                ") FROM x",
            ),
            chain("CREATE VIEW v AS VALUES ", "(#, f#('x'))", ",", ""),
            chain("CREATE TYPE e AS ENUM (", "'label #'", ", ", ")"),
            chain(
                "CREATE VIEW v AS SELECT CASE WHEN ",
                "a <> #",
                " AND ",
                " THEN 1 ELSE 2 END FROM x",
            ),
        ] {
            let (names, left) = apart(&sql);
            assert_eq!(names, whole(&sql));
            let left = left.unwrap();
            assert_eq!(left.len(), sql.len());
            assert!(left.split_whitespace().collect::<String>().len() < 500);
        }
    }

    #[test]
    fn what_is_no_chain_of_expressions_stays() {
        for sql in [
            chain("CREATE TABLE t (", "c# app.t#", ", ", ")"),
            chain("DROP TABLE ", "table_#", ", ", ""),
            chain("CREATE TABLE t () INHERITS (", "parent_#", ", ", ")"),
            chain(
                "CREATE VIEW v AS SELECT 1 FROM x WHERE ",
                "a BETWEEN # AND f#(1)",
                " AND ",
                "",
            ),
            chain(
                "WITH cte AS (SELECT 1) SELECT 1 WHERE ",
                "a IN (SELECT b# FROM cte)",
                " AND ",
                "",
            ),
            chain(
                "CREATE TABLE t (a int, CHECK (",
                "a <> # -- forge: x\n",
                " AND ",
                "))",
            ),
        ] {
            let (names, left) = apart(&sql);
            assert_eq!(names, whole(&sql));
            assert_eq!(left, None, "{}", &sql[..60]);
        }
    }

    /// A long text is not a long statement: what is short in it stays, for its values may say what later statements mean.
    #[test]
    fn what_stands_beside_a_long_statement_stays() {
        let long = chain(
            "CREATE VIEW v AS SELECT a IN (",
            "'value #'",
            ", ",
            ") FROM x;\n",
        );
        let path: Vec<String> = (0..3000)
            .map(|number| format!("'schema {number}'"))
            .collect();
        for short in [
            "SELECT set_config('search_path', 'app', false);\n".to_owned(),
            format!(
                "SELECT set_config('search_path', '{}', false);\n",
                "x".repeat(9000)
            ),
            "SET search_path = 'a', 'b', 'c', 'd', 'e';\n".to_owned(),
            format!("SET search_path = {};\n", path.join(", ")),
            "CREATE TYPE e AS ENUM ('a', 'b', 'c', 'd');\n".to_owned(),
        ] {
            for sql in [format!("{short}{long}"), format!("{long}{short}")] {
                let left = abridged(&sql, |_, _| {}).unwrap();
                assert!(left.contains(&short), "{}", &short[..40]);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        let good = chain("SELECT 1 WHERE ", "a <> #", " AND ", "");
        let broken = good.replace("a <> 1500 AND", "a <> <> 1500 AND");
        let left = abridged(&broken, |_, _| {}).unwrap();
        let (in_part, in_whole) = (syntax::parse(&left), syntax::parse(&broken));
        assert_eq!(in_part.map(drop), in_whole.map(drop));
    }
}
