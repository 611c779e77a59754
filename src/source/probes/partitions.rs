//! Rows that a partition's bound puts elsewhere (PostgreSQL docs: 5.12 Table Partitioning).

use pg_query::{
    Node, NodeEnum,
    protobuf::{CreateStmt, PartitionBoundSpec, PartitionCmd, PartitionSpec, PartitionStrategy},
};

use super::{
    super::{
        ast::{kind, strings},
        syntax,
    },
    foresight::Foresight,
    key::{Key, KeyPart},
    nodes::{expression, idents, name, nodes},
    probe::{Probe, state},
    tables::{Reach, Relation, Rows, TableId, dotted},
};
use crate::{
    source::ast::tree,
    sql::{Ident, Literal, join},
};

const OWN_COMPARISON: &str = "its partition key compares values in a way of its own";
const NEW_WHOLE: &str = "the plan creates the partitioned table";
const OTHER_NAMES: &str = "the plan renames columns of its partition keys";
const NOT_KNOWN: &str = "its partitioned table is not known";
const NOT_READ: &str = "its bound cannot be written as a condition";

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
        let belongs = self.within(parent, own, bound);
        let elsewhere = self.of_bound(
            own,
            belongs,
            format!("rows of {named} that are outside of its bound"),
            |fits| format!("({fits}) IS NOT TRUE"),
        );
        let in_default = self.in_default(parent, &named, bound);
        elsewhere.into_iter().chain(in_default).collect()
    }

    fn in_default(&self, parent: TableId, own: &str, bound: &PartitionBoundSpec) -> Option<Probe> {
        let default = self.partitions(parent);
        let (default, _) = default
            .into_iter()
            .find(|(_, bound)| bound.is_default)
            .filter(|_| !bound.is_default)?;
        let belongs = self.belongs(parent, default, bound);
        self.of_bound(
            default,
            belongs.map(|(relation, fits)| (relation, Some(fits))),
            format!(
                "rows of the DEFAULT partition {} that belong in {own}",
                dotted(&self.tables.get(default).name)
            ),
            |fits| fits,
        )
    }

    /// Looks for rows of a table by the condition of a bound, if it sets one.
    fn of_bound(
        &self,
        table: TableId,
        belongs: Result<(Relation, Option<String>), &'static str>,
        what: String,
        condition: impl Fn(String) -> String,
    ) -> Option<Probe> {
        let own = self.tables.get(table);
        let (relation, rest, unknown) = match belongs {
            Ok((relation, fits)) => (relation, format!(" WHERE {}", condition(fits?)), None),
            Err(why) => (own.relation.clone(), String::new(), Some(why)),
        };
        let probe = self.probe(
            table,
            relation,
            Reach::Heirs,
            &own.name.1,
            state::CHECK,
            what,
            rest,
        );
        Some(Probe {
            unknown: probe.unknown.or(unknown),
            ..probe
        })
    }

    /// The partitions of a table, with their bounds.
    fn partitions(&self, whole: TableId) -> Vec<(TableId, &PartitionBoundSpec)> {
        let partitions = self.tables.iter();
        partitions
            .filter(|(_, table)| table.parents.contains(&whole))
            .filter_map(|(id, table)| Some((id, table.bound.as_ref()?)))
            .collect()
    }

    /// The rows of a table, and the condition for those that a bound lets it hold as a partition of `parent`: also by the
    /// bounds of what that is a part of. None where there is no condition.
    fn within(
        &self,
        parent: TableId,
        table: TableId,
        bound: &PartitionBoundSpec,
    ) -> Result<(Relation, Option<String>), &'static str> {
        let mut levels = vec![(parent, bound)];
        for above in self.tables.above(parent) {
            let below = levels.last().map(|(below, _)| self.tables.get(*below));
            if let Some(bound) = below.and_then(|below| below.bound.as_ref()) {
                levels.push((above, bound));
            }
        }
        let mut conditions = Vec::new();
        let mut relation: Option<Relation> = None;
        for (parent, bound) in levels {
            let siblings = self.partitions(parent);
            let bounds: Vec<&PartitionBoundSpec> = if bound.is_default {
                let others = siblings.iter();
                let others = others.filter(|(id, bound)| *id != table && !bound.is_default);
                others.map(|(_, bound)| *bound).collect()
            } else {
                vec![bound]
            };
            let mut fits = Vec::new();
            for bound in bounds {
                let (own, condition) = self.belongs(parent, table, bound)?;
                if relation
                    .as_ref()
                    .is_some_and(|other| other.names() != own.names())
                {
                    return Err(OTHER_NAMES);
                }
                relation = Some(own);
                fits.push(condition);
            }
            match (&fits[..], bound.is_default) {
                ([], _) => {}
                ([fits], false) => conditions.push(fits.clone()),
                (fits, _) => {
                    conditions.push(format!("(({}) IS NOT TRUE)", any(fits)));
                }
            }
        }
        let all = match &conditions[..] {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("({})", several.join(") AND ("))),
        };
        let relation = relation.unwrap_or_else(|| self.tables.get(table).relation.clone());
        Ok((relation, all))
    }

    /// The rows of a table, and the condition that a bound sets for them. The key has the names of the columns from when it
    /// was written.
    fn belongs(
        &self,
        parent: TableId,
        table: TableId,
        bound: &PartitionBoundSpec,
    ) -> Result<(Relation, String), &'static str> {
        let whole = self.tables.get(parent);
        let partitioned = whole.partitioned.as_ref().ok_or(NOT_KNOWN)?;
        let mut relation = self.tables.get(table).relation.clone();
        for column in &mut relation.columns {
            let of_whole = whole.relation.column(&column.name);
            if let Some(then) = of_whole.and_then(|of_whole| partitioned.names.get(&of_whole.id)) {
                column.name = then.clone();
            }
        }
        let key = &partitioned.key;
        let fits = if key.strategy == PartitionStrategy::Hash {
            if whole.rows == Rows::None {
                return Err(NEW_WHOLE);
            }
            key.hashed(&dotted(whole.relation.base()), bound)
        } else {
            let sides = key.sides(&relation).ok_or(OWN_COMPARISON)?;
            belongs(&sides, bound).ok_or(NOT_READ)?
        };
        Ok((relation, self.translated(&fits)))
    }
}

fn any(conditions: &[String]) -> String {
    match conditions {
        [one] => one.clone(),
        several => format!("({})", several.join(") OR (")),
    }
}

/// How a part of a key is compared with a value.
struct Sides {
    key: String,
    /// The type that has a comparison of its own, perhaps: an operator of another schema isn't found, and arrays are compared
    /// by what their values are sorted by, as partitions are told apart.
    of_type: Option<String>,
}

impl Sides {
    fn left(&self) -> String {
        match &self.of_type {
            Some(_) => format!("ARRAY[{}]", self.key),
            None => self.key.clone(),
        }
    }

    fn right(&self, value: String) -> String {
        match &self.of_type {
            Some(type_name) => format!("ARRAY[{value}]::{type_name}[]"),
            None => value,
        }
    }
}

impl Key {
    /// How the parts are compared, where that is known.
    fn sides(&self, relation: &Relation) -> Option<Vec<Sides>> {
        let sides = self.parts.iter().map(|part| {
            let of_type = part
                .column
                .as_ref()
                .and_then(|column| relation.column(column)?.type_name.clone())
                .filter(|name| name.contains('.'));
            let key = part.sql.clone();
            part.is_usual.then_some(Sides { key, of_type })
        });
        sides.collect()
    }

    fn hashed(&self, whole: &str, bound: &PartitionBoundSpec) -> String {
        let keys = self.parts.iter().map(|part| &part.sql);
        format!(
            "pg_catalog.satisfies_hash_partition({}::regclass, {}, {}, {})",
            Literal(whole),
            bound.modulus,
            bound.remainder,
            join(keys, ", ")
        )
    }
}

/// The condition that a bound sets for rows, where it sets one that SQL can write.
fn belongs(keys: &[Sides], bound: &PartitionBoundSpec) -> Option<String> {
    match bound.strategy.as_str() {
        "l" => listed(keys.first()?, &bound.listdatums),
        "r" => {
            let lower = edge(keys, &bound.lowerdatums, Side::Lower)?;
            let upper = edge(keys, &bound.upperdatums, Side::Upper)?;
            let filled = keys.iter().map(|side| format!("{} IS NOT NULL", side.key));
            let conditions = filled.chain(lower).chain(upper);
            Some(join(conditions, " AND "))
        }
        _ => None,
    }
}

fn listed(key: &Sides, values: &[Node]) -> Option<String> {
    let values: Vec<String> = values.iter().map(expression).collect::<Option<_>>()?;
    let (nulls, values): (Vec<String>, Vec<String>) =
        values.into_iter().partition(|value| value == "NULL");
    let mut conditions = Vec::new();
    if !values.is_empty() {
        let values = values.join(", ");
        conditions.push(match key.of_type {
            Some(_) => format!("{} <@ {}", key.left(), key.right(values)),
            None => format!("{} IN ({values})", key.key),
        });
    }
    if !nulls.is_empty() {
        conditions.push(format!("{} IS NULL", key.key));
    }
    Some(conditions.join(" OR "))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// The condition of one end of a range, none where it has no end. What follows MINVALUE or MAXVALUE doesn't count.
fn edge(keys: &[Sides], values: &[Node], side: Side) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut ends_with = None;
    for value in values {
        match infinity(value) {
            Some(word) => {
                ends_with = Some(word);
                break;
            }
            None => texts.push(keys.get(texts.len())?.right(expression(value)?)),
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
        row(&keys
            .get(..texts.len())?
            .iter()
            .map(Sides::left)
            .collect::<Vec<_>>()),
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

/// A partition key, such as `RANGE (at, lower(name))`.
pub(super) fn key(text: &str) -> Option<Key> {
    let parsed = syntax::parse(&format!("CREATE TABLE t () PARTITION BY {text}")).ok()?;
    let NodeEnum::CreateStmt(create) = nodes(&parsed).next()? else {
        return None;
    };
    of_spec(create.partspec.as_ref()?)
}

pub(super) fn of_spec(spec: &PartitionSpec) -> Option<Key> {
    let parts = spec.part_params.iter();
    let parts = parts.map(|part| match kind(part)? {
        NodeEnum::PartitionElem(element) => {
            let column = (element.expr.is_none()).then(|| Ident::new(element.name.as_str()));
            let mut sql = match (&element.expr, &column) {
                (Some(expr), _) => format!("({})", expression(expr)?),
                (None, Some(column)) => column.to_string(),
                (None, None) => return None,
            };
            let collation = idents(&element.collation);
            if !collation.is_empty() {
                sql = format!("{sql} COLLATE {}", join(collation, "."));
            }
            let is_usual =
                element.opclass.is_empty() && !element.expr.as_deref().is_some_and(is_foreign);
            Some(KeyPart {
                sql,
                column,
                is_usual,
            })
        }
        _ => None,
    });
    Some(Key {
        strategy: spec.strategy(),
        parts: parts.collect::<Option<_>>()?,
    })
}

/// A partition's bound, such as `FOR VALUES IN (1)`.
pub(super) fn bound(text: &str) -> Option<PartitionBoundSpec> {
    let parsed = syntax::parse(&format!("CREATE TABLE p PARTITION OF t {text}")).ok()?;
    match nodes(&parsed).next()? {
        NodeEnum::CreateStmt(create) => create.partbound.clone(),
        _ => None,
    }
}

/// Whether an expression uses functions or types of other schemas than `pg_catalog`, and so may be of a type that compares
/// its values in a way of its own.
fn is_foreign(node: &Node) -> bool {
    fn names_one(tree: &serde_json::Value) -> bool {
        match tree {
            serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| {
                let is_name = matches!(name.as_str(), "funcname" | "names");
                let qualified = value.as_array().filter(|parts| is_name && parts.len() > 1);
                qualified.is_some_and(|parts| !parts[0].to_string().contains("\"pg_catalog\""))
                    || names_one(value)
            }),
            serde_json::Value::Array(items) => items.iter().any(names_one),
            _ => false,
        }
    }
    names_one(&tree(node))
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
            partition_bound: None,
            has_triggers: false,
        };
        let rest = KnownTable {
            parents: vec![(Ident::new("app"), Ident::new("t"))],
            partition_bound: Some("DEFAULT".to_owned()),
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
        // Nothing else is there that its rows could belong in.
        let default = "ALTER TABLE app.t ATTACH PARTITION app.p DEFAULT";
        assert!(probes(default, "LIST (kind)").is_empty());
        let index = "ALTER INDEX app.t_pkey ATTACH PARTITION app.p_pkey";
        assert!(probes(index, "LIST (kind)").is_empty());
    }
}
