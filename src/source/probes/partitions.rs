//! Rows that a partition's bound puts elsewhere (PostgreSQL docs: 5.12 Table Partitioning).

use pg_query::{
    Node, NodeEnum,
    protobuf::{CreateStmt, PartitionBoundSpec, PartitionCmd},
};

use super::{Known, Probe, expression, kind, name, state, strings, syntax};
use crate::sql::{Ident, join};

/// A new partition takes no row that the DEFAULT partition holds.
pub(super) fn of_new(create: &CreateStmt, known: &Known) -> Vec<Probe> {
    let parent = create.inh_relations.first().and_then(kind);
    let (Some(bound), Some(NodeEnum::RangeVar(parent)), Some(own)) =
        (&create.partbound, parent, &create.relation)
    else {
        return Vec::new();
    };
    in_default(&name(parent), &name(own), bound, known)
        .into_iter()
        .collect()
}

/// A table that becomes a partition holds no row that belongs elsewhere, either.
pub(super) fn of_attached(parent: &str, attach: &PartitionCmd, known: &Known) -> Vec<Probe> {
    let (Some(own), Some(bound)) = (attach.name.as_ref().map(name), &attach.bound) else {
        return Vec::new();
    };
    let fits = known
        .partitioned
        .get(parent)
        .and_then(|parent| belongs(&parent.key, bound));
    let elsewhere = fits.map(|fits| {
        Probe::new(
            state::CHECK,
            format!("rows of {own} that are outside of its bound"),
            format!("FROM {own} WHERE ({fits}) IS NOT TRUE"),
        )
    });
    let in_default = in_default(parent, &own, bound, known);
    elsewhere.into_iter().chain(in_default).collect()
}

fn in_default(parent: &str, own: &str, bound: &PartitionBoundSpec, known: &Known) -> Option<Probe> {
    let parent = known.partitioned.get(parent)?;
    let default = parent.default.as_ref().filter(|default| *default != own)?;
    let fits = belongs(&parent.key, bound)?;
    Some(Probe::new(
        state::CHECK,
        format!("rows of the DEFAULT partition {default} that belong in {own}"),
        format!("FROM {default} WHERE {fits}"),
    ))
}

/// The condition that a bound sets for rows, where it sets one that SQL can write.
fn belongs(key: &str, bound: &PartitionBoundSpec) -> Option<String> {
    let keys = parts(key)?;
    match bound.strategy.as_str() {
        "l" => listed(keys.first()?, &bound.listdatums),
        "r" => {
            let lower = edge(&keys, &bound.lowerdatums, Side::Lower)?;
            let upper = edge(&keys, &bound.upperdatums, Side::Upper)?;
            let filled = keys.iter().map(|key| format!("{key} IS NOT NULL"));
            let conditions = filled.chain(lower).chain(upper);
            Some(join(conditions, " AND "))
        }
        _ => None,
    }
}

fn listed(key: &str, values: &[Node]) -> Option<String> {
    let values: Vec<String> = values.iter().map(expression).collect::<Option<_>>()?;
    let (nulls, values): (Vec<String>, Vec<String>) =
        values.into_iter().partition(|value| value == "NULL");
    let mut conditions = Vec::new();
    if !values.is_empty() {
        conditions.push(format!("{key} IN ({})", values.join(", ")));
    }
    if !nulls.is_empty() {
        conditions.push(format!("{key} IS NULL"));
    }
    Some(conditions.join(" OR "))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// The condition of one end of a range, none where it has no end. What follows MINVALUE or MAXVALUE doesn't count.
fn edge(keys: &[String], values: &[Node], side: Side) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut ends_with = None;
    for value in values {
        match infinity(value) {
            Some(word) => {
                ends_with = Some(word);
                break;
            }
            None => texts.push(expression(value)?),
        }
    }
    if texts.is_empty() {
        let nothing = match (side, ends_with) {
            (Side::Lower, Some(Infinity::Max)) | (Side::Upper, Some(Infinity::Min)) => {
                vec!["false".to_owned()]
            }
            _ => Vec::new(),
        };
        return Some(nothing);
    }
    let sign = match (side, ends_with) {
        (Side::Lower, Some(Infinity::Max)) => ">",
        (Side::Lower, _) => ">=",
        (Side::Upper, Some(Infinity::Max)) => "<=",
        (Side::Upper, _) => "<",
    };
    let row = |parts: &[String]| match parts {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    Some(vec![format!(
        "{} {sign} {}",
        row(keys.get(..texts.len())?),
        row(&texts)
    )])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Infinity {
    Min,
    Max,
}

fn infinity(value: &Node) -> Option<Infinity> {
    let NodeEnum::ColumnRef(column) = kind(value)? else {
        return None;
    };
    match strings(&column.fields)[..] {
        ["minvalue"] => Some(Infinity::Min),
        ["maxvalue"] => Some(Infinity::Max),
        _ => None,
    }
}

/// The columns and expressions of a partition key, such as `RANGE (at, lower(name))`.
fn parts(key: &str) -> Option<Vec<String>> {
    let parsed = syntax::parse(&format!("CREATE TABLE t () PARTITION BY {key}")).ok()?;
    let node = parsed.stmts.first()?.stmt.as_deref().and_then(kind)?;
    let NodeEnum::CreateStmt(create) = node else {
        return None;
    };
    let parts = create.partspec.as_ref()?.part_params.iter();
    parts
        .map(|part| match kind(part)? {
            NodeEnum::PartitionElem(element) => match element.expr.as_deref() {
                Some(expr) => Some(format!("({})", expression(expr)?)),
                None => Some(Ident::new(element.name.as_str()).to_string()),
            },
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Known, Partitioned, probes};

    fn known(key: &str) -> Known {
        let mut known = Known::default();
        let partitioned = Partitioned {
            key: key.to_owned(),
            default: Some("app.rest".to_owned()),
        };
        known.partitioned.insert("app.t".to_owned(), partitioned);
        known
    }

    #[test]
    fn rows_of_the_default_partition() {
        fn check(key: &str, bound: &str, expected: &str) {
            let create = format!("CREATE TABLE app.p PARTITION OF app.t FOR VALUES {bound}");
            let found = probes(&create, &known(key));
            let expected = format!("SELECT * FROM app.rest WHERE {expected} LIMIT 10");
            assert_eq!(found[0].find(), expected);
        }
        check(
            "RANGE (at)",
            "FROM ('2026-01-01') TO ('2027-01-01')",
            "at IS NOT NULL AND at >= '2026-01-01' AND at < '2027-01-01'",
        );
        check(
            "RANGE (a, lower(b))",
            "FROM (1, 'x') TO (1, MAXVALUE)",
            "a IS NOT NULL AND (lower(b)) IS NOT NULL AND (a, (lower(b))) >= (1, 'x') AND a <= 1",
        );
        check(
            "RANGE (a)",
            "FROM (MINVALUE) TO (1)",
            "a IS NOT NULL AND a < 1",
        );
        check(
            "LIST (kind)",
            "IN ('click', NULL)",
            "kind IN ('click') OR kind IS NULL",
        );
    }

    #[test]
    fn rows_of_what_is_attached() {
        let attach = "ALTER TABLE app.t ATTACH PARTITION app.p FOR VALUES IN (1)";
        let found = probes(attach, &known("LIST (kind)"));
        let queries: Vec<String> = found.iter().map(super::super::Probe::find).collect();
        assert_eq!(
            queries,
            [
                "SELECT * FROM app.p WHERE (kind IN (1)) IS NOT TRUE LIMIT 10",
                "SELECT * FROM app.rest WHERE kind IN (1) LIMIT 10",
            ]
        );
        let default = "ALTER TABLE app.t ATTACH PARTITION app.rest DEFAULT";
        assert_eq!(probes(default, &known("LIST (kind)")), []);
        let index = "ALTER INDEX app.t_pkey ATTACH PARTITION app.p_pkey";
        assert_eq!(probes(index, &known("LIST (kind)")), []);
    }
}
