//! What rows could make a statement fail: a query for each way, made from the statement itself and those that run before it.

mod demands;
mod domains;
mod follow;
mod partitions;
mod sequences;
mod tables;
mod upheld;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint,
        CreateEnumStmt, ObjectType, ParseResult, RangeVar, Token, TypeCast, TypeName,
    },
};

pub use self::tables::is_named;
use self::{
    demands::Demand,
    domains::Domain,
    sequences::Sequence,
    tables::{
        Column, Moved, Name, Partitioned, Reach, Relation, Rows, Table, TableId, Tables, Value,
        dotted,
    },
};
use super::{
    ast::{identifier, kind, strings},
    syntax, tokens,
};
use crate::sql::{Ident, NullTest, join};

/// As many rows are counted: more don't say more.
pub const ENOUGH: u32 = 1000;

/// As many rows are shown by the query that finds them.
pub const SHOWN: u32 = 10;

/// The rows in a statement's way.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What would be in the way: `NULL in app.users (email)`.
    pub what: String,
    /// The SQLSTATE with which the server rejects such a row.
    pub state: &'static str,
    /// Why the rows can't be looked at before the plan runs, if they can't.
    pub unknown: Option<&'static str>,
    /// Why there may be such rows when the statement runs even if there are none now.
    pub more: Option<&'static str>,
    /// The table from which the rows come, as the database has it now, and the columns of its primary key.
    pub table: String,
    /// The columns of that table's primary key.
    pub key: Vec<Ident>,
    /// What is selected of the rows, and which rows they are: `FROM app.users WHERE email IS NULL`.
    selected: String,
    relation: Relation,
    reach: Reach,
    alias: Ident,
    rest: String,
    /// An expression whose evaluation fails for the rows in the way: no condition finds them.
    evaluated: Option<String>,
    /// The condition that finds them nevertheless, on servers that have a function for it.
    sifted: Option<String>,
    /// Whether the table has no rows: the plan creates it.
    is_about_none: bool,
}

impl Probe {
    /// The query that counts the rows: one row with the column `found`. Where the rows make an expression fail, it fails.
    /// `limit` is a condition on the rows of the table as it is now.
    pub fn count(&self, limit: Option<&str>) -> String {
        let rows = self.rows(limit);
        match &self.evaluated {
            Some(expression) => format!(
                "SELECT count(value) * 0 AS found FROM (SELECT {expression} AS value {rows}) AS rows"
            ),
            None => format!("SELECT count(*) AS found FROM (SELECT {rows} LIMIT {ENOUGH}) AS rows"),
        }
    }

    /// The query with which a person finds the rows.
    pub fn find(&self) -> String {
        let (selected, rows) = (&self.selected, self.rows(None));
        if self.evaluated.is_some() {
            format!("SELECT {selected} {rows}")
        } else {
            format!("SELECT {selected} {rows} LIMIT {SHOWN}")
        }
    }

    /// The same rows by a condition in place of an expression that fails, for a server that has `pg_input_is_valid`
    /// (PostgreSQL 16).
    pub fn sifted(&self) -> Option<Self> {
        let sifted = self.sifted.as_ref()?;
        let joined = if self.rest.is_empty() {
            " WHERE"
        } else {
            " AND"
        };
        Some(Self {
            evaluated: None,
            sifted: None,
            selected: "*".to_owned(),
            rest: format!("{}{joined} {sifted}", self.rest),
            ..self.clone()
        })
    }

    /// Whether it is about values that earlier statements compute.
    pub fn is_of_computed(&self) -> bool {
        self.relation.computes()
    }

    fn rows(&self, limit: Option<&str>) -> String {
        let from = self.relation.sql(&self.alias, self.reach, limit);
        format!("FROM {from}{}", self.rest)
    }

    /// The probe without what its query doesn't need.
    fn reduced(mut self) -> Self {
        // All columns, which `*` stands for, are those that there are.
        let selected = if self.selected == "*" {
            ""
        } else {
            &self.selected
        };
        let text = format!("{selected} {}", self.rest);
        self.relation = self.relation.for_text(&self.alias, &text);
        self
    }

    /// Turns it into one that evaluates an expression.
    fn evaluating(self, expression: String) -> Self {
        Self {
            evaluated: Some(expression.clone()),
            selected: expression,
            ..self
        }
    }
}

/// Why a query's rows can't be told beforehand: it names a column whose values can't.
fn unknown_value(relation: &Relation, text: &str) -> Option<&'static str> {
    relation
        .columns
        .iter()
        .find_map(|column| match column.value {
            Value::Unknown(why) if is_named(&column.name.to_string(), text) => Some(why),
            Value::Unknown(_) | Value::Of(_) | Value::Computed(_) => None,
        })
}

/// SQLSTATEs of rows in the way (PostgreSQL docs: Appendix A).
mod state {
    /// `data_exception`: the class, where only the server knows which one it is.
    pub(super) const DATA: &str = "22000";
    pub(super) const TOO_LONG: &str = "22001";
    pub(super) const OUT_OF_RANGE: &str = "22003";
    pub(super) const NO_SUCH_LABEL: &str = "22P02";
    /// `invalid_parameter_value`.
    pub(super) const PARAMETER: &str = "22023";
    pub(super) const NULL: &str = "23502";
    pub(super) const ORPHAN: &str = "23503";
    pub(super) const DUPLICATE: &str = "23505";
    pub(super) const EXCLUDED: &str = "23P01";
    pub(super) const CHECK: &str = "23514";
}

/// What the database holds before the statements.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its tables.
    pub tables: Vec<KnownTable>,
    /// Its sequences.
    pub sequences: Vec<KnownSequence>,
    /// Its domains.
    pub domains: Vec<KnownDomain>,
    /// The statements that add their CHECK constraints.
    pub domain_checks: Vec<String>,
    /// The statements that create its unique indexes.
    pub unique_indexes: Vec<String>,
    /// The statements that add the constraints to which all rows keep.
    pub validated: Vec<String>,
    /// The statements that add the constraints which have not been validated.
    pub unvalidated: Vec<String>,
}

/// A domain of the database.
#[derive(Debug, Clone)]
pub struct KnownDomain {
    /// Its name as SQL.
    pub name: String,
    /// The type that it restricts, as PostgreSQL prints it.
    pub type_name: String,
    /// Whether its values are rows.
    pub is_row: bool,
    /// Its default.
    pub default: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
}

/// A table of the database.
#[derive(Debug, Clone)]
pub struct KnownTable {
    /// The schema.
    pub schema: Ident,
    /// The name.
    pub name: Ident,
    /// The columns in their order.
    pub columns: Vec<KnownColumn>,
    /// The columns of the primary key.
    pub key: Vec<Ident>,
    /// How rows are told apart, if it is partitioned: `RANGE (at)`.
    pub partition_key: Option<String>,
    /// What it is a partition of, or inherits from: schema and name.
    pub parents: Vec<(Ident, Ident)>,
    /// Which rows it holds as a partition: `FOR VALUES IN (1)`.
    pub partition_bound: Option<String>,
    /// Whether it has triggers.
    pub has_triggers: bool,
}

/// A sequence of the database.
#[derive(Debug, Clone)]
pub struct KnownSequence {
    /// The schema.
    pub schema: Ident,
    /// The name.
    pub name: Ident,
    /// The type: `bigint`.
    pub type_name: String,
    /// By how much it moves on.
    pub increment: i64,
    /// Its least and its largest value.
    pub limits: (i64, i64),
    /// The column that it goes with: schema, table and name.
    pub owner: Option<(Ident, Ident, Ident)>,
    /// Whether that column is an identity.
    pub is_identity: bool,
}

/// A column of a table of the database.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the catalog"
)]
pub struct KnownColumn {
    /// The name.
    pub name: Ident,
    /// The type, as PostgreSQL prints it.
    pub type_name: String,
    /// Whether the values are rows.
    pub is_row: bool,
    /// Whether the type is a domain.
    pub is_domain: bool,
    /// Whether it is computed from other columns.
    pub is_generated: bool,
    /// `NOT NULL`.
    pub not_null: bool,
}

/// Goes through the statements of plans, and says which rows would make each of them fail.
#[derive(Debug, Clone)]
pub struct Foresight {
    tables: Tables,
    /// Those of the relations that are sequences.
    sequences: BTreeMap<TableId, Sequence>,
    /// The labels of enum types that earlier statements create, by name.
    enums: BTreeMap<String, Vec<String>>,
    /// The names of the composite types that earlier statements create.
    created: BTreeSet<String>,
    /// The domains by name.
    domains: BTreeMap<String, Domain>,
    /// The types of columns whose values are rows.
    row_types: BTreeSet<String>,
    /// The unique indexes that no constraint owns, by name.
    indexes: BTreeMap<Name, Index>,
    /// What constraints of tables demand of each row that is written.
    standing: BTreeMap<(TableId, String), Vec<Demand>>,
    /// The names that functions and types have now, by those that they will have.
    renamed: BTreeMap<Name, Name>,
    /// The same of schemas.
    schemas: BTreeMap<Ident, Ident>,
    /// What constraints of tables demand once they are validated.
    waiting: BTreeMap<(TableId, String), Vec<Demand>>,
    /// The same of domains, by their names.
    waiting_of_domains: BTreeMap<(String, String), domains::Rule>,
    /// The last statement that changed each table's values: again, it changes nothing.
    filled: BTreeMap<TableId, String>,
}

/// A unique index.
#[derive(Debug, Clone)]
struct Index {
    /// Its columns, by the names of the demand's moment.
    columns: Vec<Ident>,
    demand: Demand,
}

impl Foresight {
    /// Begins with what the database holds.
    pub fn new(known: &Known) -> Self {
        let mut foresight = Self {
            tables: Tables::default(),
            sequences: BTreeMap::new(),
            enums: BTreeMap::new(),
            created: BTreeSet::new(),
            domains: BTreeMap::new(),
            row_types: BTreeSet::new(),
            indexes: BTreeMap::new(),
            standing: BTreeMap::new(),
            renamed: BTreeMap::new(),
            schemas: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_of_domains: BTreeMap::new(),
            filled: BTreeMap::new(),
        };
        for table in &known.tables {
            foresight.know(table);
        }
        for table in &known.tables {
            foresight.know_parents(table);
        }
        for sequence in &known.sequences {
            foresight.know_sequence(sequence);
        }
        for domain in &known.domains {
            foresight.know_domain(domain);
        }
        let demands = known.domain_checks.iter().chain(&known.unique_indexes);
        for statement in demands.chain(&known.validated) {
            foresight.know_demand(statement);
        }
        for statement in &known.unvalidated {
            foresight.ahead(statement);
        }
        foresight
    }

    fn know(&mut self, known: &KnownTable) {
        let name = (known.schema.clone(), known.name.clone());
        let columns: Vec<Column> = known
            .columns
            .iter()
            .map(|column| Column {
                id: self.tables.new_column(),
                name: column.name.clone(),
                value: Value::Of(column.name.clone()),
                type_name: Some(column.type_name.clone()),
                null: NullTest::of_rows(column.is_row),
                is_domain: column.is_domain,
                is_generated: column.is_generated,
                refuses_null: column.not_null,
            })
            .collect();
        let of_rows = known.columns.iter().filter(|column| column.is_row);
        let of_rows = of_rows.map(|column| column.type_name.clone());
        self.row_types.extend(of_rows);
        let relation = Relation::live(name.clone(), columns);
        let key = known.key.iter();
        let key = key.filter_map(|name| Some(relation.column(name)?.id));
        let key = key.collect();
        let names = relation.names();
        let by = known.partition_key.as_deref().and_then(partitions::key);
        let partitioned = by.map(|key| Partitioned { key, names });
        let bound = known.partition_bound.as_deref();
        let bound = bound.and_then(partitions::bound);
        self.tables.insert(Table {
            name,
            rows: Rows::Kept,
            relation,
            key,
            partitioned,
            bound,
            parents: Vec::new(),
            moved: Moved::default(),
            has_triggers: known.has_triggers,
            is_open: false,
        });
    }

    fn know_parents(&mut self, known: &KnownTable) {
        let name = (known.schema.clone(), known.name.clone());
        let Some(id) = self.tables.find(&name) else {
            return;
        };
        for parent in &known.parents {
            let parent = self.tables.at(parent);
            self.tables.get_mut(id).parents.push(parent);
        }
    }

    /// Takes note of a statement that has been run: what it has made is there already.
    pub fn behind(&mut self, statement: &str) {
        self.enums.extend(enum_labels(statement));
    }

    /// The ways in which rows can make the next statement fail. None for one that can't be read, or whose ways aren't known.
    pub fn ahead(&mut self, statement: &str) -> Vec<Probe> {
        let Ok(parsed) = syntax::parse(statement) else {
            self.tables.lose_all("an earlier step can't be read");
            return Vec::new();
        };
        let mut probes = Vec::new();
        for node in nodes(&parsed) {
            match node {
                NodeEnum::AlterTableStmt(alter) => probes.extend(self.alter_table(alter)),
                NodeEnum::AlterDomainStmt(alter) => probes.extend(self.alter_domain(alter)),
                NodeEnum::CreateStmt(create) => {
                    probes.extend(self.of_new(create));
                    self.create(create);
                }
                NodeEnum::IndexStmt(index) if index.unique => probes.extend(self.index(index)),
                NodeEnum::AlterSeqStmt(alter) => probes.extend(self.alter_sequence(alter)),
                NodeEnum::SelectStmt(select) if sequences::moves_sequences(select) => {
                    probes.extend(self.set_sequence(select));
                }
                NodeEnum::InsertStmt(insert) => probes.extend(self.insert(insert)),
                NodeEnum::UpdateStmt(update) => probes.extend(self.update(update, statement)),
                _ => self.follow(node, statement),
            }
        }
        probes.retain(|probe| !probe.is_about_none);
        probes.into_iter().map(Probe::reduced).collect()
    }

    fn alter_table(&mut self, alter: &AlterTableStmt) -> Vec<Probe> {
        // An index is attached to another, too.
        let (Some(relation), ObjectType::ObjectTable) = (&alter.relation, alter.objtype()) else {
            return Vec::new();
        };
        let table = self.tables.at(&name(relation));
        let mut probes = Vec::new();
        for command in alter.cmds.iter().filter_map(kind) {
            if let NodeEnum::AlterTableCmd(command) = command {
                probes.extend(self.of_command(table, command));
                self.after_command(table, relation.inh, command);
            }
        }
        probes
    }

    /// What rows keep one action of ALTER TABLE from being carried out. Those of a new column come with the column.
    fn of_command(&mut self, table: TableId, command: &AlterTableCmd) -> Vec<Probe> {
        let column = Ident::new(command.name.as_str());
        let def = command.def.as_deref().and_then(kind);
        match (command.subtype(), def) {
            (AlterTableType::AtSetNotNull, _) => self.against(&self.not_null(table, column)),
            (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(added))) => {
                let own = Ident::new(added.colname.as_str());
                let is_there = self.tables.get(table).relation.column(&own).is_some();
                if command.missing_ok && is_there {
                    return Vec::new();
                }
                match self.needs_default(table, added) {
                    Some(probe) => vec![probe],
                    None => self.of_new_column(table, added),
                }
            }
            (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(def))) => {
                let values = self.of_type(table, &column, def);
                let position = self.retype_identity(table, &column, def);
                values.into_iter().chain(position).collect()
            }
            (AlterTableType::AtSetIdentity, Some(NodeEnum::List(options))) => {
                self.alter_identity(table, &column, &options.items)
            }
            (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(attach))) => {
                self.of_attached(table, attach)
            }
            (AlterTableType::AtValidateConstraint, _) => {
                let waiting = self.waiting.remove(&(table, command.name.clone()));
                let waiting = waiting.unwrap_or_default();
                let probes = waiting.iter().flat_map(|demand| self.against(demand));
                let probes = probes.collect();
                self.uphold(table, &command.name, waiting);
                probes
            }
            (_, Some(NodeEnum::Constraint(constraint))) => self.of_constraint(table, constraint),
            _ => Vec::new(),
        }
    }

    fn of_constraint(&mut self, table: TableId, constraint: &Constraint) -> Vec<Probe> {
        let demands = self.demands(table, constraint);
        if constraint.skip_validation {
            let name = constraint.conname.clone();
            self.waiting.insert((table, name), demands);
            return Vec::new();
        }
        let probes = demands.iter().flat_map(|demand| self.against(demand));
        let probes = probes.collect();
        self.uphold(table, &constraint.conname, demands);
        probes
    }

    /// A column that is added and refuses NULL has to have a value in each row.
    fn needs_default(&self, table: TableId, added: &ColumnDef) -> Option<Probe> {
        let mut demands = Vec::new();
        for node in added.constraints.iter().filter_map(kind) {
            if let NodeEnum::Constraint(constraint) = node {
                demands.push(constraint.contype());
            }
        }
        let refuses = |kind: &ConstrType| {
            matches!(kind, ConstrType::ConstrNotnull | ConstrType::ConstrPrimary)
        };
        if !demands.iter().any(refuses) || demands.iter().copied().any(gives) {
            return None;
        }
        if self.may_have_default(added.type_name.as_ref()?) {
            return None;
        }
        let column = Ident::new(added.colname.as_str());
        let whole = self.tables.get(table);
        Some(self.probe(
            table,
            whole.relation.clone(),
            Reach::Heirs,
            &whole.name.1,
            state::NULL,
            format!(
                "rows of {}, for which the new column {column} has no value",
                dotted(&whole.name)
            ),
            String::new(),
        ))
    }

    /// Whether a type may come with a default: a domain can.
    fn may_have_default(&self, type_name: &TypeName) -> bool {
        if !type_name.array_bounds.is_empty() {
            return false;
        }
        let named = join(idents(&type_name.names), ".");
        let is_serial = strings(&type_name.names)
            .last()
            .is_some_and(|name| name.contains("serial"));
        let domain = self.domains.get(&named);
        is_serial || domain.is_some_and(|domain| domain.default.is_some())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the query or of what is said of it"
    )]
    fn probe(
        &self,
        table: TableId,
        relation: Relation,
        reach: Reach,
        alias: &Ident,
        state: &'static str,
        what: String,
        rest: String,
    ) -> Probe {
        let rows = self.tables.rows(table);
        let table = self.tables.get(table);
        let (unknown, more) = match rows {
            // Nothing is asked of a table that isn't there.
            Rows::Kept | Rows::None => (None, None),
            Rows::More(why) => (None, Some(why)),
            Rows::Unknown(why) => (Some(why), None),
        };
        let key = table.relation.live_names(&table.key).unwrap_or_default();
        Probe {
            unknown: unknown.or_else(|| unknown_value(&relation, &rest)),
            what,
            state,
            more,
            table: dotted(table.relation.base()),
            key,
            selected: "*".to_owned(),
            relation,
            reach,
            alias: alias.clone(),
            rest,
            evaluated: None,
            sifted: None,
            is_about_none: rows == Rows::None,
        }
    }

    /// The text of an expression, as the parser prints it, with the names that functions and types have now.
    fn expression(&self, node: &Node) -> Option<String> {
        expression(node).map(|text| self.translated(&text))
    }

    /// A type as a cast names it, with the name that it has now.
    fn type_name(&self, type_name: &TypeName) -> Option<String> {
        type_text(type_name).map(|text| self.translated(&text))
    }

    /// A text with the names that functions and types have now.
    fn translated(&self, text: &str) -> String {
        if self.renamed.is_empty() && self.schemas.is_empty() {
            return text.to_owned();
        }
        let Ok(scanned) = tokens::scan(text) else {
            return text.to_owned();
        };
        let is_name = |token: &Token| matches!(token, Token::Ident | Token::Uident);
        let mut translated = String::with_capacity(text.len());
        let mut at = 0;
        let mut number = 0;
        while let Some(token) = scanned.get(number) {
            let bounds = tokens::bounds(token);
            let part = |offset: usize| {
                let token = scanned.get(number + offset)?;
                let word = &text[tokens::bounds(token)];
                let is_word = is_name(&token.token()) || token.keyword_kind != 0;
                is_word.then(|| identifier(word)).flatten().map(Ident::new)
            };
            let is_dot = |offset: usize| {
                let dot = scanned.get(number + offset);
                dot.is_some_and(|dot| &text[tokens::bounds(dot)] == ".")
            };
            if let (Some(schema), true, Some(name)) = (part(0), is_dot(1), part(2)) {
                let end = tokens::bounds(&scanned[number + 2]).end;
                let now = self.now((schema, name));
                translated.push_str(&text[at..bounds.start]);
                translated.push_str(&dotted(&now));
                at = end;
                number += 3;
                continue;
            }
            number += 1;
        }
        translated.push_str(&text[at..]);
        translated
    }

    /// The name that a function or type has now.
    fn now(&self, name: Name) -> Name {
        if let Some(now) = self.renamed.get(&name) {
            return now.clone();
        }
        let schema = self.schemas.get(&name.0);
        (schema.cloned().unwrap_or(name.0), name.1)
    }
}

/// Whether a constraint of a new column gives it a value.
fn gives(kind: ConstrType) -> bool {
    matches!(
        kind,
        ConstrType::ConstrDefault | ConstrType::ConstrIdentity | ConstrType::ConstrGenerated
    )
}

/// The enum type that a statement creates, and its labels.
fn enum_labels(statement: &str) -> Option<(String, Vec<String>)> {
    let parsed = syntax::parse(statement).ok()?;
    nodes(&parsed).find_map(|node| match node {
        NodeEnum::CreateEnumStmt(CreateEnumStmt { type_name, vals }) => {
            let labels = strings(vals).into_iter().map(ToOwned::to_owned);
            Some((join(idents(type_name), "."), labels.collect()))
        }
        _ => None,
    })
}

fn nodes(parsed: &ParseResult) -> impl Iterator<Item = &NodeEnum> {
    parsed
        .stmts
        .iter()
        .filter_map(|raw| kind(raw.stmt.as_deref()?))
}

fn name(range: &RangeVar) -> Name {
    (
        Ident::new(range.schemaname.as_str()),
        Ident::new(range.relname.as_str()),
    )
}

/// The name in a list of its parts.
fn listed_name(nodes: &[Node]) -> Option<Name> {
    match &idents(nodes)[..] {
        [name] => Some((Ident::new(""), name.clone())),
        [.., schema, name] => Some((schema.clone(), name.clone())),
        [] => None,
    }
}

fn idents(nodes: &[Node]) -> Vec<Ident> {
    strings(nodes).into_iter().map(Ident::new).collect()
}

/// The text of an expression, as the parser prints it.
fn expression(node: &Node) -> Option<String> {
    const BEFORE: &str = "SELECT WHERE ";
    let mut parsed = syntax::parse("SELECT WHERE true").ok()?;
    let select = parsed
        .stmts
        .first_mut()?
        .stmt
        .as_deref_mut()?
        .node
        .as_mut()?;
    if let NodeEnum::SelectStmt(select) = select {
        select.where_clause = Some(Box::new(node.clone()));
    }
    let options = pg_query::DeparseOptions::default();
    let text = pg_query::deparse(&parsed, options).ok()?;
    text.strip_prefix(BEFORE).map(str::to_owned)
}

/// The text of a type, as the parser prints it.
fn type_text(type_name: &TypeName) -> Option<String> {
    const BEFORE: &str = "NULL::";
    let parsed = syntax::parse("SELECT WHERE NULL").ok()?;
    let select = nodes(&parsed).next()?;
    let NodeEnum::SelectStmt(select) = select else {
        return None;
    };
    let cast = TypeCast {
        arg: select.where_clause.clone(),
        type_name: Some(type_name.clone()),
        location: -1,
    };
    let cast = Node {
        node: Some(NodeEnum::TypeCast(Box::new(cast))),
    };
    expression(&cast)?.strip_prefix(BEFORE).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_that_wait() {
        let add = "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID";
        let mut foresight = Foresight::new(&Known::default());
        assert_eq!(
            foresight
                .clone()
                .ahead(&add.replace(" NOT VALID", ""))
                .len(),
            1
        );
        assert!(foresight.ahead(add).is_empty());
        let validate = "ALTER TABLE app.orders VALIDATE CONSTRAINT c";
        assert_eq!(foresight.ahead(validate).len(), 1);
        assert!(foresight.ahead(validate).is_empty());
    }

    #[test]
    fn what_could_be_in_the_way() {
        fn check(statement: &str, expected: &[(&str, &str)]) {
            let found = Foresight::new(&Known::default()).ahead(statement);
            let found: Vec<(&str, String)> = found
                .iter()
                .map(|probe| (probe.what.as_str(), probe.count(None)))
                .collect();
            let sql = |of: &str| {
                format!("SELECT count(*) AS found FROM (SELECT {of} LIMIT 1000) AS rows")
            };
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(what, of)| (*what, sql(of))).collect();
            assert_eq!(found, expected, "{statement}");
        }
        check(
            "ALTER TABLE app.\"User\" ALTER COLUMN email SET NOT NULL",
            &[(
                "NULL in app.\"User\" (email)",
                "FROM app.\"User\" WHERE email IS NULL",
            )],
        );
        check(
            "ALTER TABLE app.users ADD CONSTRAINT u UNIQUE (a, b)",
            &[(
                "duplicates in app.users (a, b)",
                "FROM app.users WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY a, b HAVING count(*) > 1",
            )],
        );
        check(
            "CREATE UNIQUE INDEX CONCURRENTLY i ON app.users USING btree (pg_catalog.lower(email)) WHERE active",
            &[(
                "duplicates in app.users ((pg_catalog.lower(email)))",
                "FROM app.users WHERE (active) AND (pg_catalog.lower(email)) IS NOT NULL GROUP BY (pg_catalog.lower(email)) HAVING count(*) > 1",
            )],
        );
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users(id)",
            &[(
                "orphans in app.orders (user_id)",
                "FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM app.users AS r WHERE r.id = o.user_id)",
            )],
        );
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0)",
            &[(
                "rows of app.orders against CHECK (total > 0)",
                "FROM app.orders WHERE NOT (total > 0)",
            )],
        );
        // The index is there already, and looked for duplicates when it was built.
        check(
            "ALTER TABLE app.users ADD CONSTRAINT u UNIQUE USING INDEX i",
            &[],
        );
        check("CREATE INDEX i ON app.users (email)", &[]);
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users",
            &[],
        );
        check("no SQL", &[]);
    }
}
