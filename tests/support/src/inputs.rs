//! What holds for any text that somebody gives forge: it is read or it is an error that can be shown. The fuzz targets run
//! the same functions, see `fuzz/README.md`.

use std::sync::Arc;

use camino::Utf8Path;
use forge::{
    connection::options::ConnectOptions,
    diagnostic::{Diagnostic, SourceFile},
    environment::Environment,
    plan::file::PlanFile,
    report::{Paint, render},
    settings::{ConnectionString, ForgeToml},
    source::{Tree, load_order, normalised, split, statements_in},
};

/// A file of the schema tree.
pub fn source(text: &str) {
    // The walk of the tree refuses a NUL.
    if text.contains('\0') {
        return;
    }
    if let Ok(pieces) = split(text) {
        let joined: String = pieces.iter().map(|piece| &text[piece.clone()]).collect();
        assert_eq!(joined, text, "pieces join to the input");
    }
    if let Ok(statements) = statements_in(text) {
        assert!(
            statements
                .iter()
                .all(|statement| text.get(statement.clone()).is_some())
        );
    }
    if let Ok(normal) = normalised(text) {
        assert_eq!(
            normalised(&normal).as_ref(),
            Ok(&normal),
            "the normal form is its own"
        );
    }
    let file = Arc::new(SourceFile {
        path: "a.sql".into(),
        text: text.to_owned(),
    });
    match (Tree { files: vec![file] }).parse() {
        Ok(statements) => {
            for statement in load_order(statements) {
                assert!(!statement.text().is_empty());
                assert!(statement.file.text.get(statement.head()).is_some());
                drop(statement.sql());
                if let Some(at) = statement.body_offset(1) {
                    assert!(at <= text.len());
                }
            }
        }
        Err(error) => shows(&error),
    }
}

/// The text of directives, wherever they may stand in a file.
pub fn directives(text: &str) {
    let text = text.replace(['\n', '\r'], " ");
    let (one, other) = text.split_once("  ").unwrap_or((&text, &text));
    source(&format!(
        "-- forge: {one}\nCREATE TABLE app.t (\n  -- forge: {other}\n  a int, -- forge: {one}\n  b text DEFAULT '' -- forge: {other}\n); \
         -- forge: {text}\n\n-- forge:{text}\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n-- forge: {other}\n"
    ));
}

/// A plan file.
pub fn plan_file(text: &str) {
    match PlanFile::read(Utf8Path::new("plans/x.sql"), text) {
        Ok(file) => {
            let rendered = file.render();
            let again = PlanFile::read(Utf8Path::new("plans/x.sql"), &rendered);
            let same = again.as_ref() == Ok(&file);
            assert!(same, "{file:#?}\n{rendered}\n{again:#?}");
        }
        Err(error) => shows(&error),
    }
}

/// A `forge.toml`.
pub fn forge_toml(text: &str) {
    match ForgeToml::parse(Utf8Path::new("/project"), text) {
        Ok(file) => {
            for (name, environment) in &file.contents.environments {
                drop(file.origin(&["environments", name, "url"]));
                drop(format!("{environment:?}"));
            }
            shows(&file.error(&["project", "schema"], "wrong", "here"));
        }
        Err(error) => shows(&error),
    }
}

/// A URL or connection string.
pub fn connection_string(text: &str) {
    drop(ConnectionString::from(text).to_string());
    let environment = [("HOME", "/nonexistent"), ("USER", "me")]
        .into_iter()
        .collect::<Environment>();
    match ConnectOptions::resolve(Some(text), &environment) {
        Ok(resolved) => drop(resolved.options.redacted()),
        Err(error) => shows(&error),
    }
}

/// An error is something to be shown, of a length that can be read.
fn shows(error: &Diagnostic) {
    let shown = render(error, Paint::PLAIN);
    // A hundred problems, each with a window of its lines.
    assert!(shown.len() < 2_000_000, "{} bytes are shown", shown.len());
}
