//! Whether statements that use columns and values go on working when those change.

use super::{Context, Mode, ObjectId, ObjectKind, Passage, casting::Type};
use crate::sql::join;

/// Whether statements that work with values of one type work with those of another: numbers stay numbers, texts stay texts.
pub(super) fn serves_as(from: &str, to: &str) -> bool {
    // What a function returns may get more columns.
    let grows = || {
        from.strip_suffix(')')
            .is_some_and(|columns| to.starts_with(&format!("{columns}, ")))
    };
    let is_table = from.starts_with("TABLE(");
    from == to
        || if is_table {
            grows()
        } else {
            Type::parse(from).serves_as(&Type::parse(to))
        }
}

/// What breaks where columns, as `name type`, are gone or have values of another sort.
pub(super) fn changed_columns(
    id: &ObjectId,
    live: &[String],
    desired: &[String],
) -> Option<String> {
    if live.is_empty() || desired.is_empty() {
        return None; // They were not read, or there is nothing to name.
    }
    let serves = |before: &&String| {
        let (name, from) = name_and_type(before);
        let mut after = desired.iter().map(|column| name_and_type(column));
        after.any(|(other, to)| name == other && serves_as(from, to))
    };
    let changed: Vec<&str> = live
        .iter()
        .filter(|it| !serves(it))
        .map(|it| name_and_type(it).0)
        .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "statements that use {} of {} fail",
            join(changed, ", "),
            id.sql()
        )
    })
}

/// A name may be quoted and hold blanks.
pub(super) fn name_and_type(column: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let end = column.find(|character| {
        is_quoted ^= character == '"';
        character == ' ' && !is_quoted
    });
    let (name, type_name) = column.split_at(end.unwrap_or(column.len()));
    (name, type_name.trim_start())
}

/// What breaks where `ON CONFLICT` finds no other uniqueness of the same columns, or finds it only later.
pub(super) fn arbiter_gone<K: ObjectKind>(change: &Passage<'_, K>) -> Option<String> {
    let mut columns = change.live?.facts().arbitrates?.to_vec();
    columns.sort();
    let world = change.cx.world;
    let same = |other: &&ObjectId| {
        let object = world.desired(other);
        let others = object.and_then(|object| object.facts().arbitrates);
        others.is_some_and(|others| {
            let mut others = others.to_vec();
            others.sort();
            others == columns
        })
    };
    let table = world.parent(change.id)?;
    // A column that goes says so itself.
    let stays = |name| {
        world
            .children(table)
            .into_iter()
            .any(|part| part.name() == name && part.kind != change.id.kind)
    };
    let mut others = world.children(table);
    others.retain(same);
    if !columns.iter().all(stays) || !others.iter().all(|other| comes_later(other, change.cx)) {
        return None;
    }
    let fail = format!(
        "statements on {} with ON CONFLICT ({}) fail",
        table.sql(),
        join(&columns, ", ")
    );
    Some(if others.is_empty() {
        fail
    } else {
        format!(
            "until {} is built, {fail}, and duplicates can come in",
            others[0].sql()
        )
    })
}

/// Whether the plan makes the object, or the part of it that a partition has, after the transaction which drops what was
/// there before it.
fn comes_later(id: &ObjectId, cx: &Context<'_>) -> bool {
    let Some(object) = cx.world.desired(id).filter(|_| cx.world.is_created(id)) else {
        return false;
    };
    let parts = cx.world.desired_companions(id).into_iter();
    let mut steps = object.create(id, cx).into_iter();
    steps.any(|step| step.mode != Mode::Transaction)
        || parts.into_iter().any(|part| comes_later(part, cx))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_another_sort() {
        fn check(from: &str, to: &str, serves: bool) {
            assert_eq!(serves_as(from, to), serves, "{from} to {to}");
        }
        check("integer", "bigint", true);
        check("character varying(10)", "text", true);
        check("date", "timestamp with time zone", true);
        check("json", "jsonb", true);
        check("jsonb", "json", false);
        check("text", "integer", false);
        check("text", "text[]", false);
        check("integer[]", "bigint[]", true);
        check("text", "app.mood", false);
        check("app.mood", "app.mood", true);
        check("TABLE(a integer)", "TABLE(a integer, b text)", true);
        check("TABLE(a integer, b text)", "TABLE(a integer)", false);
        check("TABLE(a integer)", "TABLE(b integer)", false);
        check("SETOF text", "text", false);
    }

    #[test]
    fn names_hold_blanks() {
        assert_eq!(
            name_and_type("\"a b\" double precision"),
            ("\"a b\"", "double precision")
        );
        assert_eq!(name_and_type("a text"), ("a", "text"));
    }
}
