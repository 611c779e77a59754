//! What is done to a statement before it is loaded.

use pg_query::{
    NodeEnum,
    protobuf::{ScanToken, Token},
};

use crate::source::{
    statement::{Edit, Statement},
    tokens::bounds,
};

/// What is changed in a statement so that loading it runs no query and meets nothing that is there already.
pub(super) fn edits(statement: &Statement, node: &NodeEnum, tokens: &[ScanToken]) -> Vec<Edit> {
    let insert = |at: usize, text: &str| {
        vec![Edit {
            span: at..at,
            text: text.to_owned(),
        }]
    };
    let find = |token: Token| {
        tokens
            .iter()
            .find(|found| found.token() == token)
            .map(bounds)
    };
    match node {
        NodeEnum::CreateTableAsStmt(view)
            if !view.into.as_ref().is_some_and(|into| into.skip_data) =>
        {
            let ends_with_data = tokens.len() > 1
                && tokens[tokens.len() - 1].token() == Token::DataP
                && tokens[tokens.len() - 2].token() == Token::With;
            match tokens.last().map(bounds) {
                Some(data) if ends_with_data => insert(data.start, "NO "),
                _ => insert(statement.span.end, "\nWITH NO DATA"),
            }
        }
        NodeEnum::IndexStmt(index) if index.concurrent => find(Token::Concurrently)
            .map(|span| {
                vec![Edit {
                    span,
                    text: String::new(),
                }]
            })
            .unwrap_or_default(),
        NodeEnum::DropStmt(drop) if drop.concurrent => find(Token::Concurrently)
            .map(|span| {
                vec![Edit {
                    span,
                    text: String::new(),
                }]
            })
            .unwrap_or_default(),
        // A fresh database has both.
        NodeEnum::CreateSchemaStmt(schema)
            if schema.schemaname == "public"
                && !schema.if_not_exists
                && schema.schema_elts.is_empty() =>
        {
            find(Token::Schema)
                .map(|span| insert(span.end, " IF NOT EXISTS"))
                .unwrap_or_default()
        }
        NodeEnum::CreateExtensionStmt(extension)
            if extension.extname == "plpgsql" && !extension.if_not_exists =>
        {
            find(Token::Extension)
                .map(|span| insert(span.end, " IF NOT EXISTS"))
                .unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
