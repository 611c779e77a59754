//! What a statement of a plan may do to rows, as far as its text tells: what is not known to be harmless is said.

use std::{collections::BTreeSet, sync::LazyLock};

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableType, CopyStmt, DropBehavior, ObjectType, RangeVar, VariableSetStmt},
};
use serde_json::Value;

use super::{ast, references::strings, syntax};

/// One thing that a statement may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It deletes rows or values; by this verb.
    Deletes(&'static str),
    /// It changes or adds rows; by this verb.
    Changes(&'static str),
    /// It calls a function, or an operator, that is not PostgreSQL's own.
    Calls(String),
    /// It does something whose effect its text does not tell.
    Unknown(String),
}

/// What a statement may do. DDL that evaluates nothing on rows that are there does nothing; definitions do not run.
pub fn effects(sql: &str) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                of_statement(node, &mut found);
            }
        }
        Err(_) => {
            found.insert(unknown("a statement that cannot be read"));
        }
    }
    found
}

/// What a statement does to the one table that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// It creates the table, which is empty.
    Creates(String),
    /// It changes the table, or builds an index of it.
    Alters(String),
    /// Rows may come into the table.
    Fills(String),
}

/// The table that a statement is about, if it is about one.
pub fn about_table(sql: &str) -> Option<About> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    let name = |relation: &Option<RangeVar>| {
        let relation = relation.as_ref()?;
        Some(format!("{}.{}", relation.schemaname, relation.relname))
    };
    match ast::kind(statement.stmt.as_deref()?)? {
        NodeEnum::CreateStmt(create) => name(&create.relation).map(About::Creates),
        NodeEnum::IndexStmt(index) => name(&index.relation).map(About::Alters),
        NodeEnum::AlterTableStmt(alter) => {
            let table = name(&alter.relation)?;
            let attaches = alter.cmds.iter().filter_map(ast::kind).any(|command| {
                matches!(command, NodeEnum::AlterTableCmd(command)
                    if command.subtype() == AlterTableType::AtAttachPartition)
            });
            Some(if attaches {
                About::Fills(table)
            } else {
                About::Alters(table)
            })
        }
        NodeEnum::InsertStmt(insert) => name(&insert.relation).map(About::Fills),
        NodeEnum::CopyStmt(copy) => name(&copy.relation).map(About::Fills),
        _ => None,
    }
}

fn unknown(what: impl Into<String>) -> Effect {
    Effect::Unknown(what.into())
}

fn of_statement(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    match node {
        NodeEnum::SelectStmt(_) | NodeEnum::DeclareCursorStmt(_) => {
            let query = tree(node);
            walk(&query, found);
            // Only what runs code is worth a SELECT in a plan.
            let mut read = BTreeSet::new();
            relations(&query, &mut read);
            let own = common_tables(&query);
            for relation in read.difference(&own) {
                found.insert(unknown(format!(
                    "a query of {relation}, which may be a view that calls functions"
                )));
            }
        }
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::ExplainStmt(_)
        | NodeEnum::PrepareStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::IndexStmt(_)
        | NodeEnum::AlterDomainStmt(_)
        | NodeEnum::ExecuteStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::DoStmt(_) => walk(&tree(node), found),
        NodeEnum::CreateStmt(create) => {
            if let Some(bound) = &create.partbound {
                walk(&tree(bound), found);
            }
        }
        NodeEnum::TruncateStmt(_) => {
            found.insert(Effect::Deletes("TRUNCATE"));
        }
        NodeEnum::CopyStmt(copy) => {
            found.insert(of_copy(copy));
        }
        NodeEnum::DropStmt(drop) => found.extend(of_drop(drop.remove_type(), drop.behavior())),
        NodeEnum::DropOwnedStmt(_) => {
            found.insert(Effect::Deletes("DROP OWNED"));
        }
        NodeEnum::DropdbStmt(_) => {
            found.insert(Effect::Deletes("DROP DATABASE"));
        }
        NodeEnum::AlterTableStmt(alter) => {
            for command in alter.cmds.iter().filter_map(ast::kind) {
                of_command(command, found);
            }
        }
        NodeEnum::VariableSetStmt(set) if !is_harmless_setting(set) => {
            found.insert(unknown(format!("SET {}", set.name)));
        }
        node if is_harmless(node) => {}
        node => {
            found.insert(unknown(format!(
                "a statement of the kind {}",
                name_of(node)
            )));
        }
    }
}

fn of_copy(copy: &CopyStmt) -> Effect {
    if copy.is_program {
        unknown("COPY … PROGRAM")
    } else if copy.is_from {
        Effect::Changes("COPY")
    } else {
        unknown("COPY … TO")
    }
}

fn of_drop(sort: ObjectType, behavior: DropBehavior) -> Option<Effect> {
    match sort {
        ObjectType::ObjectTable => Some(Effect::Deletes("DROP TABLE")),
        // One with CASCADE takes columns and tables along.
        _ if behavior == DropBehavior::DropCascade => Some(Effect::Deletes("DROP … CASCADE")),
        // It may own tables.
        ObjectType::ObjectExtension => Some(Effect::Deletes("DROP EXTENSION")),
        _ => None,
    }
}

/// A command of ALTER TABLE. Expressions count where they are evaluated for the rows that are there.
fn of_command(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    let NodeEnum::AlterTableCmd(command) = node else {
        return;
    };
    match command.subtype() {
        AlterTableType::AtDropColumn => {
            found.insert(Effect::Deletes("DROP COLUMN"));
        }
        _ if command.behavior() == DropBehavior::DropCascade => {
            found.insert(Effect::Deletes("DROP … CASCADE"));
        }
        // The default of rows that come.
        AlterTableType::AtColumnDefault => {}
        _ => walk(&tree(node), found),
    }
}

/// What only limits how long a statement may take, or how much memory.
fn is_harmless_setting(set: &VariableSetStmt) -> bool {
    const HARMLESS: [&str; 8] = [
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "maintenance_work_mem",
        "max_parallel_maintenance_workers",
        "max_parallel_workers_per_gather",
        "statement_timeout",
        "transaction_timeout",
        "work_mem",
    ];
    HARMLESS.contains(&set.name.as_str())
}

/// Statements that neither write rows nor evaluate an expression of the tree when they run.
fn is_harmless(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::AlterCollationStmt(_)
            | NodeEnum::AlterDatabaseRefreshCollStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_)
            | NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::AlterEventTrigStmt(_)
            | NodeEnum::AlterExtensionContentsStmt(_)
            | NodeEnum::AlterExtensionStmt(_)
            | NodeEnum::AlterFdwStmt(_)
            | NodeEnum::AlterForeignServerStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::AlterObjectDependsStmt(_)
            | NodeEnum::AlterObjectSchemaStmt(_)
            | NodeEnum::AlterOpFamilyStmt(_)
            | NodeEnum::AlterOperatorStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::AlterPolicyStmt(_)
            | NodeEnum::AlterPublicationStmt(_)
            | NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterRoleStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::AlterSubscriptionStmt(_)
            | NodeEnum::AlterTableMoveAllStmt(_)
            | NodeEnum::AlterTableSpaceOptionsStmt(_)
            | NodeEnum::AlterTsconfigurationStmt(_)
            | NodeEnum::AlterTsdictionaryStmt(_)
            | NodeEnum::AlterTypeStmt(_)
            | NodeEnum::AlterUserMappingStmt(_)
            | NodeEnum::CheckPointStmt(_)
            | NodeEnum::ClosePortalStmt(_)
            | NodeEnum::ClusterStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::ConstraintsSetStmt(_)
            | NodeEnum::CreateAmStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateConversionStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::CreateExtensionStmt(_)
            | NodeEnum::CreateFdwStmt(_)
            | NodeEnum::CreateForeignServerStmt(_)
            | NodeEnum::CreateForeignTableStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::CreateOpClassStmt(_)
            | NodeEnum::CreateOpFamilyStmt(_)
            | NodeEnum::CreatePlangStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::CreatePublicationStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::CreateSchemaStmt(_)
            | NodeEnum::CreateSeqStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::CreateSubscriptionStmt(_)
            | NodeEnum::CreateTableSpaceStmt(_)
            | NodeEnum::CreateTransformStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::CreateUserMappingStmt(_)
            | NodeEnum::DeallocateStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::DropRoleStmt(_)
            | NodeEnum::DropSubscriptionStmt(_)
            | NodeEnum::DropTableSpaceStmt(_)
            | NodeEnum::DropUserMappingStmt(_)
            | NodeEnum::GrantRoleStmt(_)
            | NodeEnum::GrantStmt(_)
            | NodeEnum::ListenStmt(_)
            | NodeEnum::LockStmt(_)
            | NodeEnum::NotifyStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::ReindexStmt(_)
            | NodeEnum::RenameStmt(_)
            | NodeEnum::ReplicaIdentityStmt(_)
            | NodeEnum::RuleStmt(_)
            | NodeEnum::SecLabelStmt(_)
            | NodeEnum::UnlistenStmt(_)
            | NodeEnum::VacuumStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::VariableShowStmt(_)
            | NodeEnum::ViewStmt(_)
    )
}

/// The statement's kind, as the parser calls it.
fn name_of(node: &NodeEnum) -> String {
    match tree(node) {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// A part of the syntax tree as data; a node has its kind as the key.
fn tree(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("the syntax tree is plain data")
}

/// Looks through a statement or an expression for what it does.
fn walk(value: &Value, found: &mut BTreeSet<Effect>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(fields) => {
            for (kind, field) in fields {
                found.extend(of_node(kind, field));
                walk(field, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a node of this kind does by itself.
fn of_node(kind: &str, fields: &Value) -> Option<Effect> {
    match kind {
        "InsertStmt" => Some(Effect::Changes("INSERT")),
        "UpdateStmt" => Some(Effect::Changes("UPDATE")),
        "MergeStmt" => Some(Effect::Deletes("MERGE")),
        "DeleteStmt" => Some(Effect::Deletes("DELETE")),
        "ExecuteStmt" => Some(unknown("EXECUTE")),
        "DoStmt" => Some(unknown("DO")),
        "CallStmt" => Some(unknown("CALL")),
        "FuncCall" => {
            let name = strings(fields.get("funcname"));
            match name[..] {
                ["pg_catalog", function] | [function] if is_harmless_function(function) => None,
                ["pg_catalog", function] | [function] => {
                    Some(unknown(format!("the function {function}")))
                }
                _ => Some(Effect::Calls(name.join("."))),
            }
        }
        "AExpr" => match strings(fields.get("name"))[..] {
            [] | [_] | ["pg_catalog", _] => None,
            [ref schema @ .., operator] => {
                Some(Effect::Calls(format!("{}.{operator}", schema.join("."))))
            }
        },
        _ => None,
    }
}

/// The relations that a query reads.
fn relations(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| relations(item, found)),
        Value::Object(fields) => {
            // What is written to is no node of its own.
            if let Some(relation) = fields.get("RangeVar") {
                let text = |key: &str| relation.get(key).and_then(Value::as_str);
                match (text("schemaname").unwrap_or_default(), text("relname")) {
                    ("pg_catalog", _) | (_, None) => {}
                    ("", Some(name)) => _ = found.insert(name.to_owned()),
                    (schema, Some(name)) => _ = found.insert(format!("{schema}.{name}")),
                }
            }
            fields.values().for_each(|field| relations(field, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names that WITH gives to queries of the statement.
fn common_tables(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(common_tables).collect(),
        Value::Object(fields) => {
            let name = fields.get("ctename").and_then(Value::as_str);
            let inner = fields.values().flat_map(common_tables);
            inner.chain(name.map(ToOwned::to_owned)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}

/// Functions of PostgreSQL 15's that are immutable or stable, or are known to change no row, with those of later versions.
/// What reads tables by a name in a string, as `query_to_xml`, is not among them.
static HARMLESS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("builtin_functions.txt")
        .split_whitespace()
        .collect()
});

fn is_harmless_function(name: &str) -> bool {
    HARMLESS.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        let found: Vec<String> = effects(sql)
            .into_iter()
            .map(|effect| match effect {
                Effect::Deletes(verb) => format!("deletes {verb}"),
                Effect::Changes(verb) => format!("changes {verb}"),
                Effect::Calls(name) => format!("calls {name}"),
                Effect::Unknown(what) => format!("unknown {what}"),
            })
            .collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn statements_that_write_rows() {
        check("DELETE FROM app.t WHERE id = 1", &["deletes DELETE"]);
        check(
            "WITH d AS (DELETE FROM app.t RETURNING 1) SELECT 1 FROM d",
            &["deletes DELETE"],
        );
        check("EXPLAIN ANALYZE DELETE FROM app.t", &["deletes DELETE"]);
        check(
            "EXPLAIN (ANALYZE) UPDATE app.t SET a = NULL",
            &["changes UPDATE"],
        );
        check("PREPARE p AS DELETE FROM app.t", &["deletes DELETE"]);
        check("EXECUTE p", &["unknown EXECUTE"]);
        check("EXPLAIN ANALYZE EXECUTE p", &["unknown EXECUTE"]);
        check("CREATE TABLE app.n AS EXECUTE p", &["unknown EXECUTE"]);
        check("UPDATE app.t SET a = NULL", &["changes UPDATE"]);
        check(
            "INSERT INTO app.t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
            &["changes INSERT"],
        );
        check(
            "INSERT INTO app.t SELECT lower(a) FROM app.n",
            &["changes INSERT"],
        );
        check(
            "MERGE INTO app.t USING app.n ON true WHEN MATCHED THEN DELETE",
            &["deletes MERGE"],
        );
        check("TRUNCATE app.t", &["deletes TRUNCATE"]);
        check("COPY app.t FROM '/tmp/x'", &["changes COPY"]);
        check("COPY app.t TO PROGRAM 'sh'", &["unknown COPY … PROGRAM"]);
        check(
            "COPY (DELETE FROM app.t RETURNING 1) TO '/tmp/x'",
            &["unknown COPY … TO"],
        );
        check("DROP TABLE app.t", &["deletes DROP TABLE"]);
        check("DROP TYPE app.t CASCADE", &["deletes DROP … CASCADE"]);
        check("DROP EXTENSION pg_partman", &["deletes DROP EXTENSION"]);
        check("DROP OWNED BY me", &["deletes DROP OWNED"]);
        check(
            "ALTER TABLE app.t ADD a int, DROP COLUMN b",
            &["deletes DROP COLUMN"],
        );
        check(
            "ALTER TABLE app.t DROP CONSTRAINT c CASCADE",
            &["deletes DROP … CASCADE"],
        );
    }

    #[test]
    fn statements_that_run_code() {
        check("DO 'BEGIN END'", &["unknown DO"]);
        check("CALL app.p()", &["unknown CALL"]);
        check("SELECT app.f()", &["calls app.f"]);
        check("SELECT 1 WHERE app.f() IS NULL", &["calls app.f"]);
        check("SELECT lo_unlink(1)", &["unknown the function lo_unlink"]);
        check(
            "SELECT pg_catalog.setval('app.s', 1)",
            &["unknown the function setval"],
        );
        check(
            "SELECT set_config('role', 'x', false)",
            &["unknown the function set_config"],
        );
        check(
            "SELECT query_to_xml('DELETE …', true, true, '')",
            &["unknown the function query_to_xml"],
        );
        check(
            "SELECT count(*) FROM app.v",
            &["unknown a query of app.v, which may be a view that calls functions"],
        );
        check(
            "SELECT * INTO app.n FROM app.v",
            &["unknown a query of app.v, which may be a view that calls functions"],
        );
        check(
            "TABLE app.v",
            &["unknown a query of app.v, which may be a view that calls functions"],
        );
        check("VALUES (app.f())", &["calls app.f"]);
        check("SELECT 1 OPERATOR(app.+) 1", &["calls app.+"]);
        check(
            "DECLARE c CURSOR WITH HOLD FOR SELECT app.f()",
            &["calls app.f"],
        );
        check(
            "FETCH ALL FROM c",
            &["unknown a statement of the kind FetchStmt"],
        );
        check(
            "UPDATE app.t SET a = app.f()",
            &["changes UPDATE", "calls app.f"],
        );
        check("CREATE TABLE app.n AS SELECT app.f()", &["calls app.f"]);
        check(
            "CREATE MATERIALIZED VIEW app.m AS SELECT app.f() FROM app.t",
            &["calls app.f"],
        );
        check(
            "CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (app.f())",
            &["calls app.f"],
        );
        check(
            "CREATE INDEX ON app.t (app.f(a)) WHERE app.g(a)",
            &["calls app.f", "calls app.g"],
        );
        check(
            "ALTER TABLE app.t ADD a int DEFAULT app.f()",
            &["calls app.f"],
        );
        check(
            "ALTER TABLE app.t ALTER a TYPE int USING app.f(a)",
            &["calls app.f"],
        );
        check(
            "ALTER TABLE app.t ADD CHECK (app.f(a)) NOT VALID",
            &["calls app.f"],
        );
        check(
            "ALTER DOMAIN app.d ADD CHECK (app.f(VALUE))",
            &["calls app.f"],
        );
        check("SET ROLE postgres", &["unknown SET role"]);
        check(
            "SET session_replication_role = replica",
            &["unknown SET session_replication_role"],
        );
        check("SET search_path = app", &["unknown SET search_path"]);
        check("RESET ALL", &["unknown SET "]);
        check("LOAD 'x'", &["unknown a statement of the kind LoadStmt"]);
        check(
            "ALTER SYSTEM SET x = 1",
            &["unknown a statement of the kind AlterSystemStmt"],
        );
        check(
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.f()",
            &["unknown a statement of the kind CreateEventTrigStmt"],
        );
        check(
            "ROLLBACK",
            &["unknown a statement of the kind TransactionStmt"],
        );
        check("not SQL", &["unknown a statement that cannot be read"]);
    }

    #[test]
    fn statements_that_are_known_to_be_harmless() {
        for sql in [
            "SELECT 1",
            "SELECT lower('A'), now(), coalesce(NULL, 1), CAST('1' AS int)",
            "SELECT oid FROM pg_catalog.pg_class",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "CREATE TABLE app.t (id int DEFAULT app.f(), CHECK (app.g(id)))",
            "CREATE TABLE app.p PARTITION OF app.t FOR VALUES IN (1)",
            "CREATE VIEW app.v AS SELECT app.f()",
            "CREATE FUNCTION app.f() RETURNS void LANGUAGE sql AS 'DELETE FROM app.t'",
            "CREATE RULE r AS ON INSERT TO app.t DO INSTEAD DELETE FROM app.n",
            "ALTER TABLE app.t ALTER a SET DEFAULT app.f()",
            "ALTER TABLE app.t ADD a int DEFAULT nextval('app.s'), ADD CHECK (a > 0)",
            "ALTER TABLE app.t ALTER a TYPE text USING upper(a::text)",
            "ALTER TABLE app.t VALIDATE CONSTRAINT c",
            "ALTER TABLE app.t DROP CONSTRAINT c",
            "CREATE INDEX CONCURRENTLY ON app.t (lower(a))",
            "DROP VIEW app.v",
            "DROP SCHEMA app",
            "SET LOCAL lock_timeout = '2s'",
            "REFRESH MATERIALIZED VIEW app.m",
            "ANALYZE app.t",
        ] {
            check(sql, &[]);
        }
    }
}
