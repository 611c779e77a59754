//! Parses the files of a schema tree into statements.

use std::{ops::Range, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{RawStmt, ScanToken, Token},
};

use super::{
    Action, Session, Sort, Statement, Symbol, Tree, ast, define, directives, duplicates,
    foreign_keys, grants, inert, owner, policy, psql, references,
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
        .copied()
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
    let mut needs: Vec<_> = references.needs.into_iter().collect();
    // What a statement defines must have its schema.
    let defined = definition.defines.iter().chain(&definition.implied);
    needs.extend(defined.filter_map(|symbol| {
        let schema = symbol.schema.as_ref()?;
        Some(Symbol::new(Sort::Schema, schema.as_str()))
    }));
    let body = match node {
        NodeEnum::CreateFunctionStmt(function) => references::body_of(&function.options),
        _ => None,
    };
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
        owned: owner::owned(node),
        granted: match node {
            NodeEnum::GrantStmt(grant) => grants::targets(grant),
            _ => Vec::new(),
        },
        roles: references.roles,
        inert,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> Tree {
        let file = |(index, text): (usize, &&str)| {
            Arc::new(SourceFile {
                path: format!("{index}.sql").into(),
                text: (*text).to_owned(),
            })
        };
        Tree {
            files: files.iter().enumerate().map(file).collect(),
        }
    }

    #[test]
    fn statements_know_their_place_and_name() {
        fn check(sql: &str, expected: &[(&str, &str)]) {
            let statements = tree(&[sql]).parse().unwrap();
            let found: Vec<_> = statements
                .iter()
                .map(|statement| (statement.description.as_str(), statement.text()))
                .collect();
            assert_eq!(found, expected);
        }
        check(
            "-- a\nCREATE TABLE app.t (a int); -- b\n\nCREATE VIEW v AS SELECT 1",
            &[
                ("CREATE TABLE app.t", "CREATE TABLE app.t (a int)"),
                ("CREATE VIEW v", "CREATE VIEW v AS SELECT 1"),
            ],
        );
        check(
            "/* é */ COMMENT ON TABLE t IS 'x';;",
            &[("COMMENT ON TABLE t", "COMMENT ON TABLE t IS 'x'")],
        );
        check("-- nothing\r\n", &[]);
    }

    #[test]
    fn every_broken_file_is_reported() {
        let problem = tree(&["CREATE TABEL t ();", "CREATE TABLE t ();", "SELEC 1"])
            .parse()
            .unwrap_err();
        assert_eq!(problem.places()[0].location(), "0.sql:1:8");
        assert_eq!(problem.related()[0].places()[0].location(), "2.sql:1:1");
    }

    #[test]
    fn a_dump_is_read_as_it_is() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict aB3\n\nSET statement_timeout = 0;\n\
            SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\
            SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\n\
            SET xmloption = content;\nSET row_security = off;\nCREATE SCHEMA app;\nALTER SCHEMA app OWNER TO owner;\n\
            CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA app;\nSET default_tablespace = '';\n\
            SET default_table_access_method = heap;\nCREATE TABLE app.t (id integer NOT NULL);\n\
            ALTER TABLE app.t OWNER TO owner;\nCREATE SEQUENCE app.t_id_seq AS integer;\n\
            ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;\n\
            ALTER TABLE ONLY app.t ALTER COLUMN id SET DEFAULT nextval('app.t_id_seq'::regclass);\n\
            ALTER TABLE ONLY app.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\nGRANT SELECT ON TABLE app.t TO reader;\n\
            \\unrestrict aB3\n";
        let statements = tree(&[dump]).parse().unwrap();
        let loaded: Vec<_> = statements
            .iter()
            .filter(|statement| statement.is_loaded())
            .collect();
        assert_eq!(loaded.len(), 10);
        assert!(loaded[0].session.search_path.is_empty());
        assert_eq!(
            loaded[9].session.settings["default_table_access_method"],
            "heap"
        );
        assert!(super::super::warnings(&statements).is_empty());
        assert_eq!(
            super::super::roles(&statements)
                .into_iter()
                .collect::<Vec<_>>(),
            ["owner", "reader"]
        );
        assert_eq!(super::super::extensions(&statements)[0].0, "citext");
        let written: Vec<usize> = loaded
            .iter()
            .map(|statement| statement.span.start)
            .collect();
        let ordered: Vec<usize> = super::super::load_order(statements.clone())
            .iter()
            .map(|statement| statement.span.start)
            .collect();
        assert_eq!(ordered, written);
    }
}
