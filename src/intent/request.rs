//! One wanted rename, and what is to be said of it.

use super::names::{Named, Names, Turn, path};
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    intent::RenameFlag,
    source::{Directive, DirectiveKind, Statement},
    sql::{Ident, dotted},
};

/// A rename that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    /// When it is done.
    pub(super) turn: Turn,
    /// What the live catalog calls it.
    pub(super) from: Named,
    /// What the desired catalog calls it.
    pub(super) to: Named,
}

/// One wanted rename.
pub(super) struct Request<'a> {
    /// What it is called in the desired catalog.
    pub(super) to: Named,
    /// The old name, whose outer parts may be called as the tree or as the database calls them.
    pub(super) old: Vec<Ident>,
    said: Said<'a>,
}

/// Who wants it.
#[derive(Clone, Copy)]
enum Said<'a> {
    Directive(&'a Directive),
    Flag(&'a RenameFlag),
}

impl<'a> Request<'a> {
    /// The renames of the statements' directives; a warning for what has no counterpart in the catalog.
    pub(super) fn of_directives(
        statements: &'a [Statement],
        names: &Names<'_>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Vec<Self> {
        let mut requests = Vec::new();
        for directive in statements.iter().flat_map(Statement::directives) {
            let DirectiveKind::RenamedFrom(old) = &directive.kind else {
                continue;
            };
            match names.defined(&directive.target) {
                Some(to) => requests.push(Self {
                    to,
                    old: path(old),
                    said: Said::Directive(directive),
                }),
                None => warnings.push(
                    at(
                        directive,
                        Diagnostic::warning(
                            Code::Directive,
                            format!(
                                "the {} `{}` isn't renamed",
                                directive.target.sort.words(),
                                directive.target
                            ),
                        ),
                        "this has no effect",
                    )
                    .note("it isn't managed, or no kind of this version of forge models it"),
                ),
            }
        }
        requests
    }

    /// When the turn of a flag is.
    pub(super) fn turn_of_flag(flag: &RenameFlag, names: &Names<'_>) -> Turn {
        let declared = names.declared(&new_path(flag, names));
        let by_length = match flag.old.len() {
            1 => Turn::Schemas,
            2 => Turn::Wholes,
            _ => Turn::Parts,
        };
        let turns = declared.iter().map(|to| names.turn(to));
        turns.max().unwrap_or(by_length)
    }

    /// The renames of a flag: usually one.
    pub(super) fn of_flag(flag: &'a RenameFlag, names: &Names<'_>) -> Result<Vec<Self>> {
        let path = new_path(flag, names);
        let wrong = |message: String, help: &str| {
            Diagnostic::error(Code::Usage, message)
                .note(format!("it is named in `--rename {}`", flag.text))
                .help(help)
        };
        let declared = names.declared(&path);
        if declared.is_empty() {
            return Err(wrong(
                format!("the schema tree declares no `{}`", dotted(&path)),
                "declare it under its new name before you plan",
            ));
        }
        let requests: Vec<Self> = declared
            .into_iter()
            .filter(|to| names.live(to, &flag.old).is_some())
            .map(|to| Self {
                to,
                old: flag.old.clone(),
                said: Said::Flag(flag),
            })
            .collect();
        if requests.is_empty() {
            return Err(wrong(
                format!("the database has no `{}`", dotted(&flag.old)),
                "name what is there, by its full name",
            ));
        }
        Ok(requests)
    }

    /// Whether it will be read again in the next plan.
    pub(super) fn stays(&self) -> bool {
        match self.said {
            Said::Directive(_) => true,
            Said::Flag(_) => false,
        }
    }

    /// An error about it; `label` stands at its place.
    pub(super) fn error(&self, message: String, label: &str) -> Diagnostic {
        let code = match self.said {
            Said::Directive(_) => Code::Directive,
            Said::Flag(_) => Code::Usage,
        };
        self.shown_in(Diagnostic::error(code, message), label)
    }

    /// Shows it beside another problem.
    pub(super) fn shown_in(&self, problem: Diagnostic, label: &str) -> Diagnostic {
        match self.said {
            Said::Directive(directive) => at(directive, problem, label),
            Said::Flag(flag) => problem.note(format!("`--rename {}`: {label}", flag.text)),
        }
    }

    /// What is to be said of one that has nothing to do: its work is done, or there was nothing of that name.
    pub(super) fn idle(&self, left: Option<&Named>, is_there: bool) -> Diagnostic {
        let (to, old) = (&self.to, dotted(&self.old));
        let Said::Directive(directive) = self.said else {
            return self
                .error(
                    format!("the database has `{to}` already"),
                    "nothing can take its name",
                )
                .help("leave the flag out");
        };
        let (message, label) = if is_there {
            (
                format!("`{to}` has been renamed from `{old}`"),
                "its work is done",
            )
        } else {
            (
                format!("`{to}` is created, the database has no `{old}`"),
                "there is nothing of this name",
            )
        };
        let warning = at(
            directive,
            Diagnostic::warning(Code::Directive, message),
            label,
        );
        let warning = match left {
            Some(left) => warning.note(format!(
                "`{left}` is there as well, and the directive says nothing of it any more"
            )),
            None => warning,
        };
        warning.help(if is_there {
            "delete it"
        } else {
            "delete it, or correct the old name if its content shall be kept"
        })
    }
}

/// The new name of a flag in full.
fn new_path(flag: &RenameFlag, names: &Names<'_>) -> Vec<Ident> {
    match flag.old.split_last() {
        Some((_, outer)) if flag.new.len() < flag.old.len() => {
            let mut path = names.outer_after(outer);
            path.extend_from_slice(&flag.new);
            path
        }
        _ => flag.new.clone(),
    }
}

/// Points at a directive.
pub(super) fn at(directive: &Directive, diagnostic: Diagnostic, label: &str) -> Diagnostic {
    diagnostic.at(&directive.file, directive.span.clone(), label)
}
