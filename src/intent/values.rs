//! `using` and `backfill`: the values that rows get.

use std::collections::BTreeMap;

use super::{
    names::{Named, Names, path},
    request::at,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    kinds::{Kind, Object, ObjectId, Values},
    source::{Directive, DirectiveKind, Sort, Statement, Symbol, names_in},
    sql::{Ident, dotted},
};

/// Reads what the statements' directives say of values; a warning for what has nothing to do.
pub(super) fn read(
    statements: &[Statement],
    names: &Names<'_>,
    values: &mut BTreeMap<ObjectId, Values>,
    warnings: &mut Vec<Diagnostic>,
) {
    for statement in statements {
        for directive in statement.directives() {
            let (expression, using) = match &directive.kind {
                DirectiveKind::RenamedFrom(_) => continue,
                DirectiveKind::Using(expression) => (expression, true),
                DirectiveKind::Backfill(expression) => (expression, false),
            };
            let Some(Named { id, part: None }) = names.defined(&directive.target) else {
                warnings.push(without_effect(
                    directive,
                    format!("`{}` has no values of its own", directive.target),
                ));
                continue;
            };
            if let Some(reason) = done(names, &id, using) {
                warnings.push(without_effect(directive, reason));
                continue;
            }
            let (text, needs) = understood(expression, &id, statement, names);
            let values = values.entry(id).or_default();
            values.needs.extend(needs);
            if using {
                values.using = Some(text);
            } else {
                values.backfill = Some(text);
            }
        }
    }
}

/// Why there is nothing to compute, if so: the column is as it shall be. A new table has no rows, which isn't worth a word.
fn done(names: &Names<'_>, id: &ObjectId, using: bool) -> Option<String> {
    let Some(Object::Column(desired)) = names.catalogs.desired.get(id) else {
        return None;
    };
    if desired.generated.is_some() {
        return Some(format!("the values of `{id}` are generated"));
    }
    let declared = Named::object(id.clone());
    let was = names.before(&declared)?;
    let Some(Object::Column(live)) = names.catalogs.live.get(&was.id) else {
        return None;
    };
    if using {
        let same = live.type_name == desired.type_name;
        return same.then(|| format!("`{id}` has the type {} already", desired.type_name));
    }
    if live.not_null || !desired.not_null {
        return Some(format!(
            "`{id}` is not new, and doesn't begin to refuse NULL"
        ));
    }
    None
}

fn without_effect(directive: &Directive, reason: String) -> Diagnostic {
    at(
        directive,
        Diagnostic::warning(Code::Directive, reason),
        "it has nothing to do",
    )
    .help("delete it")
}

/// The expression with its names in full, and what it names.
fn understood(
    expression: &str,
    id: &ObjectId,
    statement: &Statement,
    names: &Names<'_>,
) -> (String, Vec<ObjectId>) {
    let found = names_in(expression);
    // A plan runs with an empty search path.
    let text = found.qualified(expression, |symbol| {
        let path = statement.session.search_path.iter();
        let schema = path.into_iter().find(|schema| {
            !objects(names, symbol, &[(*schema).clone(), symbol.name.clone()]).is_empty()
        })?;
        Some(dotted([schema]))
    });
    let table = &id.path[..id.path.len() - 1];
    let columns = found.columns.iter().map(|column| {
        let column = Ident::new(column.as_str());
        ObjectId::new(Kind::Column, table.iter().cloned().chain([column]))
    });
    let others = names_in(&text).others;
    let others = others
        .iter()
        .flat_map(|symbol| objects(names, symbol, &path(symbol)));
    let needs = columns
        .chain(others)
        .filter(|needed| needed != id)
        .collect();
    (text, needs)
}

/// What the desired catalog has under the name of a function, a type or a relation.
fn objects(names: &Names<'_>, symbol: &Symbol, path: &[Ident]) -> Vec<ObjectId> {
    let found = names
        .declared(path)
        .into_iter()
        .filter(|named| named.part.is_none());
    found
        .map(|named| named.id)
        .filter(|id| (id.kind == Kind::Function) == (symbol.sort == Sort::Routine))
        .collect()
}
