//! Rows that a partition's bound puts elsewhere (PostgreSQL docs: 5.12 Table Partitioning).

use pg_query::{
    Node, NodeEnum,
    protobuf::{CreateStmt, PartitionBoundSpec, PartitionCmd, PartitionSpec},
};

use super::{
    Foresight, Probe, Reach, TableId, dotted, expression, kind, name, state, strings, syntax,
    tables::Relation,
};
use crate::sql::{Ident, join};

impl Foresight {
    /// A new partition takes no row that the DEFAULT partition holds.
    pub(super) fn of_new(&mut self, create: &CreateStmt) -> Vec<Probe> {
        let parent = create.inh_relations.first().and_then(kind);
        let (Some(bound), Some(NodeEnum::RangeVar(parent)), Some(own)) =
            (&create.partbound, parent, &create.relation)
        else {
            return Vec::new();
        };
        let parent = self.tables.at(&name(parent));
        let probe = self.in_default(parent, &dotted(&name(own)), bound);
        probe.into_iter().collect()
    }

    /// A table that becomes a partition holds no row that belongs elsewhere, either.
    pub(super) fn of_attached(&mut self, parent: TableId, attach: &PartitionCmd) -> Vec<Probe> {
        let (Some(own), Some(bound)) = (attach.name.as_ref().map(name), &attach.bound) else {
            return Vec::new();
        };
        let named = dotted(&own);
        let own = self.tables.at(&own);
        let elsewhere = self.belongs(parent, own, bound).map(|(relation, fits)| {
            self.probe(
                own,
                relation,
                Reach::Heirs,
                &self.tables.get(own).name.1,
                state::CHECK,
                format!("rows of {named} that are outside of its bound"),
                format!(" WHERE ({fits}) IS NOT TRUE"),
            )
        });
        let in_default = self.in_default(parent, &named, bound);
        elsewhere.into_iter().chain(in_default).collect()
    }

    fn in_default(&self, parent: TableId, own: &str, bound: &PartitionBoundSpec) -> Option<Probe> {
        let default = self.tables.get(parent).partitioned.as_ref()?.default?;
        let name = &self.tables.get(default).name;
        if dotted(name) == own {
            return None;
        }
        let (relation, fits) = self.belongs(parent, default, bound)?;
        Some(self.probe(
            default,
            relation,
            Reach::Heirs,
            &name.1,
            state::CHECK,
            format!(
                "rows of the DEFAULT partition {} that belong in {own}",
                dotted(name)
            ),
            format!(" WHERE {fits}"),
        ))
    }

    /// The rows of a table, and the condition that a bound sets for them, where it sets one that SQL can write. The key has
    /// the names of the columns from when it was written.
    fn belongs(
        &self,
        parent: TableId,
        table: TableId,
        bound: &PartitionBoundSpec,
    ) -> Option<(Relation, String)> {
        let whole = self.tables.get(parent);
        let partitioned = whole.partitioned.as_ref()?;
        let fits = self.translated(&belongs(&partitioned.key, bound)?);
        let mut relation = self.tables.get(table).relation.clone();
        for column in &mut relation.columns {
            let of_whole = whole.relation.column(&column.name);
            if let Some(then) = of_whole.and_then(|of_whole| partitioned.names.get(&of_whole.id)) {
                column.name = then.clone();
            }
        }
        Some((relation, fits))
    }
}

/// The condition that a bound sets for rows, where it sets one that SQL can write.
fn belongs(keys: &[String], bound: &PartitionBoundSpec) -> Option<String> {
    match bound.strategy.as_str() {
        "l" => listed(keys.first()?, &bound.listdatums),
        "r" => {
            let lower = edge(keys, &bound.lowerdatums, Side::Lower)?;
            let upper = edge(keys, &bound.upperdatums, Side::Upper)?;
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
pub(super) fn parts(key: &str) -> Option<Vec<String>> {
    let parsed = syntax::parse(&format!("CREATE TABLE t () PARTITION BY {key}")).ok()?;
    let node = parsed.stmts.first()?.stmt.as_deref().and_then(kind)?;
    let NodeEnum::CreateStmt(create) = node else {
        return None;
    };
    of_spec(create.partspec.as_ref()?)
}

pub(super) fn of_spec(spec: &PartitionSpec) -> Option<Vec<String>> {
    let parts = spec.part_params.iter();
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
    use super::super::{Foresight, Known, KnownTable, Probe};
    use crate::sql::Ident;

    fn probes(statement: &str, key: &str) -> Vec<Probe> {
        let table = |name: &str| KnownTable {
            schema: Ident::new("app"),
            name: Ident::new(name),
            columns: Vec::new(),
            key: Vec::new(),
            partition_key: (name == "t").then(|| key.to_owned()),
            parents: Vec::new(),
            is_default: false,
            has_triggers: false,
        };
        let rest = KnownTable {
            parents: vec![(Ident::new("app"), Ident::new("t"))],
            is_default: true,
            ..table("rest")
        };
        let known = Known {
            tables: vec![table("t"), rest, table("p")],
            ..Known::default()
        };
        Foresight::new(&known).ahead(statement)
    }

    #[test]
    fn rows_of_the_default_partition() {
        fn check(key: &str, bound: &str, expected: &str) {
            let create = format!("CREATE TABLE app.p PARTITION OF app.t FOR VALUES {bound}");
            let found = probes(&create, key);
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
        let found = probes(attach, "LIST (kind)");
        let queries: Vec<String> = found.iter().map(Probe::find).collect();
        assert_eq!(
            queries,
            [
                "SELECT * FROM app.p WHERE (kind IN (1)) IS NOT TRUE LIMIT 10",
                "SELECT * FROM app.rest WHERE kind IN (1) LIMIT 10",
            ]
        );
        let default = "ALTER TABLE app.t ATTACH PARTITION app.rest DEFAULT";
        assert!(probes(default, "LIST (kind)").is_empty());
        let index = "ALTER INDEX app.t_pkey ATTACH PARTITION app.p_pkey";
        assert!(probes(index, "LIST (kind)").is_empty());
    }
}
