//! Parses the files of a schema tree into statements.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{RawStmt, ScanToken, Token},
};

use super::{
    Action, Session, Sort, Statement, Symbol, Tree,
    abridged::abridged,
    ast, define, directives, duplicates, foreign_keys, inert, lexer, named, owner, policy, psql,
    references,
    statement::{Body, Rare},
    syntax,
    tokens::{self, bounds, is_comment},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    sql::Ident,
};

/// Longer files are parsed in stretches of whole statements, so that only their statements, and not all of their tokens and
/// syntax trees, are held at once.
const STRETCH: usize = 16 << 10;

/// As many statements are read. A server with so many objects is beyond what forge compares.
const MOST_STATEMENTS: usize = 500_000;

/// As many words, numbers and signs are read of one statement, without those of long chains and lists: the parser takes up
/// to two kilobytes for each. A table has 1,600 columns at most.
const MOST_WORDS: usize = 250_000;

/// After so many problems nothing more is looked for.
const MOST_PROBLEMS: usize = 100;

impl Tree {
    /// Parses every file, in path order. What is wrong in any of them is reported at once, up to a hundred problems.
    pub fn parse(&self) -> Result<Vec<Statement>> {
        let count = self.expect_few()?;
        let mut found = Found {
            statements: Vec::with_capacity(count),
            ..Found::default()
        };
        for file in &self.files {
            found.read(file, STRETCH);
        }
        let mut problems = found.problems;
        if problems.len() < MOST_PROBLEMS {
            problems.extend(duplicates::duplicates(&found.statements));
        }
        let more = problems.len().checked_sub(MOST_PROBLEMS);
        if more.is_some() {
            problems.truncate(MOST_PROBLEMS);
            let last = problems.pop();
            problems.extend(last.map(|last| {
                last.note(format!(
                    "{MOST_PROBLEMS} problems are shown; there may be more"
                ))
            }));
        }
        Diagnostic::all(problems).map_or(Ok(found.statements), Err)
    }
}

impl Tree {
    /// The number of statements. A tree of too many is refused before any is parsed.
    fn expect_few(&self) -> Result<usize> {
        let mut count = 0;
        for file in &self.files {
            for statement in lexer::statements(&file.text) {
                count += 1;
                if count > MOST_STATEMENTS {
                    return Err(too_many(file, statement.start));
                }
            }
        }
        Ok(count)
    }
}

/// What was found in the files so far.
#[derive(Default)]
struct Found {
    statements: Vec<Statement>,
    problems: Vec<Diagnostic>,
}

impl Found {
    fn read(&mut self, file: &Arc<SourceFile>, size: usize) {
        let text = match psql::mask(file) {
            Ok(text) => text,
            Err(problem) => return self.problems.push(problem),
        };
        let mut session = Arc::new(Session::default());
        for stretch in lexer::stretches(&text, size) {
            if self.problems.len() >= MOST_PROBLEMS {
                return;
            }
            let base = stretch.start;
            let part = if stretch.len() == file.text.len() {
                Arc::clone(file)
            } else {
                Arc::new(SourceFile {
                    path: file.path.clone(),
                    text: file.text[stretch.clone()].to_owned(),
                })
            };
            match parse_part(&part, &text[stretch], &mut session) {
                Ok(found) => {
                    for statement in found.statements {
                        let mut statement = statement.moved(file, base);
                        self.share_needs(&mut statement);
                        self.statements.push(statement);
                    }
                    let problems = found.problems.into_iter();
                    self.problems
                        .extend(problems.map(|it| it.moved(&part, file, base)));
                }
                // Behind what can't be parsed, nothing is known.
                Err(problem) => return self.problems.push(problem.moved(&part, file, base)),
            }
        }
    }

    /// Neighbours often need the same: their schema, or a table.
    fn share_needs(&self, statement: &mut Statement) {
        if let Some(last) = self.statements.last()
            && last.needs == statement.needs
        {
            statement.needs = Arc::clone(&last.needs);
        }
    }
}

fn too_many(file: &Arc<SourceFile>, at: usize) -> Diagnostic {
    Diagnostic::error(
        Code::Syntax,
        format!("the schema tree has more than {MOST_STATEMENTS} statements"),
    )
    .at(file, at..at, "here")
    .note("forge compares whole databases, and reads no more than that")
    .help("leave out what is generated, or list its files in .forgeignore")
}

/// Parses a file or a stretch of one, of which `text` is what the parser reads.
///
/// # Errors
/// What the parser says.
fn parse_part(file: &Arc<SourceFile>, text: &str, session: &mut Arc<Session>) -> Result<Found> {
    let mut parts = Vec::new();
    let abridged = abridged(text, |part, node| {
        parts.push((part.start, references::references(node)));
    });
    let text = abridged.as_deref().unwrap_or(text);
    expect_readable(file, text)?;
    let parsed = syntax::parse(text).map_err(|error| error.in_file(file, 0))?;
    let tokens = tokens::scan(text).map_err(|error| error.in_file(file, 0))?;
    let meaningful: Vec<ScanToken> = tokens
        .iter()
        .filter(|token| !is_comment(token))
        .copied()
        .collect();
    let mut statements = Vec::with_capacity(parsed.stmts.len());
    let mut problems = Vec::new();
    for raw in parsed.stmts {
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
        let own = tokens_of(&raw, &meaningful);
        let (Some(first), Some(last), Some(node)) =
            (own.first(), own.last(), raw.stmt.and_then(|node| node.node))
        else {
            continue;
        };
        let span = bounds(first).start..bounds(last).end;
        let mut statement = read(file, span, &node, own, session);
        let span = statement.span.clone();
        let own_parts = parts.extract_if(.., |(at, _)| span.contains(at));
        statement.needs_also(own_parts.map(|(_, references)| references));
        match policy::judge(&mut statement, &node, own) {
            Ok(changed) => *session = changed.unwrap_or_else(|| Arc::clone(session)),
            Err(problem) => problems.push(problem),
        }
        statements.push((statement, node));
    }
    if let Err(found) = directives::attach(file, &tokens, &mut statements) {
        problems.extend(found);
    }
    let statements = statements.into_iter();
    Ok(Found {
        statements: statements.map(|(statement, _)| statement).collect(),
        problems,
    })
}

/// Refuses a statement for which the parser would take more memory than a statement should.
fn expect_readable(file: &Arc<SourceFile>, text: &str) -> Result<()> {
    if text.len() < MOST_WORDS {
        return Ok(());
    }
    for statement in lexer::statements(text) {
        let words = lexer::Lexer::new(&text[statement.clone()])
            .filter(|(lexeme, _)| !lexeme.is_blank())
            .count();
        if words > MOST_WORDS {
            let line = text[statement.clone()].lines().next().unwrap_or("");
            return Err(Diagnostic::error(
                Code::Syntax,
                format!("a statement has {words} words and signs; forge reads up to {MOST_WORDS}"),
            )
            .at(
                file,
                statement.start..statement.start + line.len(),
                "the statement begins here",
            )
            .note("PostgreSQL's parser takes up to two kilobytes of memory for each of them")
            .help("divide it, or leave its file out with .forgeignore"));
        }
    }
    Ok(())
}

/// The tokens of a statement among those of its file, which come without comments.
fn tokens_of<'a>(raw: &RawStmt, tokens: &'a [ScanToken]) -> &'a [ScanToken] {
    // A length of zero means up to the end.
    let end = if raw.stmt_len == 0 {
        i32::MAX
    } else {
        raw.stmt_location + raw.stmt_len
    };
    let first = tokens.partition_point(|token| token.start < raw.stmt_location);
    let after = tokens.partition_point(|token| token.start < end);
    let own = &tokens[first..after];
    match own.split_last() {
        Some((last, rest)) if last.token() == Token::Ascii59 => rest,
        Some(_) | None => own,
    }
}

fn read(
    file: &Arc<SourceFile>,
    span: Range<usize>,
    node: &NodeEnum,
    tokens: &[ScanToken],
    session: &Arc<Session>,
) -> Statement {
    let text = &file.text[span.clone()];
    let mut definition = define::definition(node, text, session);
    let inert = inert::of(node);
    definition.traits.last |= inert
        .as_ref()
        .is_some_and(|inert| inert.about_event_trigger);
    let references = match node {
        NodeEnum::DoStmt(_) => references::references_of_block(text),
        node => references::references(node),
    };
    let mut needs = references.needs;
    // What a statement defines must have its schema.
    let defined = definition.defines.iter().chain(&definition.implied);
    let schemas: BTreeSet<&Ident> = defined.filter_map(|it| it.schema.as_ref()).collect();
    let schemas = schemas.into_iter().cloned();
    needs.extend(schemas.map(|schema| Symbol::named(Sort::Schema, schema)));
    let body = match node {
        NodeEnum::CreateFunctionStmt(function) => references::body_of(&function.options),
        _ => None,
    };
    let body_needs = body
        .as_ref()
        .map(|(language, body)| references::references_of_body(language, body, text))
        .unwrap_or_default();
    let rare = Rare {
        body: body.and_then(|(_, text)| {
            Some(Body {
                text,
                literal: body_literal(node, tokens)?,
            })
        }),
        body_needs,
        owned: owner::owned(node),
        granted: match node {
            NodeEnum::GrantStmt(grant) => named::granted(grant),
            _ => Vec::new(),
        },
        shapes: definition.shapes,
        whole_schemas: definition.whole_schemas,
        roles: references.roles,
        inert,
        foreign_keys: match node {
            NodeEnum::CreateStmt(table) => foreign_keys::foreign_keys(table, tokens),
            _ => Vec::new(),
        },
        ..Rare::default()
    };
    Statement {
        described: described(tokens),
        defines: definition.defines.into(),
        implied: definition.implied.into(),
        traits: definition.traits,
        needs: needs.into_iter().collect(),
        action: Action::Load,
        session: Arc::clone(session),
        rare: rare.kept(),
        file: Arc::clone(file),
        span,
    }
}

/// How many bytes of a statement say what it is: its words up to where its content begins.
fn described(tokens: &[ScanToken]) -> u16 {
    const LONGEST: usize = 72;
    let start = tokens.first().map_or(0, |token| bounds(token).start);
    let (mut end, mut words) = (start, 0);
    for token in tokens {
        let span = bounds(token);
        // A parenthesis, AS or IS begins the content; a literal may hold anything, a secret too.
        let content = matches!(
            token.token(),
            Token::Ascii40 | Token::As | Token::Is | Token::Ascii61 | Token::Sconst
        );
        if (content && end > start) || words + span.len() > LONGEST {
            break;
        }
        let length = u16::try_from(span.end - start);
        if length.is_err() {
            break;
        }
        words += span.len() + usize::from(span.start > end);
        end = span.end;
    }
    u16::try_from(end - start).expect("longer ones end before")
}

/// The literal that holds a function's body: the first string after `AS`.
fn body_literal(node: &NodeEnum, tokens: &[ScanToken]) -> Option<Range<usize>> {
    let NodeEnum::CreateFunctionStmt(function) = node else {
        return None;
    };
    let location =
        function
            .options
            .iter()
            .filter_map(ast::kind)
            .find_map(|option| match option {
                NodeEnum::DefElem(element) if element.defname == "as" => Some(element.location),
                _ => None,
            })?;
    tokens
        .iter()
        .find(|token| token.start >= location && token.token() == Token::Sconst)
        .map(bounds)
}

#[cfg(test)]
mod tests;
