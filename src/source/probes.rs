//! What rows could make a statement fail: a query for each way, made from the statement itself.

mod partitions;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType,
        Constraint, CreateEnumStmt, IndexStmt, ObjectType, ParseResult, RangeVar,
    },
};

use super::{
    ast::{kind, strings},
    syntax,
};
use crate::sql::{Ident, join};

/// As many rows are counted: more don't say more.
pub const ENOUGH: u32 = 1000;

/// As many rows are shown by the query that finds them.
const SHOWN: u32 = 10;

/// The rows in a statement's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What would be in the way: `NULL in app.users (email)`.
    pub what: String,
    /// The SQLSTATE with which the server rejects such a row.
    pub state: &'static str,
    /// The constraint that doesn't look at rows (`NOT VALID`) until it is validated: what it belongs to, and its name.
    pub waits_for: Option<(String, String)>,
    /// What is selected of the rows, and which rows they are: `FROM app.users WHERE email IS NULL`.
    selected: String,
    rows: String,
    /// An expression whose evaluation fails for the rows in the way: no condition finds them.
    evaluated: Option<String>,
}

impl Probe {
    fn new(state: &'static str, what: String, rows: String) -> Self {
        Self {
            what,
            state,
            waits_for: None,
            selected: "*".to_owned(),
            rows,
            evaluated: None,
        }
    }

    fn evaluating(what: String, expression: String, table: &str) -> Self {
        Self {
            evaluated: Some(expression.clone()),
            selected: expression,
            ..Self::new(state::DATA, what, format!("FROM {table}"))
        }
    }

    /// The query that counts the rows: one row with the column `found`. Where the rows make an expression fail, it fails.
    pub fn count(&self) -> String {
        match &self.evaluated {
            Some(expression) => format!(
                "SELECT count(value) * 0 AS found FROM (SELECT {expression} AS value {}) AS rows",
                self.rows
            ),
            None => format!(
                "SELECT count(*) AS found FROM (SELECT {} LIMIT {ENOUGH}) AS rows",
                self.rows
            ),
        }
    }

    /// The query with which a person finds the rows.
    pub fn find(&self) -> String {
        let Self { selected, rows, .. } = self;
        if self.evaluated.is_some() {
            format!("SELECT {selected} {rows}")
        } else {
            format!("SELECT {selected} {rows} LIMIT {SHOWN}")
        }
    }

    /// Whether a name, as SQL writes it, stands in the queries.
    pub fn names(&self, name: &str) -> bool {
        let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
        let text = self.find();
        text.match_indices(name).any(|(at, _)| {
            !text[..at].ends_with(part_of_word)
                && !text[at + name.len()..].starts_with(part_of_word)
        })
    }
}

/// SQLSTATEs of rows in the way (PostgreSQL docs: Appendix A).
mod state {
    /// `data_exception`: the class, where only the server knows which one it is.
    pub(super) const DATA: &str = "22000";
    pub(super) const TOO_LONG: &str = "22001";
    pub(super) const OUT_OF_RANGE: &str = "22003";
    pub(super) const NO_SUCH_LABEL: &str = "22P02";
    pub(super) const NULL: &str = "23502";
    pub(super) const ORPHAN: &str = "23503";
    pub(super) const DUPLICATE: &str = "23505";
    pub(super) const CHECK: &str = "23514";
}

/// What a probe needs to know besides its statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The labels of enum types that earlier statements create, by name.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Partitioned tables by name.
    pub partitioned: BTreeMap<String, Partitioned>,
    /// The columns of each domain: table and column.
    pub of_domain: BTreeMap<String, BTreeSet<(String, String)>>,
}

/// A partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partitioned {
    /// How rows are told apart: `RANGE (at)`.
    pub key: String,
    /// The partition for rows that belong in no other.
    pub default: Option<String>,
}

/// The ways in which rows can make a statement fail. None for one that can't be read, or whose ways aren't known.
pub fn probes(statement: &str, known: &Known) -> Vec<Probe> {
    let Ok(parsed) = syntax::parse(statement) else {
        return Vec::new();
    };
    nodes(&parsed)
        .flat_map(|node| match node {
            NodeEnum::AlterTableStmt(alter) => of_table(alter, known),
            NodeEnum::AlterDomainStmt(alter) => of_domain(alter, known),
            NodeEnum::CreateStmt(create) => partitions::of_new(create, known),
            NodeEnum::IndexStmt(index) if index.unique => of_index(index).into_iter().collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// The enum type that a statement creates, and its labels.
pub fn enum_labels(statement: &str) -> Option<(String, Vec<String>)> {
    let parsed = syntax::parse(statement).ok()?;
    nodes(&parsed).find_map(|node| match node {
        NodeEnum::CreateEnumStmt(CreateEnumStmt { type_name, vals }) => {
            let labels = strings(vals).into_iter().map(ToOwned::to_owned);
            Some((dotted(type_name), labels.collect()))
        }
        _ => None,
    })
}

/// The table whose rows a statement changes, if it is an UPDATE and does nothing else.
pub fn updated(statement: &str) -> Option<String> {
    let parsed = syntax::parse(statement).ok()?;
    let mut tables = nodes(&parsed).map(|node| match node {
        NodeEnum::UpdateStmt(update) if update.with_clause.is_none() => {
            update.relation.as_ref().map(name)
        }
        _ => None,
    });
    tables.next().flatten().filter(|_| tables.next().is_none())
}

/// The constraints that a statement validates: what each belongs to, and its name.
pub fn validated(statement: &str) -> Vec<(String, String)> {
    let Ok(parsed) = syntax::parse(statement) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for node in nodes(&parsed) {
        let alter = match node {
            NodeEnum::AlterTableStmt(alter) => alter,
            NodeEnum::AlterDomainStmt(alter) if alter.subtype == "V" => {
                names.push((dotted(&alter.type_name), alter.name.clone()));
                continue;
            }
            _ => continue,
        };
        for command in alter.cmds.iter().filter_map(kind) {
            if let NodeEnum::AlterTableCmd(command) = command
                && command.subtype() == AlterTableType::AtValidateConstraint
            {
                let table = alter.relation.as_ref().map(name).unwrap_or_default();
                names.push((table, command.name.clone()));
            }
        }
    }
    names
}

fn nodes(parsed: &ParseResult) -> impl Iterator<Item = &NodeEnum> {
    parsed
        .stmts
        .iter()
        .filter_map(|raw| kind(raw.stmt.as_deref()?))
}

fn of_table(alter: &AlterTableStmt, known: &Known) -> Vec<Probe> {
    let Some(table) = alter.relation.as_ref().map(name) else {
        return Vec::new();
    };
    // An index is attached to another, too.
    if alter.objtype() != ObjectType::ObjectTable {
        return Vec::new();
    }
    let commands = alter.cmds.iter().filter_map(kind);
    commands
        .filter_map(|command| match command {
            NodeEnum::AlterTableCmd(command) => Some(command),
            _ => None,
        })
        .flat_map(|command| of_command(&table, command, known))
        .collect()
}

fn of_command(table: &str, command: &AlterTableCmd, known: &Known) -> Vec<Probe> {
    let column = Ident::new(command.name.as_str());
    let def = command.def.as_deref().and_then(kind);
    match (command.subtype(), def) {
        (AlterTableType::AtSetNotNull, _) => vec![nulls(table, &[column])],
        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(added))) => {
            needs_default(table, added).into_iter().collect()
        }
        (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(def))) => {
            values::of_type(table, &column, def, known)
                .into_iter()
                .collect()
        }
        (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(attach))) => {
            partitions::of_attached(table, attach, known)
        }
        (_, Some(NodeEnum::Constraint(constraint))) => {
            let waits_for = constraint
                .skip_validation
                .then(|| (table.to_owned(), constraint.conname.clone()));
            let probes = of_constraint(table, constraint).into_iter();
            probes
                .map(|probe| Probe {
                    waits_for: waits_for.clone(),
                    ..probe
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A column that is added and refuses NULL has to have a value in each row.
fn needs_default(table: &str, added: &ColumnDef) -> Option<Probe> {
    let mut demands = Vec::new();
    for node in added.constraints.iter().filter_map(kind) {
        if let NodeEnum::Constraint(constraint) = node {
            demands.push(constraint.contype());
        }
    }
    let refuses =
        |kind: &ConstrType| matches!(kind, ConstrType::ConstrNotnull | ConstrType::ConstrPrimary);
    let gives = |kind: &ConstrType| {
        matches!(
            kind,
            ConstrType::ConstrDefault | ConstrType::ConstrIdentity | ConstrType::ConstrGenerated
        )
    };
    if !demands.iter().any(refuses) || demands.iter().any(gives) {
        return None;
    }
    let column = Ident::new(added.colname.as_str());
    // The value of a domain's default isn't known here.
    let own_type = added.type_name.as_ref().map(|name| strings(&name.names));
    if own_type.is_some_and(|names| names.len() > 1 && names[0] != "pg_catalog") {
        return None;
    }
    Some(Probe::new(
        state::NULL,
        format!("rows of {table}, for which the new column {column} has no value"),
        format!("FROM {table}"),
    ))
}

fn of_domain(alter: &AlterDomainStmt, known: &Known) -> Vec<Probe> {
    let domain = dotted(&alter.type_name);
    let columns = known.of_domain.get(&domain).into_iter().flatten();
    let rule = match (alter.subtype.as_str(), alter.def.as_deref().and_then(kind)) {
        ("O", _) => Some((state::NULL, "value IS NOT NULL".to_owned())),
        ("C", Some(NodeEnum::Constraint(constraint))) => {
            let check = constraint.raw_expr.as_deref().and_then(expression);
            let check = check.filter(|_| constraint.contype() == ConstrType::ConstrCheck);
            check.map(|check| (state::CHECK, check))
        }
        _ => None,
    };
    let (Some((state, rule)), waits_for) = (rule, waiting(alter)) else {
        return Vec::new();
    };
    columns
        .map(|(table, column)| Probe {
            waits_for: waits_for.clone(),
            ..Probe::new(
                state,
                format!("values of {table}.{column} against {domain}: {rule}"),
                format!("FROM (SELECT {column} AS value FROM {table}) AS rows WHERE NOT ({rule})"),
            )
        })
        .collect()
}

fn waiting(alter: &AlterDomainStmt) -> Option<(String, String)> {
    match alter.def.as_deref().and_then(kind)? {
        NodeEnum::Constraint(constraint) if constraint.skip_validation => {
            Some((dotted(&alter.type_name), constraint.conname.clone()))
        }
        _ => None,
    }
}

fn of_constraint(table: &str, constraint: &Constraint) -> Option<Probe> {
    let columns = idents(&constraint.keys);
    match constraint.contype() {
        ConstrType::ConstrNotnull => Some(nulls(table, &columns)),
        ConstrType::ConstrUnique | ConstrType::ConstrPrimary if !columns.is_empty() => {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            Some(duplicates(
                table,
                &columns,
                None,
                constraint.nulls_not_distinct,
            ))
        }
        ConstrType::ConstrCheck => {
            let rule = expression(constraint.raw_expr.as_deref()?)?;
            Some(Probe::new(
                state::CHECK,
                format!("rows of {table} against CHECK ({rule})"),
                format!("FROM {table} WHERE NOT ({rule})"),
            ))
        }
        ConstrType::ConstrForeign => orphans(table, constraint),
        _ => None,
    }
}

fn of_index(index: &IndexStmt) -> Option<Probe> {
    let table = name(index.relation.as_ref()?);
    let mut parts = Vec::new();
    for element in index.index_params.iter().filter_map(kind) {
        let NodeEnum::IndexElem(element) = element else {
            return None;
        };
        parts.push(match &element.expr {
            Some(expr) => format!("({})", expression(expr)?),
            None => Ident::new(element.name.as_str()).to_string(),
        });
    }
    let rows = match &index.where_clause {
        Some(clause) => Some(expression(clause)?),
        None => None,
    };
    let all = index.nulls_not_distinct;
    (!parts.is_empty()).then(|| duplicates(&table, &parts, rows.as_deref(), all))
}

fn nulls(table: &str, columns: &[Ident]) -> Probe {
    let named = join(columns, ", ");
    let is_null = columns.iter().map(|column| format!("{column} IS NULL"));
    Probe::new(
        state::NULL,
        format!("NULL in {table} ({named})"),
        format!("FROM {table} WHERE {}", join(is_null, " OR ")),
    )
}

fn duplicates(table: &str, parts: &[String], rows: Option<&str>, also_nulls: bool) -> Probe {
    let listed = join(parts, ", ");
    let mut conditions: Vec<String> = rows.map(|rows| format!("({rows})")).into_iter().collect();
    if !also_nulls {
        // A row with a NULL equals no other.
        conditions.extend(parts.iter().map(|part| format!("{part} IS NOT NULL")));
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    Probe {
        selected: format!("{listed}, count(*)"),
        ..Probe::new(
            state::DUPLICATE,
            format!("duplicates in {table} ({listed})"),
            format!("FROM {table}{filter} GROUP BY {listed} HAVING count(*) > 1"),
        )
    }
}

fn orphans(table: &str, constraint: &Constraint) -> Option<Probe> {
    let (own, theirs) = (idents(&constraint.fk_attrs), idents(&constraint.pk_attrs));
    // Without the other side's columns they are its primary key's, which the statement doesn't tell.
    if own.is_empty() || own.len() != theirs.len() {
        return None;
    }
    let other = name(constraint.pktable.as_ref()?);
    let filled = own.iter().map(|column| format!("o.{column} IS NOT NULL"));
    let pairs = own.iter().zip(&theirs);
    let same = pairs.map(|(own, theirs)| format!("r.{theirs} = o.{own}"));
    Some(Probe::new(
        state::ORPHAN,
        format!("orphans in {table} ({})", join(&own, ", ")),
        format!(
            "FROM {table} AS o WHERE {} AND NOT EXISTS (SELECT FROM {other} AS r WHERE {})",
            join(filled, " AND "),
            join(same, " AND ")
        ),
    ))
}

fn name(range: &RangeVar) -> String {
    let name = Ident::new(range.relname.as_str());
    if range.schemaname.is_empty() {
        name.to_string()
    } else {
        format!("{}.{name}", Ident::new(range.schemaname.as_str()))
    }
}

/// A dotted name, quoted where needed.
fn dotted(nodes: &[Node]) -> String {
    join(idents(nodes), ".")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_that_wait() {
        let add = "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID";
        let c = ("app.orders".to_owned(), "c".to_owned());
        assert_eq!(probes(add, &Known::default())[0].waits_for, Some(c.clone()));
        assert_eq!(
            probes(&add.replace(" NOT VALID", ""), &Known::default())[0].waits_for,
            None
        );
        assert_eq!(
            validated("ALTER TABLE app.orders VALIDATE CONSTRAINT c"),
            [c]
        );
    }

    #[test]
    fn what_could_be_in_the_way() {
        fn check(statement: &str, expected: &[(&str, &str)]) {
            let found = probes(statement, &Known::default());
            let found: Vec<(&str, String)> = found
                .iter()
                .map(|probe| (probe.what.as_str(), probe.count()))
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
            "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES app.users(id) NOT VALID",
            &[(
                "orphans in app.orders (user_id)",
                "FROM app.orders AS o WHERE o.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM app.users AS r WHERE r.id = o.user_id)",
            )],
        );
        check(
            "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID",
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
