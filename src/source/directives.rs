//! `-- forge:` comments: what the author knows and two catalogs can't tell, such as a rename.
//!
//! | directive | on | meaning |
//! |---|---|---|
//! | `-- forge: renamed from NAME` | whatever has a name | it used to be called so |
//! | `-- forge: using EXPRESSION` | a column | its value when its type changes |
//! | `-- forge: backfill EXPRESSION` | a column | the value of existing rows when it is new |
//!
//! A directive stands above what it is about, or behind it on the same line.

use std::{ops::Range, sync::Arc};

use pg_query::{
    Node, NodeEnum,
    protobuf::{ScanToken, Token},
};

use super::{
    Sort, Statement, Symbol, ast,
    directive::{Directive, DirectiveKind},
    elements,
    expression::PREFIX,
    session, syntax,
    tokens::bounds,
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    spelling::closest,
};

const WORDS: &[&str] = &["renamed from", "using", "backfill"];

/// A directive that isn't attached yet.
struct Comment {
    span: Range<usize>,
    /// The text after `-- forge:`, and where it starts.
    text: Range<usize>,
}

/// Attaches the directives among a file's tokens to its statements, which come with their syntax trees.
pub(super) fn attach(
    file: &Arc<SourceFile>,
    tokens: &[ScanToken],
    statements: &mut [(Statement, NodeEnum)],
) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    for token in tokens
        .iter()
        .filter(|token| token.token() == Token::SqlComment)
    {
        let span = bounds(token);
        let Some(comment) = comment(file, span) else {
            continue;
        };
        let attached = target(file, &comment, tokens, statements)
            .and_then(|(index, target)| Ok((index, read(file, &comment, target)?)));
        match attached {
            Ok((index, directive)) => statements[index].0.rare_mut().directives.push(directive),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn comment(file: &SourceFile, span: Range<usize>) -> Option<Comment> {
    let text = file.text[span.clone()].trim_end();
    let after = text
        .trim_start_matches('-')
        .trim_start()
        .strip_prefix("forge:")?;
    let end = span.start + text.len();
    let start = end - after.trim_start().len();
    Some(Comment {
        span: span.start..end,
        text: start..end,
    })
}

/// The statement that a comment belongs to, and what it says something of.
fn target(
    file: &Arc<SourceFile>,
    comment: &Comment,
    tokens: &[ScanToken],
    statements: &[(Statement, NodeEnum)],
) -> Result<(usize, Symbol)> {
    let at = comment.span.start;
    let inside = statements
        .iter()
        .position(|(statement, _)| statement.span.contains(&at));
    let same_line = |end: usize| end <= at && !file.text[end..at].contains('\n');
    let behind = || {
        let last = statements
            .iter()
            .rposition(|(statement, _)| statement.span.end <= at)?;
        same_line(statements[last].0.span.end).then_some(last)
    };
    let above = || {
        statements
            .iter()
            .position(|(statement, _)| statement.span.start > at)
    };
    let index = inside.or_else(behind).or_else(above).ok_or_else(|| {
        Diagnostic::error(Code::Directive, "the directive is about nothing")
            .at(file, comment.span.clone(), "no statement follows")
            .help("put it above the statement, or behind the column, that it is about")
    })?;
    let (statement, node) = &statements[index];
    let nothing = |what: &str| {
        Diagnostic::error(Code::Directive, format!("the directive is about {what}"))
            .at(file, comment.span.clone(), "nothing here can be renamed or filled")
            .help("put it above a CREATE statement, or at a column, a named constraint or an enum's value")
    };
    if inside.is_some() {
        let members = members(statement, node, tokens);
        let behind = members
            .iter()
            .rfind(|(span, _)| same_line(span.end) || (span.start < at && at < span.end));
        let below = members.iter().find(|(span, _)| span.start > at);
        let opens_statement =
            !file.text[statement.span.start..at].contains('\n') && behind.is_none();
        if !members.is_empty() && !opens_statement {
            return match behind.or(below) {
                Some((_, Some(member))) => Ok((index, member.clone())),
                Some((_, None)) => Err(nothing("a part without a name")),
                None => Err(nothing("what no column, constraint or value follows")),
            };
        }
    }
    match statement.subject() {
        Some(subject) => Ok((index, subject.clone())),
        None => Err(nothing(&format!(
            "`{}`, which defines nothing",
            statement.description()
        ))),
    }
}

/// The parts of a table, a composite type or an enum, with the bytes of each; those without a name have no symbol.
fn members(
    statement: &Statement,
    node: &NodeEnum,
    tokens: &[ScanToken],
) -> Vec<(Range<usize>, Option<Symbol>)> {
    let Some(subject) = statement.subject() else {
        return Vec::new();
    };
    let own: Vec<ScanToken> = tokens
        .iter()
        .filter(|token| {
            statement.span.contains(&bounds(token).start) && !super::tokens::is_comment(token)
        })
        .copied()
        .collect();
    let part = |sort: Sort, name: &str| {
        Symbol {
            sort,
            arguments: None,
            ..subject.clone()
        }
        .member(name)
    };
    if let NodeEnum::CreateDomainStmt(domain) = node {
        return domain_constraints(&domain.constraints, &own, part);
    }
    let Some(list) = elements::lists(&own).into_iter().next() else {
        return Vec::new();
    };
    let nodes = match node {
        NodeEnum::CreateStmt(table) => &table.table_elts,
        NodeEnum::CompositeTypeStmt(composite) => &composite.coldeflist,
        NodeEnum::CreateEnumStmt(created) => {
            let labels = ast::strings(&created.vals)
                .into_iter()
                .map(|label| Some(part(Sort::EnumValue, label)));
            return list
                .into_iter()
                .map(|element| element.span)
                .zip(labels)
                .collect();
        }
        _ => return Vec::new(),
    };
    let named: Vec<(usize, Option<Symbol>)> = nodes
        .iter()
        .filter_map(ast::kind)
        .filter_map(|node| match node {
            NodeEnum::ColumnDef(column) => {
                Some((column.location, Some(part(Sort::Column, &column.colname))))
            }
            NodeEnum::Constraint(constraint) => {
                let name = (!constraint.conname.is_empty())
                    .then(|| part(Sort::Constraint, &constraint.conname));
                Some((constraint.location, name))
            }
            _ => None,
        })
        .filter_map(|(location, symbol)| Some((usize::try_from(location).ok()?, symbol)))
        .collect();
    list.into_iter()
        .map(|element| {
            let symbol = named
                .iter()
                .find(|(at, _)| element.span.contains(at))
                .and_then(|(_, symbol)| symbol.clone());
            (element.span, symbol)
        })
        .collect()
}

/// The constraints of a domain, each as far as its last token before the next one.
fn domain_constraints(
    nodes: &[Node],
    own: &[ScanToken],
    part: impl Fn(Sort, &str) -> Symbol,
) -> Vec<(Range<usize>, Option<Symbol>)> {
    let constraints = nodes
        .iter()
        .filter_map(ast::kind)
        .filter_map(|node| match node {
            NodeEnum::Constraint(constraint) => {
                let name = (!constraint.conname.is_empty())
                    .then(|| part(Sort::Constraint, &constraint.conname));
                Some((usize::try_from(constraint.location).ok()?, name))
            }
            _ => None,
        });
    let constraints: Vec<(usize, Option<Symbol>)> = constraints.collect();
    let end = |next: Option<&(usize, Option<Symbol>)>| {
        let tokens = own.iter().map(bounds);
        let before = tokens.filter(|token| next.is_none_or(|(start, _)| token.start < *start));
        before.map(|token| token.end).max().unwrap_or_default()
    };
    let spans = constraints.iter().enumerate();
    spans
        .map(|(index, (start, name))| (*start..end(constraints.get(index + 1)), name.clone()))
        .collect()
}

/// Reads what the comment says.
fn read(file: &Arc<SourceFile>, comment: &Comment, target: Symbol) -> Result<Directive> {
    let text = &file.text[comment.text.clone()];
    let error = |message: String, label: &str| {
        Diagnostic::error(Code::Directive, message).at(file, comment.text.clone(), label)
    };
    let argument = |word: &str| {
        let rest = text.get(word.len()..)?;
        (text[..word.len()].eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace))
            .then(|| rest.trim())
    };
    let kind = if let Some(name) = argument("renamed from") {
        let parts = value_name(name, &target).or_else(|| session::dotted_name(name));
        let parts = parts.ok_or_else(|| {
            error(format!("`{name}` is no name"), "a name was expected")
                .help("write the old name as in SQL: name, or schema.name")
        })?;
        DirectiveKind::RenamedFrom(old_name(&parts, &target).ok_or_else(|| {
            error(format!("`{name}` has too many parts"), "too many dots")
                .help("write the part's old name alone")
        })?)
    } else if let Some(expression) = argument("using") {
        DirectiveKind::Using(checked(file, comment, expression, &target)?)
    } else if let Some(expression) = argument("backfill") {
        DirectiveKind::Backfill(checked(file, comment, expression, &target)?)
    } else {
        let words: Vec<&str> = text.split_whitespace().collect();
        let help = match words.first().and_then(|word| {
            closest(
                word,
                WORDS
                    .iter()
                    .map(|known| known.split(' ').next().unwrap_or(known)),
            )
        }) {
            Some("renamed") => "did you mean `renamed from NAME`?".to_owned(),
            Some(word) => format!("did you mean `{word} EXPRESSION`?"),
            None if words.first() == Some(&"renamed") => "write `renamed from NAME`".to_owned(),
            None => "forge knows `renamed from NAME`, `using EXPRESSION` and `backfill EXPRESSION`"
                .to_owned(),
        };
        return Err(error(format!("`{text}` is no directive"), "not understood").help(help));
    };
    Ok(Directive {
        kind,
        target,
        file: Arc::clone(file),
        span: comment.span.clone(),
    })
}

/// The old name of an enum's value, which is written like the value.
fn value_name(text: &str, target: &Symbol) -> Option<Vec<String>> {
    let quoted = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (target.sort == Sort::EnumValue).then(|| vec![quoted.replace("''", "'")])
}

/// The old name's symbol: like the target, under another name.
fn old_name(parts: &[String], target: &Symbol) -> Option<Symbol> {
    let mut old = target.clone();
    match (parts, &target.member) {
        ([name], Some(_)) => old.member = Some(name.as_str().into()),
        ([name], None) => old.name = name.as_str().into(),
        ([schema, name], None) => {
            old.schema = Some(schema.as_str().into());
            old.name = name.as_str().into();
        }
        _ => return None,
    }
    Some(old)
}

/// A column's expression, checked for its syntax.
fn checked(
    file: &Arc<SourceFile>,
    comment: &Comment,
    expression: &str,
    target: &Symbol,
) -> Result<String> {
    if target.sort != Sort::Column {
        return Err(Diagnostic::error(
            Code::Directive,
            format!("a {} has no values to compute", target.sort.words()),
        )
        .at(file, comment.span.clone(), "only columns do")
        .help("put it behind the column"));
    }
    syntax::parse(&format!("{PREFIX}{expression})")).map_err(|problem| {
        let start = comment.text.end - expression.len();
        let at = (start + problem.at.saturating_sub(PREFIX.len())).min(comment.text.end);
        Diagnostic::error(
            Code::Directive,
            format!("the directive's expression can't be read: {problem}"),
        )
        .at(file, at..comment.text.end, "PostgreSQL's parser stops here")
    })?;
    Ok(expression.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Tree;

    fn parse(text: &str) -> Result<Vec<Statement>> {
        Tree {
            files: vec![Arc::new(SourceFile {
                path: "a.sql".into(),
                text: text.to_owned(),
            })],
        }
        .parse()
    }

    #[test]
    fn directives_find_what_they_are_about() {
        fn check(text: &str, expected: &[&str]) {
            let found: Vec<String> = parse(text)
                .unwrap()
                .iter()
                .flat_map(Statement::directives)
                .map(|directive| {
                    let what = match &directive.kind {
                        DirectiveKind::RenamedFrom(old) => format!("was {old}"),
                        DirectiveKind::Using(expression) => format!("using {expression}"),
                        DirectiveKind::Backfill(expression) => format!("backfill {expression}"),
                    };
                    format!(
                        "{} {}: {what}",
                        directive.target.sort.words(),
                        directive.target
                    )
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        }
        check(
            "-- forge: renamed from people\nCREATE TABLE app.users (id int);",
            &["table app.users: was app.people"],
        );
        check(
            "CREATE TABLE users (id int); -- forge: renamed from old.people",
            &["table public.users: was old.people"],
        );
        check(
            "CREATE TABLE users ( -- forge: renamed from people\n id int);",
            &["table public.users: was public.people"],
        );
        check(
            "CREATE TABLE t (\n  a int, -- forge: renamed from b\n  -- forge: backfill 'x, y'\n  c text NOT NULL,\n  d bytea -- forge: using digest(d, 'sha256')\n);",
            &[
                "column public.t.a: was public.t.b",
                "column public.t.c: backfill 'x, y'",
                "column public.t.d: using digest(d, 'sha256')",
            ],
        );
        check(
            "CREATE TABLE t (a int,\n  CONSTRAINT k UNIQUE (a) -- forge: renamed from j\n);",
            &["constraint public.t.k: was public.t.j"],
        );
        check(
            "CREATE TYPE e AS ENUM (\n  'a', -- forge: renamed from \"A b\"\n  'c'\n);",
            &["enum value public.e.a: was public.e.\"A b\""],
        );
        check(
            "CREATE TYPE e AS ENUM ('a', -- forge: renamed from 'It''s'\n'c');",
            &["enum value public.e.a: was public.e.\"It's\""],
        );
        check(
            "ALTER TABLE t ADD COLUMN c int; -- forge: backfill 1",
            &["column public.t.c: backfill 1"],
        );
        check(
            "-- forge: renamed from f\nCREATE FUNCTION g(a int) RETURNS int LANGUAGE sql AS '';",
            &["function public.g(int4): was public.f(int4)"],
        );
        check(
            "CREATE TABLE t (\r\n  a int, -- forge: renamed from b\r\n  c int\r\n);\r\n",
            &["column public.t.a: was public.t.b"],
        );
        check(
            "CREATE DOMAIN d AS text NOT NULL\n  CONSTRAINT k CHECK (VALUE <> '') -- forge: renamed from j\n  -- forge: renamed from m\n  CONSTRAINT l CHECK (VALUE <> 'x')\n;",
            &[
                "constraint public.d.k: was public.d.j",
                "constraint public.d.l: was public.d.m",
            ],
        );
        check("-- forget: it\nCREATE TABLE t ();", &[]);
    }

    #[test]
    fn mistakes_are_told() {
        fn check(text: &str, message: &str, help: Option<&str>) {
            let problem = parse(text).unwrap_err();
            assert_eq!(
                (problem.message(), problem.help_text()),
                (message, help),
                "{text}"
            );
        }
        check(
            "-- forge: renamed form x\nCREATE TABLE t ();",
            "`renamed form x` is no directive",
            Some("write `renamed from NAME`"),
        );
        check(
            "-- forge: bakfill 1\nCREATE TABLE t ();",
            "`bakfill 1` is no directive",
            Some("did you mean `backfill EXPRESSION`?"),
        );
        check(
            "-- forge: renamed from a.b.c\nCREATE TABLE t ();",
            "`a.b.c` has too many parts",
            Some("write the part's old name alone"),
        );
        check(
            "-- forge: using 1\nCREATE TABLE t ();",
            "a table has no values to compute",
            Some("put it behind the column"),
        );
        check(
            "CREATE TABLE t (\n  a int -- forge: backfill 1 +\n);",
            "the directive's expression can't be read: syntax error at or near \")\"",
            None,
        );
        check(
            "CREATE TABLE t ();\n-- forge: renamed from x\n",
            "the directive is about nothing",
            Some("put it above the statement, or behind the column, that it is about"),
        );
    }
}
