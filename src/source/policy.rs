//! What belongs into a schema tree, and what is done to it before it is loaded.

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{ObjectType, ScanToken, SelectStmt, Token},
};

use super::{
    Action, Session, ast, do_block, references,
    session::{Change, constant},
    statement::{Edit, Statement},
    tokens::bounds,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// Decides what becomes of a statement: sets its action and edits, or refuses it. Returns the session for the statements
/// after it where it changes that. `tokens` are the statement's own, without comments.
pub(super) fn judge(
    statement: &mut Statement,
    node: &NodeEnum,
    tokens: &[ScanToken],
) -> Result<Option<Arc<Session>>> {
    match verdict(node, statement) {
        Verdict::Load => {
            statement.edits = edits(statement, node, tokens);
            Ok(None)
        }
        Verdict::Skip => {
            statement.action = Action::Skip;
            Ok(None)
        }
        Verdict::SkipWithWarning(reason) => {
            statement.action = Action::SkipWithWarning(reason);
            Ok(None)
        }
        Verdict::Session(session) => {
            statement.action = Action::Skip;
            Ok(Some(session))
        }
        Verdict::Refuse(refusal) => Err(refusal.diagnostic(statement)),
    }
}

enum Verdict {
    Load,
    Skip,
    SkipWithWarning(&'static str),
    Session(Arc<Session>),
    Refuse(Refusal),
}

/// Why a statement is refused, and what to do about it.
struct Refusal {
    code: Code,
    what: &'static str,
    why: &'static str,
    help: &'static str,
}

impl Refusal {
    fn diagnostic(&self, statement: &Statement) -> Diagnostic {
        let Self {
            code,
            what,
            why,
            help,
        } = *self;
        statement
            .error(
                code,
                format!("`{}` {what}", statement.description),
                "refused",
            )
            .note(why)
            .help(help)
    }
}

const WHOLE: &str = "forge loads the tree as a whole, in an order of its own, and leaves nothing of it when a statement fails";

const fn refuse(code: Code, what: &'static str, why: &'static str, help: &'static str) -> Verdict {
    Verdict::Refuse(Refusal {
        code,
        what,
        why,
        help,
    })
}

fn not_schema(what: &'static str, why: &'static str, help: &'static str) -> Verdict {
    refuse(Code::NotSchema, what, why, help)
}

fn data() -> Verdict {
    not_schema(
        "is about rows, not about the schema",
        "a schema tree declares what the database looks like; it is never run against the database itself",
        "put it into a step of a plan (`forge plan`, then edit the draft), or let the application do it",
    )
}

fn cluster_wide(why: &'static str) -> Verdict {
    Verdict::SkipWithWarning(why)
}

fn verdict(node: &NodeEnum, statement: &Statement) -> Verdict {
    let session = &statement.session;
    match node {
        NodeEnum::CreateStmt(table)
            if table
                .relation
                .as_ref()
                .is_some_and(|name| name.relpersistence == "t") =>
        {
            temporary()
        }
        NodeEnum::ViewStmt(view)
            if view
                .view
                .as_ref()
                .is_some_and(|name| name.relpersistence == "t") =>
        {
            temporary()
        }
        NodeEnum::CreateSeqStmt(sequence)
            if sequence
                .sequence
                .as_ref()
                .is_some_and(|name| name.relpersistence == "t") =>
        {
            temporary()
        }
        NodeEnum::CreateTableAsStmt(created) if created.objtype() != ObjectType::ObjectMatview => {
            query_table()
        }
        NodeEnum::CreateFunctionStmt(function) => create_function(&function.options),
        NodeEnum::CreateSubscriptionStmt(subscription) => subscribe(&subscription.options),
        NodeEnum::CommentStmt(comment) => match comment.objtype() {
            ObjectType::ObjectDatabase | ObjectType::ObjectRole | ObjectType::ObjectTablespace => {
                cluster_wide(
                    "databases, roles and tablespaces belong to the cluster, not to the schema",
                )
            }
            _ => Verdict::Load,
        },
        NodeEnum::GrantStmt(grant) => match grant.objtype() {
            ObjectType::ObjectDatabase
            | ObjectType::ObjectTablespace
            | ObjectType::ObjectParameterAcl => cluster_wide(
                "privileges on databases, tablespaces and settings belong to the cluster, not to the schema",
            ),
            _ => Verdict::Load,
        },
        NodeEnum::AlterOwnerStmt(alter) if alter.object_type() == ObjectType::ObjectDatabase => {
            cluster_wide("a database's owner belongs to the cluster, not to the schema")
        }
        NodeEnum::SecLabelStmt(label)
            if matches!(
                label.objtype(),
                ObjectType::ObjectDatabase | ObjectType::ObjectRole
            ) =>
        {
            cluster_wide("databases and roles belong to the cluster, not to the schema")
        }
        NodeEnum::DropStmt(_)
        | NodeEnum::RenameStmt(_)
        | NodeEnum::CreateStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::ViewStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
        | NodeEnum::IndexStmt(_)
        | NodeEnum::CreateSeqStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::CreateRangeStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::CreateExtensionStmt(_)
        | NodeEnum::DefineStmt(_)
        | NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::CreateConversionStmt(_)
        | NodeEnum::CreateCastStmt(_)
        | NodeEnum::CreateTransformStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::CreatePlangStmt(_)
        | NodeEnum::CreateAmStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::CreatePublicationStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::CreateTrigStmt(_)
        | NodeEnum::CreatePolicyStmt(_)
        | NodeEnum::RuleStmt(_)
        | NodeEnum::AlterTableStmt(_)
        | NodeEnum::AlterEnumStmt(_)
        | NodeEnum::AlterDomainStmt(_)
        | NodeEnum::AlterTypeStmt(_)
        | NodeEnum::AlterCollationStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::AlterExtensionStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
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
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::AlterTsconfigurationStmt(_)
        | NodeEnum::AlterTsdictionaryStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::DropUserMappingStmt(_)
        | NodeEnum::SecLabelStmt(_) => Verdict::Load,
        NodeEnum::VariableSetStmt(set) => setting(session.after_set(set)),
        NodeEnum::SelectStmt(select) => select_statement(select, session),
        NodeEnum::CopyStmt(copy) if copy.is_program => refuse(
            Code::UnsafeStatement,
            "would run a program on the server's machine",
            "files of the tree never get to run code outside the shadow",
            "remove it",
        ),
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CopyStmt(_)
        | NodeEnum::TruncateStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::RefreshMatViewStmt(_) => data(),
        NodeEnum::DoStmt(_) if do_block::is_about_roles(statement.text()) => cluster_wide(
            "roles belong to the cluster, not to the schema; create them where the cluster is set up",
        ),
        NodeEnum::DoStmt(_) => not_schema(
            "is a program, not a declaration",
            "what a DO block leaves behind can't be told without running it, and files of the tree don't get to run code",
            "write the statements that it would run, or put it into a step of a plan",
        ),
        NodeEnum::TransactionStmt(_) | NodeEnum::ConstraintsSetStmt(_) | NodeEnum::LockStmt(_) => {
            not_schema(
                "controls a transaction",
                WHOLE,
                "remove it; a plan shows where its transactions begin and end",
            )
        }
        NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_) => cluster_wide(
            "roles belong to the cluster, not to the schema; create them where the cluster is set up",
        ),
        NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_) => {
            cluster_wide("a database's own settings belong to the cluster, not to the schema")
        }
        NodeEnum::CreatedbStmt(_) | NodeEnum::DropdbStmt(_) => not_schema(
            "is about a whole database",
            "forge manages the inside of one database, which the connection names",
            "remove it; create the database where the cluster is set up",
        ),
        NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::AlterTableMoveAllStmt(_) => not_schema(
            "is about a tablespace",
            "tablespaces belong to the cluster and its disks",
            "remove it; create tablespaces where the cluster is set up",
        ),
        NodeEnum::AlterSystemStmt(_) => refuse(
            Code::UnsafeStatement,
            "would change the server's configuration",
            "the setting would hold for every database of the cluster",
            "remove it; set it in postgresql.conf",
        ),
        NodeEnum::LoadStmt(_) => refuse(
            Code::UnsafeStatement,
            "would load a library into the server",
            "files of the tree never get to run code outside the shadow",
            "remove it; use shared_preload_libraries or an extension",
        ),
        NodeEnum::ImportForeignSchemaStmt(_) => refuse(
            Code::UnsafeStatement,
            "would connect to another server",
            "what it creates depends on that server, not on the file",
            "write the CREATE FOREIGN TABLE statements",
        ),
        NodeEnum::AlterSubscriptionStmt(_) | NodeEnum::DropSubscriptionStmt(_) => refuse(
            Code::UnsafeStatement,
            "would connect to another server",
            "files of the tree never reach outside the shadow",
            "declare the subscription as it should be, with `connect = false`",
        ),
        NodeEnum::VacuumStmt(_)
        | NodeEnum::ReindexStmt(_)
        | NodeEnum::ClusterStmt(_)
        | NodeEnum::CheckPointStmt(_) => not_schema(
            "is maintenance, not schema",
            "it leaves the schema as it is",
            "remove it; run it on the database itself, or in a step of a plan",
        ),
        NodeEnum::DropOwnedStmt(_) | NodeEnum::ReassignOwnedStmt(_) => not_schema(
            "acts on whatever the role happens to own",
            "a schema tree names what it declares",
            "write the ALTER … OWNER TO statements",
        ),
        _ => not_schema(
            "declares nothing",
            "a schema tree holds statements that create, alter, comment or grant",
            "remove it, or put it into a step of a plan",
        ),
    }
}

fn temporary() -> Verdict {
    not_schema(
        "is temporary",
        "a temporary object ends with the session that creates it",
        "remove it, or drop the word TEMPORARY",
    )
}

fn query_table() -> Verdict {
    not_schema(
        "takes its columns and rows from a query",
        "which columns it gets can't be told from the file, and its rows are data",
        "write CREATE TABLE with columns; fill it in a step of a plan",
    )
}

fn setting(change: Change) -> Verdict {
    match change {
        Change::Session(session) => Verdict::Session(session),
        Change::Idle => Verdict::Skip,
        Change::Refused => not_schema(
            "changes a setting that a file of the tree can't change",
            "only settings of pg_dump's files are known to be harmless",
            "remove it",
        ),
    }
}

/// A bare SELECT is let through where it is `set_config`, as pg_dump writes it.
fn select_statement(select: &SelectStmt, session: &Session) -> Verdict {
    if select.into_clause.is_some() {
        return query_table();
    }
    let [target] = select.target_list.as_slice() else {
        return data();
    };
    let call = match ast::kind(target) {
        Some(NodeEnum::ResTarget(target)) if select.from_clause.is_empty() => {
            match target.val.as_deref().and_then(ast::kind) {
                Some(NodeEnum::FuncCall(call)) => call,
                _ => return data(),
            }
        }
        _ => return data(),
    };
    let names = ast::strings(&call.funcname);
    let argument = |index: usize| call.args.get(index).and_then(ast::kind).and_then(constant);
    match (names.as_slice(), argument(0), argument(1)) {
        (["set_config"] | ["pg_catalog", "set_config"], Some(name), Some(value)) => {
            setting(session.after_set_config(&name, &value))
        }
        (["setval"] | ["pg_catalog", "setval"], ..) => {
            Verdict::SkipWithWarning("where a sequence stands is data, not schema")
        }
        _ => data(),
    }
}

/// A function in C is code of a library: only libraries that the server's administrator installed are taken.
fn create_function(options: &[pg_query::Node]) -> Verdict {
    let option = |name: &str| {
        options
            .iter()
            .filter_map(ast::kind)
            .find_map(|node| match node {
                NodeEnum::DefElem(element) if element.defname == name => {
                    element.arg.as_deref().and_then(ast::kind)
                }
                _ => None,
            })
    };
    let language = match option("language") {
        Some(NodeEnum::String(name)) => name.sval.to_ascii_lowercase(),
        _ => String::new(),
    };
    let library = match option("as") {
        Some(NodeEnum::List(list)) => ast::strings(&list.items)
            .first()
            .map(|library| (*library).to_owned()),
        _ => None,
    };
    if language == "c"
        && !library
            .is_some_and(|library| library.starts_with("$libdir/") && !library.contains(".."))
    {
        return refuse(
            Code::UnsafeStatement,
            "loads a library from outside the server's own folder",
            "its code would run on the machine, outside the shadow",
            "install the library and write '$libdir/…', or make it an extension",
        );
    }
    Verdict::Load
}

fn subscribe(options: &[pg_query::Node]) -> Verdict {
    let unconnected = options.iter().filter_map(ast::kind).any(|node| match node {
        NodeEnum::DefElem(element) if element.defname == "connect" => {
            match element.arg.as_deref().and_then(ast::kind) {
                Some(NodeEnum::String(value)) => {
                    matches!(value.sval.as_str(), "false" | "off" | "0")
                }
                Some(NodeEnum::Boolean(value)) => !value.boolval,
                Some(NodeEnum::Integer(value)) => value.ival == 0,
                _ => false,
            }
        }
        _ => false,
    });
    if unconnected {
        return Verdict::Load;
    }
    refuse(
        Code::UnsafeStatement,
        "would connect to another server",
        "files of the tree never reach outside the shadow",
        "add `connect = false` to its WITH list",
    )
}

/// What is changed in a statement so that loading it runs no query and meets nothing that is there already.
fn edits(statement: &Statement, node: &NodeEnum, tokens: &[ScanToken]) -> Vec<Edit> {
    let insert = |at: usize, text: &str| {
        vec![Edit {
            span: at..at,
            text: text.to_owned(),
        }]
    };
    let find = |token: Token| {
        tokens
            .iter()
            .find(|found| found.token() == token)
            .map(bounds)
    };
    match node {
        NodeEnum::CreateTableAsStmt(view)
            if !view.into.as_ref().is_some_and(|into| into.skip_data) =>
        {
            let ends_with_data = tokens.len() > 1
                && tokens[tokens.len() - 1].token() == Token::DataP
                && tokens[tokens.len() - 2].token() == Token::With;
            match tokens.last().map(bounds) {
                Some(data) if ends_with_data => insert(data.start, "NO "),
                _ => insert(statement.span.end, "\nWITH NO DATA"),
            }
        }
        NodeEnum::IndexStmt(index) if index.concurrent => find(Token::Concurrently)
            .map(|span| {
                vec![Edit {
                    span,
                    text: String::new(),
                }]
            })
            .unwrap_or_default(),
        NodeEnum::DropStmt(drop) if drop.concurrent => find(Token::Concurrently)
            .map(|span| {
                vec![Edit {
                    span,
                    text: String::new(),
                }]
            })
            .unwrap_or_default(),
        // A fresh database has both.
        NodeEnum::CreateSchemaStmt(schema)
            if schema.schemaname == "public"
                && !schema.if_not_exists
                && schema.schema_elts.is_empty() =>
        {
            find(Token::Schema)
                .map(|span| insert(span.end, " IF NOT EXISTS"))
                .unwrap_or_default()
        }
        NodeEnum::CreateExtensionStmt(extension)
            if extension.extname == "plpgsql" && !extension.if_not_exists =>
        {
            find(Token::Extension)
                .map(|span| insert(span.end, " IF NOT EXISTS"))
                .unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The language of a function and its body, if that is a string.
pub(super) fn function_body(node: &NodeEnum) -> Option<(String, String)> {
    match node {
        NodeEnum::CreateFunctionStmt(function) => references::body_of(&function.options),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::SourceFile, source::Tree};

    fn parse(sql: &str) -> Result<Vec<Statement>> {
        let file = SourceFile {
            path: "a.sql".into(),
            text: sql.to_owned(),
        };
        Tree {
            files: vec![Arc::new(file)],
        }
        .parse()
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        fn check(sql: &str, code: Code, message: &str) {
            let problem = parse(sql).unwrap_err();
            assert_eq!((problem.code(), problem.message()), (code, message));
            assert!(
                problem.help_text().is_some() && !problem.notes().is_empty(),
                "{sql}"
            );
        }
        let not_schema = Code::NotSchema;
        check(
            "INSERT INTO t VALUES (1)",
            not_schema,
            "`INSERT INTO t VALUES` is about rows, not about the schema",
        );
        check(
            "UPDATE t SET a = 1",
            not_schema,
            "`UPDATE t SET a` is about rows, not about the schema",
        );
        check(
            "DELETE FROM t",
            not_schema,
            "`DELETE FROM t` is about rows, not about the schema",
        );
        check(
            "TRUNCATE t",
            not_schema,
            "`TRUNCATE t` is about rows, not about the schema",
        );
        check(
            "COPY t FROM '/tmp/x'",
            not_schema,
            "`COPY t FROM` is about rows, not about the schema",
        );
        check(
            "SELECT f()",
            not_schema,
            "`SELECT f` is about rows, not about the schema",
        );
        check(
            "CALL p()",
            not_schema,
            "`CALL p` is about rows, not about the schema",
        );
        check("BEGIN", not_schema, "`BEGIN` controls a transaction");
        check(
            "DO $$ BEGIN PERFORM 1; END $$",
            not_schema,
            "`DO` is a program, not a declaration",
        );
        check(
            "CREATE TABLE t AS SELECT 1",
            not_schema,
            "`CREATE TABLE t` takes its columns and rows from a query",
        );
        check(
            "SELECT 1 INTO t",
            not_schema,
            "`SELECT 1 INTO t` takes its columns and rows from a query",
        );
        check(
            "CREATE TEMP TABLE t ()",
            not_schema,
            "`CREATE TEMP TABLE t` is temporary",
        );
        check(
            "CREATE DATABASE d",
            not_schema,
            "`CREATE DATABASE d` is about a whole database",
        );
        check(
            "VACUUM t",
            not_schema,
            "`VACUUM t` is maintenance, not schema",
        );
        check("LISTEN x", not_schema, "`LISTEN x` declares nothing");
        check(
            "SET ROLE app",
            not_schema,
            "`SET ROLE app` changes a setting that a file of the tree can't change",
        );
        let unsafe_statement = Code::UnsafeStatement;
        check(
            "COPY t TO PROGRAM 'sh'",
            unsafe_statement,
            "`COPY t TO PROGRAM` would run a program on the server's machine",
        );
        check(
            "ALTER SYSTEM SET work_mem = 1",
            unsafe_statement,
            "`ALTER SYSTEM SET work_mem` would change the server's configuration",
        );
        check(
            "LOAD 'x'",
            unsafe_statement,
            "`LOAD` would load a library into the server",
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/x.so', 'f'",
            unsafe_statement,
            "`CREATE FUNCTION f` loads a library from outside the server's own folder",
        );
        check(
            "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
            unsafe_statement,
            "`CREATE SUBSCRIPTION s CONNECTION` would connect to another server",
        );
    }

    #[test]
    fn what_belongs_to_the_cluster_is_left_out_with_a_warning() {
        fn check(sql: &str, warned: bool) {
            let statements = parse(sql).unwrap();
            assert!(!statements[0].is_loaded(), "{sql}");
            assert_eq!(
                !super::super::warnings(&statements).is_empty(),
                warned,
                "{sql}"
            );
        }
        check("CREATE ROLE app", true);
        check("GRANT a TO b", true);
        check("COMMENT ON DATABASE d IS 'x'", true);
        check("GRANT CONNECT ON DATABASE d TO r", true);
        check("SELECT pg_catalog.setval('s', 1)", true);
        check(
            "SELECT pg_catalog.set_config('search_path', '', false)",
            false,
        );
        check("SET statement_timeout = 0", false);
    }

    #[test]
    fn what_is_loaded_runs_no_query_and_meets_nothing() {
        fn check(sql: &str, loaded: &str) {
            let statements = parse(sql).unwrap();
            let statement = &statements[0];
            assert_eq!(statement.sql(), loaded);
            // Every byte that stays comes from where it stood.
            if let Some(at) = loaded.find("v1") {
                assert_eq!(statement.file_offset(at), sql.find("v1").unwrap());
            }
        }
        check("CREATE TABLE v1 ();", "CREATE TABLE v1 ()");
        check(
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 -- x",
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1\nWITH NO DATA",
        );
        check(
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 WITH DATA",
            "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v1 WITH NO DATA",
        );
        check(
            "CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA",
            "CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA",
        );
        check(
            "CREATE INDEX CONCURRENTLY ON v1 (a)",
            "CREATE INDEX  ON v1 (a)",
        );
        check("CREATE SCHEMA public", "CREATE SCHEMA IF NOT EXISTS public");
        check(
            "CREATE EXTENSION plpgsql",
            "CREATE EXTENSION IF NOT EXISTS plpgsql",
        );
    }
}
