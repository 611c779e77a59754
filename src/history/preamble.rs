//! A project's own lines at the head of its plan files: comments, with the tokens of a plan's name.

use std::{ops::Range, sync::Arc};

use super::naming::{Unnamed, fill};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    files::{ProjectFiles, SETTINGS_LIMIT},
    settings::{Naming, unknown_token},
};

/// The lines for a plan; none where the project has none.
///
/// # Errors
/// [`Code::Configuration`] with the place in the template, if it is no template or holds more than comments.
pub fn preamble(naming: &Naming, files: &ProjectFiles, plan: Unnamed<'_>) -> Result<String> {
    let Some(path) = &naming.header else {
        return Ok(String::new());
    };
    let shown = files.shown(path);
    let bytes = files.read(path, SETTINGS_LIMIT)?.ok_or_else(|| {
        Diagnostic::error(
            Code::Configuration,
            "the header of plan files can't be read",
        )
        .note(format!("there is no `{shown}`"))
        .help("`header` in `[naming]` of forge.toml names the file")
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Diagnostic::error(Code::Configuration, format!("`{shown}` is not UTF-8")))?;
    let template = Arc::new(SourceFile {
        path: shown.to_owned(),
        text: text.trim_start_matches('\u{feff}').replace("\r\n", "\n"),
    });
    check(&template)?;
    let text = fill(&template.text, naming, plan);
    Ok(format!("{}\n", text.trim_end()))
}

/// A line that isn't a comment would be run, and one of forge's would be read.
fn check(template: &Arc<SourceFile>) -> Result<()> {
    let wrong = |span: Range<usize>, text: &str| {
        let message = format!("`{}` is no header of plan files", template.path);
        Diagnostic::error(Code::Configuration, message).at(template, span, text)
    };
    let mut at = 0;
    for line in template.text.split_inclusive('\n') {
        let content = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        let span = start..start + content.len();
        at += line.len();
        let Some(comment) = content.strip_prefix("--") else {
            if content.is_empty() {
                continue;
            }
            return Err(wrong(span, "this is no comment").help("begin every line with `--`"));
        };
        if comment.trim_start().starts_with("forge:") {
            return Err(wrong(span, "forge writes such lines, and reads them")
                .help("say it in other words"));
        }
    }
    match unknown_token(&template.text) {
        Some((span, why)) => Err(wrong(span, &why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_nothing_else() {
        fn wrong(text: &str, expected: Option<(&str, usize)>) {
            let template = Arc::new(SourceFile {
                path: "plans/.header.sql".into(),
                text: text.to_owned(),
            });
            let error = check(&template).err();
            let found = error.as_ref().map(|error| {
                let place = &error.places()[0];
                let line = template.line_column(place.span.start).0;
                (&template.text[place.span.clone()], line)
            });
            assert_eq!(found, expected, "{text}");
        }
        wrong("-- © us {year}\n\n--\n", None);
        wrong("", None);
        wrong("-- a\n  SET x = 1;\n", Some(("SET x = 1;", 2)));
        wrong("/* a */\n", Some(("/* a */", 1)));
        wrong("-- forge:to 1\n", Some(("-- forge:to 1", 1)));
        wrong("-- a\n-- {yaer}\n", Some(("{yaer}", 2)));
        wrong("-- {year\n", Some(("{year", 1)));
    }
}
