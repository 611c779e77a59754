//! Positions of sequences that are outside of limits (PostgreSQL docs: ALTER SEQUENCE).
//!
//! A sequence is a relation of one row, so its position is asked for like a value of a table.

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterSeqStmt, ColumnDef, ConstrType, Constraint, CreateSeqStmt, FuncCall, RangeVar,
        SelectStmt, TypeName, a_const,
    },
};

use super::{
    super::{
        ast::{kind, strings},
        syntax,
    },
    foresight::Foresight,
    known::KnownSequence,
    nodes::{idents, listed_name, name, nodes},
    probe::{Probe, state},
    sequence::Sequence,
    tables::{Column, Moved, Name, Reach, Relation, Rows, Table, TableId, Value, dotted},
};
use crate::sql::{Ident, NullTest, chosen_name, usual_limits};

const POSITION: &str = "last_value";
const MOVED: &str = "an earlier step of the plan moves it";
const OF_SEVERAL: &str = "it is set from more than one table";
const OF_QUERY: &str = "it is set from a query";

/// A limit that is given.
#[derive(Debug, Clone, Copy)]
enum Bound {
    At(i64),
    /// `NO MINVALUE`: that of the type.
    Usual,
}

impl Bound {
    fn read(arg: Option<&NodeEnum>) -> Self {
        arg.and_then(number).map_or(Self::Usual, Self::At)
    }
}

/// The options of a statement about a sequence.
#[derive(Debug, Default)]
struct Options {
    type_name: Option<String>,
    increment: Option<i64>,
    minimum: Option<Bound>,
    maximum: Option<Bound>,
    restarts: bool,
    name: Option<Name>,
    owner: Option<Name>,
}

impl Options {
    fn read(nodes: &[Node]) -> Self {
        let mut options = Self::default();
        for node in nodes.iter().filter_map(kind) {
            let NodeEnum::DefElem(option) = node else {
                continue;
            };
            let arg = option.arg.as_deref().and_then(kind);
            match (option.defname.as_str(), arg) {
                ("as", Some(NodeEnum::TypeName(name))) => options.type_name = type_name(name),
                ("increment", Some(arg)) => options.increment = number(arg),
                ("minvalue", arg) => options.minimum = Some(Bound::read(arg)),
                ("maxvalue", arg) => options.maximum = Some(Bound::read(arg)),
                ("restart", _) => options.restarts = true,
                ("sequence_name", Some(NodeEnum::List(parts))) => {
                    options.name = listed_name(&parts.items);
                }
                ("owned_by", Some(NodeEnum::List(parts))) => {
                    let table = parts.items.split_last().map(|(_, table)| table);
                    options.owner = table.and_then(listed_name);
                }
                _ => {}
            }
        }
        options
    }

    /// What becomes of a sequence. A limit that is the old type's becomes the new one's.
    fn change(&self, before: &Sequence) -> Sequence {
        let type_name = self.type_name.as_ref().unwrap_or(&before.type_name);
        let increment = self.increment.unwrap_or(before.increment);
        let usual = usual_limits(type_name, increment);
        let (whole_before, whole) = (whole(&before.type_name), whole(type_name));
        let retyped = *type_name != before.type_name;
        let limit = |given: Option<Bound>, before: i64, was: i64, is: i64, usual: i64| match given {
            Some(Bound::At(given)) => given,
            Some(Bound::Usual) => usual,
            None if retyped && before == was => is,
            None => before,
        };
        let lower = before.limits.0;
        let upper = before.limits.1;
        Sequence {
            type_name: type_name.clone(),
            increment,
            limits: (
                limit(self.minimum, lower, whole_before.0, whole.0, usual.0),
                limit(self.maximum, upper, whole_before.1, whole.1, usual.1),
            ),
            ..before.clone()
        }
    }

    /// What is created with them.
    fn create(&self, type_name: &str) -> Sequence {
        let increment = self.increment.unwrap_or(1);
        let limits = usual_limits(self.type_name.as_deref().unwrap_or(type_name), increment);
        self.change(&Sequence {
            type_name: type_name.to_owned(),
            increment,
            limits,
            owner: None,
            identity: None,
        })
    }
}

/// All that a type of sequences holds.
fn whole(type_name: &str) -> (i64, i64) {
    (usual_limits(type_name, -1).0, usual_limits(type_name, 1).1)
}

impl Foresight {
    pub(super) fn know_sequence(&mut self, known: &KnownSequence) {
        let owner = known.owner.as_ref();
        let owner = owner.and_then(|(schema, table, column)| {
            let table = self.tables.find(&(schema.clone(), table.clone()))?;
            Some((table, self.tables.get(table).relation.column(column)?.id))
        });
        let sequence = Sequence {
            type_name: known.type_name.clone(),
            increment: known.increment,
            limits: known.limits,
            owner: owner.map(|(table, _)| table),
            identity: owner
                .filter(|_| known.is_identity)
                .map(|(_, column)| column),
        };
        let name = (known.schema.clone(), known.name.clone());
        self.insert_sequence(name, sequence, Rows::Kept);
    }

    fn insert_sequence(&mut self, name: Name, sequence: Sequence, rows: Rows) {
        let columns = [
            (POSITION, "bigint"),
            ("log_cnt", "bigint"),
            ("is_called", "boolean"),
        ];
        let columns = columns.map(|(name, type_name)| Column {
            id: self.tables.new_column(),
            name: Ident::new(name),
            value: Value::Of(Ident::new(name)),
            type_name: Some(type_name.to_owned()),
            null: NullTest::Plain,
            is_domain: false,
            is_generated: false,
            refuses_null: false,
        });
        let id = self.tables.insert(Table {
            relation: Relation::live(name.clone(), columns.into()),
            name,
            rows,
            key: Vec::new(),
            partitioned: None,
            bound: None,
            parents: Vec::new(),
            moved: Moved::default(),
            has_triggers: false,
            is_open: false,
        });
        self.sequences.insert(id, sequence);
    }

    pub(super) fn create_sequence(&mut self, create: &CreateSeqStmt) {
        let Some(own) = create.sequence.as_ref().map(name) else {
            return;
        };
        if create.if_not_exists && self.tables.find(&own).is_some() {
            return;
        }
        let options = Options::read(&create.options);
        let owner = options.owner.as_ref();
        let owner = owner.and_then(|table| self.tables.find(table));
        let sequence = Sequence {
            owner,
            ..options.create("bigint")
        };
        self.insert_sequence(own, sequence, Rows::None);
    }

    /// A column that becomes an identity brings a sequence.
    pub(super) fn create_identity(
        &mut self,
        table: TableId,
        column: &Ident,
        identity: &Constraint,
    ) {
        if identity.contype() != ConstrType::ConstrIdentity {
            return;
        }
        let options = Options::read(&identity.options);
        let whole = self.tables.get(table);
        let Some(own) = whole.relation.column(column) else {
            return;
        };
        let usual = chosen_name(whole.name.1.as_str(), std::slice::from_ref(column), "seq");
        let name = options.name.clone();
        let name = name.unwrap_or_else(|| (whole.name.0.clone(), usual));
        let sequence = Sequence {
            owner: Some(table),
            identity: Some(own.id),
            ..options.create(own.type_name.as_deref().unwrap_or("bigint"))
        };
        self.insert_sequence(name, sequence, Rows::None);
    }

    /// A position that is outside of a sequence's new limits.
    pub(super) fn alter_sequence(&mut self, alter: &AlterSeqStmt) -> Vec<Probe> {
        let Some(own) = alter.sequence.as_ref().map(name) else {
            return Vec::new();
        };
        let id = self.tables.find(&own);
        let options = Options::read(&alter.options);
        if let (Some(owner), Some(sequence)) = (
            &options.owner,
            id.and_then(|id| self.sequences.get_mut(&id)),
        ) {
            sequence.owner = self.tables.find(owner);
        }
        id.map_or_else(Vec::new, |id| self.move_limits(id, &options))
    }

    /// The same where the sequence is an identity column's.
    pub(super) fn alter_identity(
        &mut self,
        table: TableId,
        column: &Ident,
        options: &[Node],
    ) -> Vec<Probe> {
        let options = Options::read(options);
        let id = self.sequence_of(table, column);
        id.map_or_else(Vec::new, |id| self.move_limits(id, &options))
    }

    /// The same where the column's type is changed, and the sequence's with it.
    pub(super) fn retype_identity(
        &mut self,
        table: TableId,
        column: &Ident,
        def: &ColumnDef,
    ) -> Vec<Probe> {
        let options = Options {
            type_name: def.type_name.as_ref().and_then(type_name),
            ..Options::default()
        };
        let id = self.sequence_of(table, column);
        id.map_or_else(Vec::new, |id| self.move_limits(id, &options))
    }

    fn sequence_of(&self, table: TableId, column: &Ident) -> Option<TableId> {
        let column = self.tables.get(table).relation.column(column)?.id;
        let mut sequences = self.sequences.iter();
        let found = sequences.find(|(_, sequence)| sequence.identity == Some(column));
        found.map(|(id, _)| *id)
    }

    pub(super) fn drop_identity(&mut self, table: TableId, column: &Ident) {
        if let Some(sequence) = self.sequence_of(table, column) {
            self.tables.remove(sequence);
            self.sequences.remove(&sequence);
        }
    }

    /// The sequences that go along when a table moves to another schema.
    pub(super) fn move_sequences(&mut self, table: TableId, schema: &Ident) {
        for (id, sequence) in &self.sequences {
            if sequence.owner == Some(table) {
                let own = self.tables.get(*id).name.1.clone();
                self.tables.rename(*id, (schema.clone(), own));
            }
        }
    }

    fn move_limits(&mut self, id: TableId, options: &Options) -> Vec<Probe> {
        let Some(before) = self.sequences.get(&id) else {
            return Vec::new();
        };
        let after = options.change(before);
        let ((lower, upper), (old_lower, old_upper)) = (after.limits, before.limits);
        let mut outside = Vec::new();
        if lower > old_lower {
            outside.push(format!("{POSITION} < {lower}"));
        }
        if upper < old_upper {
            outside.push(format!("{POSITION} > {upper}"));
        }
        self.sequences.insert(id, after);
        if options.restarts {
            // It is within the limits, as the statement itself says.
            self.set_position(id, &Value::Unknown(MOVED));
            return Vec::new();
        }
        if outside.is_empty() {
            return Vec::new();
        }
        let sequence = self.tables.get(id);
        vec![self.probe(
            id,
            sequence.relation.clone(),
            Reach::Heirs,
            &sequence.name.1,
            state::PARAMETER,
            format!(
                "position of {} that is outside of its new limits",
                dotted(&sequence.name)
            ),
            format!(" WHERE {}", outside.join(" OR ")),
        )]
    }

    fn set_position(&mut self, id: TableId, position: &Value) {
        let sequence = self.tables.get_mut(id);
        if sequence.rows == Rows::None {
            sequence.rows = Rows::Unknown(MOVED);
            return;
        }
        let mut columns = sequence.relation.passed_on();
        for column in &mut columns {
            match column.name.as_str() {
                POSITION => column.value = position.clone(),
                _ => column.value = Value::Unknown(MOVED),
            }
        }
        let inner = sequence.relation.clone();
        sequence.relation = inner.under(&sequence.name.1, columns);
    }

    /// Positions outside of its limits to which a sequence is set.
    pub(super) fn set_sequence(&mut self, select: &SelectStmt) -> Vec<Probe> {
        let calls = select.target_list.iter().filter_map(setval);
        let mut probes = Vec::new();
        for call in calls {
            let Some(id) = call.args.first().and_then(sequence_named) else {
                self.tables.lose_all(MOVED);
                continue;
            };
            let id = self.tables.find(&id);
            let value = call.args.get(1);
            let value = value.and_then(|value| Some((value, self.plain(value)?)));
            let from = match &select.from_clause[..] {
                [from] => match kind(from) {
                    Some(NodeEnum::RangeVar(range)) => Some(range),
                    _ => None,
                },
                _ => None,
            };
            let clause = |clause: &Option<Box<Node>>| match clause {
                None => Some(None),
                Some(condition) => self.plain(condition).map(Some),
            };
            let (filter, having) = (clause(&select.where_clause), clause(&select.having_clause));
            let (Some(id), Some((value, text)), Some(filter), Some(having)) =
                (id, value, filter, having)
            else {
                probes.extend(id.map(|id| self.untold_position(id, OF_QUERY)));
                self.forget_position(id);
                continue;
            };
            if select.from_clause.len() > 1 {
                probes.push(self.untold_position(id, OF_SEVERAL));
            }
            let limits = self.sequences.get(&id).map(|sequence| sequence.limits);
            if let (Some(from), Some(limits)) = (from, limits)
                && !is_constant(value)
            {
                let parts = [filter.as_deref(), having.as_deref()];
                probes.push(self.of_position(id, from, &text, parts, limits));
            }
            let of_itself = from.is_some_and(|from| self.tables.find(&name(from)) == Some(id));
            match (of_itself, filter, having) {
                (true, filter, None) => {
                    let value = match filter {
                        Some(filter) => {
                            format!("CASE WHEN {filter} THEN {text} ELSE {POSITION} END")
                        }
                        None => text,
                    };
                    self.set_position(id, &Value::Computed(value));
                }
                _ => self.forget_position(Some(id)),
            }
        }
        probes
    }

    fn forget_position(&mut self, id: Option<TableId>) {
        if let Some(id) = id {
            self.set_position(id, &Value::Unknown(MOVED));
        }
    }

    fn untold_position(&self, id: TableId, why: &'static str) -> Probe {
        let sequence = self.tables.get(id);
        let named = dotted(&sequence.name);
        let probe = self.probe(
            id,
            sequence.relation.clone(),
            Reach::Heirs,
            &sequence.name.1,
            state::OUT_OF_RANGE,
            format!("position of {named} that is outside of its limits"),
            String::new(),
        );
        Probe {
            unknown: Some(why),
            is_about_none: false,
            ..probe
        }
    }

    fn of_position(
        &mut self,
        id: TableId,
        from: &RangeVar,
        value: &str,
        [filter, having]: [Option<&str>; 2],
        (lower, upper): (i64, i64),
    ) -> Probe {
        let outside = format!("({value}) NOT BETWEEN {lower} AND {upper}");
        let filtered = filter.map(|filter| format!(" WHERE ({filter})"));
        // What is one value of all rows comes with a condition on the group that they are.
        let rest = match (having, filtered) {
            (Some(having), filtered) => {
                format!(
                    "{} HAVING ({having}) AND {outside}",
                    filtered.unwrap_or_default()
                )
            }
            (None, Some(filtered)) => format!("{filtered} AND {outside}"),
            (None, None) => format!(" WHERE {outside}"),
        };
        let own = name(from);
        let table = self.tables.at(&own);
        let what = format!(
            "position of {} that is outside of its limits, from {}",
            dotted(&self.tables.get(id).name),
            dotted(&own)
        );
        let table_now = self.tables.get(table);
        Probe {
            selected: value.to_owned(),
            ..self.probe(
                table,
                table_now.relation.clone(),
                Reach::Heirs,
                &table_now.name.1,
                state::OUT_OF_RANGE,
                what,
                rest,
            )
        }
    }
}

/// Whether a query does nothing but move sequences, and changes no row: what it reads from are relations.
pub(super) fn moves_sequences(select: &SelectStmt) -> bool {
    let is_relation = |from: &Node| matches!(kind(from), Some(NodeEnum::RangeVar(_)));
    !select.target_list.is_empty()
        && select.target_list.iter().all(|it| setval(it).is_some())
        && select.from_clause.iter().all(is_relation)
}

fn setval(target: &Node) -> Option<&FuncCall> {
    let NodeEnum::ResTarget(target) = kind(target)? else {
        return None;
    };
    match kind(target.val.as_deref()?)? {
        NodeEnum::FuncCall(call) if strings(&call.funcname) == ["pg_catalog", "setval"] => {
            Some(call)
        }
        _ => None,
    }
}

/// The sequence that a text names, as `regclass` reads it.
fn sequence_named(node: &Node) -> Option<Name> {
    let NodeEnum::AConst(constant) = kind(node)? else {
        return None;
    };
    let a_const::Val::Sval(text) = constant.val.as_ref()? else {
        return None;
    };
    let parsed = syntax::parse(&format!("TABLE {}", text.sval)).ok()?;
    let NodeEnum::SelectStmt(select) = nodes(&parsed).next()? else {
        return None;
    };
    match kind(select.from_clause.first()?)? {
        NodeEnum::RangeVar(range) => Some(name(range)),
        _ => None,
    }
}

fn is_constant(node: &Node) -> bool {
    matches!(kind(node), Some(NodeEnum::AConst(_)))
}

/// The type of a sequence as the catalog names it.
fn type_name(type_name: &TypeName) -> Option<String> {
    let name = idents(&type_name.names);
    let name = match name.last()?.as_str() {
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        other => other,
    };
    Some(name.to_owned())
}

fn number(node: &NodeEnum) -> Option<i64> {
    match node {
        NodeEnum::Integer(number) => Some(i64::from(number.ival)),
        NodeEnum::Float(number) => number.fval.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Foresight, Known, KnownSequence};
    use crate::sql::Ident;

    fn last(statements: &[&str]) -> Vec<String> {
        let sequence = KnownSequence {
            schema: Ident::new("app"),
            name: Ident::new("s"),
            type_name: "bigint".to_owned(),
            increment: 1,
            limits: (1, i64::MAX),
            owner: None,
            is_identity: false,
        };
        let known = Known {
            sequences: vec![sequence],
            ..Known::default()
        };
        let mut foresight = Foresight::new(&known);
        let mut found = Vec::new();
        for statement in statements {
            found = foresight.ahead(statement);
        }
        let shown = found.iter().map(|probe| match probe.unknown {
            Some(why) => format!("{}: {why}", probe.what),
            None => probe.find(),
        });
        shown.collect()
    }

    #[test]
    fn what_does_more_than_move_a_sequence() {
        fn check(statement: &str, is_known: bool) {
            let found = last(&[statement, "ALTER SEQUENCE app.s MAXVALUE 10"]);
            let known = "SELECT * FROM app.s WHERE last_value > 10 LIMIT 10";
            assert_eq!(found == [known], is_known, "{statement}: {found:?}");
        }
        check("SELECT pg_catalog.setval('app.t', 5) FROM app.t", true);
        check("SELECT FROM app.f()", false);
        check("SELECT pg_catalog.setval('app.t', 5) FROM app.f()", false);
    }

    #[test]
    fn positions_that_cannot_be_told() {
        let create = "CREATE SEQUENCE app.t AS smallint";
        assert_eq!(
            last(&[
                create,
                "SELECT pg_catalog.setval('app.t', a.n + b.n) FROM app.a, app.b"
            ]),
            ["position of app.t that is outside of its limits: it is set from more than one table"]
        );
        assert!(last(&[create, "SELECT pg_catalog.setval('app.t', 5)"]).is_empty());
    }

    /// PostgreSQL shortens the names of the table and of the column.
    #[test]
    fn sequences_with_long_names() {
        let (table, column) = ("t".repeat(60), "c".repeat(40));
        let create = format!("CREATE TABLE app.{table} ({column} bigint)");
        let identity = format!(
            "ALTER TABLE app.{table} ALTER COLUMN {column} ADD GENERATED ALWAYS AS IDENTITY (MAXVALUE 7)"
        );
        let name = format!("{}_{}_seq", "t".repeat(29), "c".repeat(29));
        let set = format!("SELECT pg_catalog.setval('app.{name}', pg_catalog.max(n)) FROM app.a");
        let found = last(&[&create, &identity, &set]);
        assert_eq!(
            found,
            [
                "SELECT pg_catalog.max(n) FROM app.a WHERE (pg_catalog.max(n)) NOT BETWEEN 1 AND 7 LIMIT 10"
            ]
        );
    }

    #[test]
    fn positions_outside_of_limits() {
        fn check(statements: &[&str], expected: &[&str]) {
            assert_eq!(last(statements), expected, "{statements:?}");
        }
        check(
            &["ALTER SEQUENCE app.s MINVALUE 5 MAXVALUE 10"],
            &["SELECT * FROM app.s WHERE last_value < 5 OR last_value > 10 LIMIT 10"],
        );
        check(
            &["ALTER SEQUENCE app.s AS integer"],
            &["SELECT * FROM app.s WHERE last_value > 2147483647 LIMIT 10"],
        );
        check(&["ALTER SEQUENCE app.s MINVALUE -5"], &[]);
        check(&["ALTER SEQUENCE app.s MAXVALUE 10 RESTART WITH 1"], &[]);
        check(
            &[
                "SELECT pg_catalog.setval('app.s', 5, false) FROM app.s WHERE last_value < 5",
                "ALTER SEQUENCE app.s MINVALUE 5 MAXVALUE 10",
            ],
            &[
                "SELECT * FROM (SELECT CASE WHEN last_value < 5 THEN 5 ELSE last_value END AS last_value FROM app.s) AS s \
                 WHERE last_value < 5 OR last_value > 10 LIMIT 10",
            ],
        );
        check(
            &[
                "ALTER SEQUENCE app.s RENAME TO old",
                "CREATE SEQUENCE app.s AS smallint",
                "SELECT pg_catalog.setval('app.s', last_value, is_called) FROM app.old",
            ],
            &[
                "SELECT last_value FROM app.s AS old WHERE (last_value) NOT BETWEEN 1 AND 32767 LIMIT 10",
            ],
        );
        check(
            &[
                "CREATE SEQUENCE app.t",
                "SELECT pg_catalog.setval('app.t', pg_catalog.max(id)) FROM app.users HAVING pg_catalog.count(id) > 0",
            ],
            &[
                "SELECT pg_catalog.max(id) FROM app.users HAVING (pg_catalog.count(id) > 0) AND (pg_catalog.max(id)) \
               NOT BETWEEN 1 AND 9223372036854775807 LIMIT 10",
            ],
        );
    }
}
