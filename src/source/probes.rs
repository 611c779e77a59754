//! What rows could make a statement fail: a query for each way, made from the statement itself.

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableCmd, AlterTableType, ConstrType, Constraint, IndexStmt, ParseResult, RangeVar,
    },
};

use super::{
    ast::{kind, strings},
    syntax,
};
use crate::sql::{Ident, join};

/// As many rows are counted: more don't say more.
pub const ENOUGH: u32 = 1000;

/// A query that counts the rows in a statement's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What would be in the way: `NULL in app.users.email`.
    pub what: String,
    /// Has one row with the column `found`.
    pub sql: String,
    /// The constraint that doesn't look at rows (`NOT VALID`) until it is validated.
    pub waits_for: Option<String>,
}

impl Probe {
    fn new(what: String, of: &str) -> Self {
        Self {
            what,
            sql: format!("SELECT count(*) AS found FROM (SELECT {of} LIMIT {ENOUGH}) AS rows"),
            waits_for: None,
        }
    }
}

/// The ways in which rows can make a statement fail. None for one that can't be read, or whose ways aren't known.
pub fn probes(statement: &str) -> Vec<Probe> {
    let Ok(parsed) = syntax::parse(statement) else {
        return Vec::new();
    };
    nodes(&parsed)
        .flat_map(|node| match node {
            NodeEnum::AlterTableStmt(alter) => {
                let Some(table) = alter.relation.as_ref().map(name) else {
                    return Vec::new();
                };
                let commands = alter.cmds.iter().filter_map(kind);
                commands
                    .filter_map(|command| match command {
                        NodeEnum::AlterTableCmd(command) => of_command(&table, command),
                        _ => None,
                    })
                    .collect()
            }
            NodeEnum::IndexStmt(index) if index.unique => of_index(index).into_iter().collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// The constraints that a statement validates.
pub fn validated(statement: &str) -> Vec<String> {
    let Ok(parsed) = syntax::parse(statement) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for node in nodes(&parsed) {
        let NodeEnum::AlterTableStmt(alter) = node else {
            continue;
        };
        for command in alter.cmds.iter().filter_map(kind) {
            if let NodeEnum::AlterTableCmd(command) = command
                && command.subtype() == AlterTableType::AtValidateConstraint
            {
                names.push(command.name.clone());
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

fn of_command(table: &str, command: &AlterTableCmd) -> Option<Probe> {
    if command.subtype() == AlterTableType::AtSetNotNull {
        let column = Ident::new(command.name.as_str());
        return Some(nulls(table, &[column]));
    }
    match command.def.as_deref().and_then(kind)? {
        NodeEnum::Constraint(constraint) => {
            let probe = of_constraint(table, constraint)?;
            let waits_for = constraint
                .skip_validation
                .then(|| constraint.conname.clone());
            Some(Probe { waits_for, ..probe })
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
                format!("rows of {table} against CHECK ({rule})"),
                &format!("FROM {table} WHERE NOT ({rule})"),
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
        format!("NULL in {table} ({named})"),
        &format!("FROM {table} WHERE {}", join(is_null, " OR ")),
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
    Probe::new(
        format!("duplicates in {table} ({listed})"),
        &format!("FROM {table}{filter} GROUP BY {listed} HAVING count(*) > 1"),
    )
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
        format!("orphans in {table} ({})", join(&own, ", ")),
        &format!(
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
        assert_eq!(probes(add)[0].waits_for.as_deref(), Some("c"));
        assert_eq!(probes(&add.replace(" NOT VALID", ""))[0].waits_for, None);
        assert_eq!(
            validated("ALTER TABLE app.orders VALIDATE CONSTRAINT c"),
            ["c"]
        );
    }

    #[test]
    fn what_could_be_in_the_way() {
        fn check(statement: &str, expected: &[(&str, &str)]) {
            let found = probes(statement);
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|probe| (probe.what.as_str(), probe.sql.as_str()))
                .collect();
            let sql = |of: &str| {
                format!("SELECT count(*) AS found FROM (SELECT {of} LIMIT 1000) AS rows")
            };
            let expected: Vec<(&str, String)> =
                expected.iter().map(|(what, of)| (*what, sql(of))).collect();
            let expected: Vec<(&str, &str)> = expected
                .iter()
                .map(|(what, of)| (*what, of.as_str()))
                .collect();
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
