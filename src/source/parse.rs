//! Parses the files of a schema tree into statements.

use std::{ops::Range, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{RawStmt, ScanToken, Token},
};

use super::{
    Action, Session, Sort, Statement, Symbol, Tree, ast, define, directives, duplicates,
    foreign_keys, policy, psql, references,
    statement::Body,
    syntax,
    tokens::{self, bounds, is_comment},
};
use crate::diagnostic::{Diagnostic, Result, SourceFile};

impl Tree {
    /// Parses every file, in path order. All that is wrong in any of them is reported at once.
    pub fn parse(&self) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        let mut problems = Vec::new();
        for file in &self.files {
            match parse_file(file) {
                Ok(found) => statements.extend(found),
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(duplicates::duplicates(&statements));
        Diagnostic::all(problems).map_or(Ok(statements), Err)
    }
}

fn parse_file(file: &Arc<SourceFile>) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    let one = |problem: Diagnostic| vec![problem];
    let text = psql::mask(file).map_err(one)?;
    let parsed = syntax::parse(&text).map_err(|error| one(error.in_file(file, 0)))?;
    let tokens = tokens::scan(&text).map_err(|error| one(error.in_file(file, 0)))?;
    let meaningful: Vec<ScanToken> = tokens
        .iter()
        .filter(|token| !is_comment(token))
        .cloned()
        .collect();
    let mut session = Arc::new(Session::default());
    let mut statements = Vec::with_capacity(parsed.stmts.len());
    let mut problems = Vec::new();
    for raw in parsed.stmts {
        let own = tokens_of(&raw, &meaningful);
        let (Some(first), Some(last), Some(node)) =
            (own.first(), own.last(), raw.stmt.and_then(|node| node.node))
        else {
            continue;
        };
        let span = bounds(first).start..bounds(last).end;
        let mut statement = read(file, span, &node, own, &session);
        match policy::judge(&mut statement, &node, own) {
            Ok(changed) => session = changed.unwrap_or(session),
            Err(problem) => problems.push(problem),
        }
        statements.push((statement, node));
    }
    if let Err(found) = directives::attach(file, &tokens, &mut statements) {
        problems.extend(found);
    }
    if problems.is_empty() {
        Ok(statements
            .into_iter()
            .map(|(statement, _)| statement)
            .collect())
    } else {
        Err(problems)
    }
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
    let definition = define::definition(node, session);
    let references = references::references(node);
    let mut needs: Vec<_> = references.needs.into_iter().collect();
    // What a statement defines must have its schema.
    needs.extend(definition.defines.iter().filter_map(|symbol| {
        let schema = symbol.schema.as_ref()?;
        Some(Symbol::new(Sort::Schema, schema.as_str()))
    }));
    let text = &file.text[span.clone()];
    let body = policy::function_body(node);
    let body_needs = body
        .as_ref()
        .map(|(language, body)| references::references_of_body(language, body, text))
        .unwrap_or_default();
    Statement {
        description: describe(&file.text, tokens),
        body: body.and_then(|(_, text)| {
            Some(Body {
                text,
                literal: body_literal(node, tokens)?,
            })
        }),
        defines: definition.defines,
        implied: definition.implied,
        traits: definition.traits,
        needs,
        body_needs,
        roles: references.roles,
        directives: Vec::new(),
        action: Action::Load,
        session: Arc::clone(session),
        edits: Vec::new(),
        foreign_keys: match node {
            NodeEnum::CreateStmt(table) => foreign_keys::foreign_keys(table, tokens),
            _ => Vec::new(),
        },
        file: Arc::clone(file),
        span,
    }
}

/// The words of a statement up to where its content begins, for messages.
fn describe(text: &str, tokens: &[ScanToken]) -> String {
    const LONGEST: usize = 72;
    let mut words = String::new();
    let mut end = tokens.first().map_or(0, |token| bounds(token).start);
    for token in tokens {
        let span = bounds(token);
        // A parenthesis, AS or IS begins the content; a literal may hold anything, a secret too.
        let content = matches!(
            token.token(),
            Token::Ascii40 | Token::As | Token::Is | Token::Ascii61 | Token::Sconst
        );
        if (content && !words.is_empty()) || words.len() + span.len() > LONGEST {
            break;
        }
        if span.start > end {
            words.push(' ');
        }
        words.push_str(&text[span.clone()]);
        end = span.end;
    }
    words
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
