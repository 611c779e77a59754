//! What belongs into a schema tree, and what is done to it before it is loaded.

mod edits;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{FuncCall, ObjectType, ScanToken, SelectStmt, TransactionStmtKind},
};

use self::edits::edits;
use super::{
    Action, Session, ast,
    do_block::Block,
    session::{Change, constant},
    statement::Statement,
    statement_kind::{StatementKind, Topic},
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
            let edits = edits(statement, node, tokens);
            if !edits.is_empty() {
                statement.rare_mut().edits = edits;
            }
            Ok(None)
        }
        Verdict::Skip => {
            statement.action = Action::Skip;
            Ok(None)
        }
        Verdict::SkipWithWarning(reason) => {
            statement.action = Action::SkipWithWarning;
            statement.rare_mut().warning = reason;
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
                format!("`{}` {what}", statement.description()),
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

/// A database in which there is a subscription can't be dropped, and to drop the subscription may mean to connect.
fn subscription() -> Verdict {
    Verdict::SkipWithWarning(
        "a subscription reaches for another server; keep it by statements of your own",
    )
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
        NodeEnum::CommentStmt(comment) => match comment.objtype() {
            ObjectType::ObjectSubscription => subscription(),
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
        NodeEnum::AlterOwnerStmt(alter)
            if alter.object_type() == ObjectType::ObjectSubscription =>
        {
            subscription()
        }
        NodeEnum::SecLabelStmt(label)
            if matches!(
                label.objtype(),
                ObjectType::ObjectDatabase | ObjectType::ObjectRole
            ) =>
        {
            cluster_wide("databases and roles belong to the cluster, not to the schema")
        }
        NodeEnum::VariableSetStmt(set) => setting(session.after_set(set)),
        NodeEnum::SelectStmt(select) => select_statement(select, session),
        NodeEnum::CopyStmt(copy) if copy.is_program => refuse(
            Code::UnsafeStatement,
            "would run a program on the server's machine",
            "files of the tree never get to run code outside the shadow",
            "remove it",
        ),
        NodeEnum::DoStmt(_) => program(&Block::read(statement.text())),
        // Forge loads a file's statements in transactions of its own.
        NodeEnum::TransactionStmt(control)
            if matches!(
                control.kind(),
                TransactionStmtKind::TransStmtBegin
                    | TransactionStmtKind::TransStmtStart
                    | TransactionStmtKind::TransStmtCommit
            ) =>
        {
            Verdict::Skip
        }
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
        NodeEnum::DropSubscriptionStmt(_) => refuse(
            Code::UnsafeStatement,
            "would connect to another server",
            "files of the tree never reach outside the shadow",
            "remove it",
        ),
        NodeEnum::ClusterStmt(cluster) if !cluster.indexname.is_empty() => not_schema(
            "is maintenance, not schema",
            "beside moving the rows it marks the index that the table is clustered on",
            "write `ALTER TABLE … CLUSTER ON …`, which only marks it",
        ),
        node => by_topic(StatementKind::of(node).topic),
    }
}

/// What becomes of a statement about which nothing but its kind matters.
fn by_topic(topic: Topic) -> Verdict {
    match topic {
        Topic::Schema => Verdict::Load,
        Topic::Rows => data(),
        Topic::Subscription => subscription(),
        Topic::Transaction => not_schema(
            "controls a transaction",
            WHOLE,
            "remove it; a plan shows where its transactions begin and end",
        ),
        Topic::Roles => cluster_wide(
            "roles belong to the cluster, not to the schema; create them where the cluster is set up",
        ),
        Topic::DatabaseSettings => {
            cluster_wide("a database's own settings belong to the cluster, not to the schema")
        }
        Topic::Database => not_schema(
            "is about a whole database",
            "forge manages the inside of one database, which the connection names",
            "remove it; create the database where the cluster is set up",
        ),
        Topic::Tablespace => not_schema(
            "is about a tablespace",
            "tablespaces belong to the cluster and its disks",
            "remove it; create tablespaces where the cluster is set up",
        ),
        Topic::Maintenance => not_schema(
            "is maintenance, not schema",
            "it leaves the schema as it is",
            "remove it; run it on the database itself, or in a step of a plan",
        ),
        Topic::Owned => not_schema(
            "acts on whatever the role happens to own",
            "a schema tree names what it declares",
            "write the ALTER … OWNER TO statements",
        ),
        Topic::Other => not_schema(
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

/// A DO block runs on the shadow, unless it is seen to write rows or to be about roles alone.
fn program(block: &Block) -> Verdict {
    if block.writes_rows() {
        data()
    } else if block.is_about_roles() {
        cluster_wide(
            "roles belong to the cluster, not to the schema; create them where the cluster is set up",
        )
    } else {
        Verdict::Load
    }
}

/// A bare SELECT is let through where it is `set_config`, as pg_dump writes it, or calls functions, which may create things.
fn select_statement(select: &SelectStmt, session: &Session) -> Verdict {
    if select.into_clause.is_some() {
        return query_table();
    }
    let Some(calls) = calls(select) else {
        return data();
    };
    let named = |call: &FuncCall, name: &str| {
        let names = ast::strings(&call.funcname);
        matches!(names.as_slice(), [own] | ["pg_catalog", own] if *own == name)
    };
    if calls
        .iter()
        .any(|call| named(call, "setval") || named(call, "nextval"))
    {
        return Verdict::SkipWithWarning("where a sequence stands is data, not schema");
    }
    let [call] = calls.as_slice() else {
        return Verdict::Load;
    };
    let argument = |index: usize| call.args.get(index).and_then(ast::kind).and_then(constant);
    match (argument(0), argument(1)) {
        (Some(name), Some(value)) if named(call, "set_config") => {
            setting(session.after_set_config(&name, &value))
        }
        _ => Verdict::Load,
    }
}

/// The calls of a SELECT that does nothing but call functions.
fn calls(select: &SelectStmt) -> Option<Vec<&FuncCall>> {
    let target = |node| match ast::kind(node)? {
        NodeEnum::ResTarget(target) => target.val.as_deref().and_then(ast::kind),
        _ => None,
    };
    match select.from_clause.as_slice() {
        [] if !select.target_list.is_empty() => select
            .target_list
            .iter()
            .map(|node| match target(node)? {
                NodeEnum::FuncCall(call) => Some(&**call),
                _ => None,
            })
            .collect(),
        [source] => match ast::kind(source)? {
            NodeEnum::RangeFunction(function) => function
                .functions
                .iter()
                .map(|node| match ast::kind(node)? {
                    NodeEnum::List(list) => match ast::kind(list.items.first()?)? {
                        NodeEnum::FuncCall(call) => Some(&**call),
                        _ => None,
                    },
                    _ => None,
                })
                .collect(),
            _ => None,
        },
        _ => None,
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
