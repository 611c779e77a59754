//! What a statement of a plan may do to rows, as far as its text tells: what is not known to be harmless is said.

use std::{collections::BTreeSet, sync::LazyLock};

use pg_query::{
    Node, NodeEnum,
    protobuf::{
        AlterTableType, ConstrType, CopyStmt, CreateFunctionStmt, DropBehavior, ObjectType,
        RangeVar, VariableSetStmt,
    },
};
use serde_json::Value;

use super::{
    accesses::{Access, checks_values, is_on, read_by, relation_name},
    ast::{self, tree},
    breaks::breaks,
    references::strings,
    statement_kind::{Does, StatementKind, Topic},
    syntax,
};
use crate::sql::{Ident, dotted, join};

/// One thing that a statement may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// The harm that it may do.
    pub harm: Harm,
    /// What it is about, and approved by, as SQL: a table, a function, a trigger. What is about no object has its verb here.
    pub about: String,
    /// How, as a clause: `calls app.f for the view app.v`.
    pub how: String,
}

/// The harm that a statement may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Rows or values are deleted.
    Deletes,
    /// An object is dropped with all that depends on it.
    Cascades,
    /// Rows are changed or added.
    Changes,
    /// A function is called, or an operator, that is not PostgreSQL's own.
    Calls,
    /// Something else runs whose effect the text does not tell.
    Runs,
    /// Rows of another table are changed because of a foreign key.
    PassesOn,
    /// Statements of the application fail, or find fewer rows.
    Breaks,
    /// Reads and writes wait for as long as it runs.
    BlocksReads,
    /// Writes wait for as long as it runs.
    BlocksWrites,
    /// A table, or its indexes, are written anew.
    Rewrites,
}

impl Effect {
    fn new(harm: Harm, about: impl Into<String>, how: impl Into<String>) -> Self {
        let (about, how) = (about.into(), how.into());
        Self { harm, about, how }
    }

    fn runs(harm: Harm, verb: &str, about: impl Into<String>) -> Self {
        Self::new(harm, about, format!("runs {verb}"))
    }

    /// Rows or values of this object are deleted.
    pub fn deletes(verb: &str, about: impl Into<String>) -> Self {
        Self::runs(Harm::Deletes, verb, about)
    }

    fn changes(verb: &str, about: impl Into<String>) -> Self {
        Self::runs(Harm::Changes, verb, about)
    }

    /// This function, or operator, is called.
    pub fn calls(name: impl Into<String>) -> Self {
        let name = name.into();
        let how = format!("calls {name}");
        Self::new(Harm::Calls, name, how)
    }

    /// Something runs whose effect nobody can tell.
    pub fn unknown(what: &str, about: impl Into<String>) -> Self {
        Self::runs(Harm::Runs, what, about)
    }

    /// This trigger or rule fires; `sort` is which of them.
    pub fn fires(sort: &str, name: impl Into<String>) -> Self {
        let name = name.into();
        let how = format!("fires the {sort} {name}");
        Self::new(Harm::Runs, name, how)
    }

    /// It does so for this object, which evaluates it.
    #[must_use]
    pub fn of(self, object: &str) -> Self {
        let how = format!("{} for {object}", self.how);
        Self { how, ..self }
    }

    /// Rows of this table change because of a foreign key.
    pub fn passes_on(table: &str, by: &str) -> Self {
        let how = format!("changes rows of {table}, by the {by}");
        Self::new(Harm::PassesOn, table, how)
    }
}

/// What a statement may do. DDL that evaluates nothing on rows that are there does nothing; definitions do not run.
pub fn effects(sql: &str) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                let why = breaks(node);
                found.extend(why.map(|why| Effect::new(Harm::Breaks, why, why)));
                of_statement(node, &mut found);
            }
        }
        Err(_) => {
            found.insert(unknown("a statement that cannot be read"));
        }
    }
    found
}

/// What evaluating an expression does, which stands in a query or in the definition of what evaluates it: a view, an index, a
/// check. Other than [`effects`], it says nothing of the relations that a query reads.
pub fn evaluated(sql: &str) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                match node {
                    NodeEnum::ViewStmt(view) => walk(&tree(&view.query), &mut found),
                    node => walk(&tree(node), &mut found),
                }
            }
        }
        Err(_) => _ = found.insert(unknown("an expression that cannot be read")),
    }
    found
}

/// What a definition, which a plan's own statement makes, evaluates at an access to its relation: a default for rows that come,
/// a policy for each, the rest where values are stored.
pub fn defined(sql: &str, access: &Access) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    let gives_defaults = matches!(access, Access::Inserts | Access::Defaults);
    let stores =
        gives_defaults || access.stores() || matches!(access, Access::Analyzes | Access::Vacuums);
    let is = |node: &Value, field: &str, kind: i32| node[field].as_i64() == Some(kind.into());
    let is_default = |node: &Value| {
        is(node, "contype", ConstrType::ConstrDefault as i32)
            || is(node, "subtype", AlterTableType::AtColumnDefault as i32)
    };
    match syntax::parse(sql) {
        Ok(parsed) => {
            let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
            for node in nodes.filter_map(ast::kind) {
                let is_policy = matches!(
                    node,
                    NodeEnum::CreatePolicyStmt(_) | NodeEnum::AlterPolicyStmt(_)
                );
                if stores || is_policy {
                    walk_but(
                        &tree(node),
                        &|node| !gives_defaults && is_default(node),
                        &mut found,
                    );
                }
            }
        }
        Err(_) => _ = found.insert(unknown("a statement that cannot be read")),
    }
    found
}

/// Whether event triggers may fire when a statement runs.
pub fn fires_event_triggers(sql: &str) -> bool {
    let Ok(parsed) = syntax::parse(sql) else {
        return true;
    };
    let nodes = parsed.stmts.iter().filter_map(|raw| raw.stmt.as_deref());
    nodes.filter_map(ast::kind).any(|node| match node {
        // Of these PostgreSQL does not fire any. Docs: 40.1 Overview of Event Trigger Behavior.
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => false,
        NodeEnum::SelectStmt(select) => select.into_clause.is_some(),
        NodeEnum::ReindexStmt(_) | NodeEnum::RefreshMatViewStmt(_) => true,
        node => matches!(
            StatementKind::of(node).topic,
            Topic::Schema | Topic::Subscription | Topic::Owned
        ),
    })
}

/// What is about no object.
fn unknown(what: &str) -> Effect {
    Effect::unknown(what, what)
}

fn of_statement(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    match StatementKind::of(node).does {
        Does::Nothing => {}
        Does::WhatItSays => walk(&tree(node), found),
        Does::Depends => of_parts(node, found),
        Does::Anything => _ = found.insert(of_kind(node)),
    }
}

/// A statement of which only its kind is known.
fn of_kind(node: &NodeEnum) -> Effect {
    let kind = name_of(node);
    Effect::unknown(&format!("a statement of the kind {kind}"), kind)
}

/// A statement whose parts decide what it does.
fn of_parts(node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    let effect = match node {
        NodeEnum::SelectStmt(_) | NodeEnum::DeclareCursorStmt(_) => {
            let query = tree(node);
            walk(&query, found);
            // Only what runs code is worth a SELECT in a plan.
            let read = read_by(&query).into_iter();
            found.extend(read.map(|relation| {
                let what =
                    format!("a query of {relation}, which may be a view that calls functions");
                Effect::unknown(&what, relation)
            }));
            None
        }
        NodeEnum::CreateStmt(create) => {
            if let Some(bound) = &create.partbound {
                walk(&tree(bound), found);
            }
            None
        }
        NodeEnum::AlterTableStmt(alter) => {
            let table = named(alter.relation.as_ref());
            for command in alter.cmds.iter().filter_map(ast::kind) {
                of_command(&table, command, found);
            }
            None
        }
        NodeEnum::AlterSeqStmt(alter) => {
            let restarts = alter.options.iter().any(restarts);
            restarts.then(|| {
                Effect::changes("ALTER SEQUENCE … RESTART", named(alter.sequence.as_ref()))
            })
        }
        NodeEnum::TruncateStmt(truncate) => {
            let tables = truncate.relations.iter().filter_map(ast::kind);
            found.extend(tables.filter_map(|table| match table {
                NodeEnum::RangeVar(table) => {
                    relation_name(&tree(table)).map(|it| Effect::deletes("TRUNCATE", it))
                }
                _ => None,
            }));
            None
        }
        NodeEnum::CopyStmt(copy) => {
            walk(&tree(&copy.where_clause), found);
            walk(&tree(&copy.query), found);
            Some(of_copy(copy))
        }
        NodeEnum::AlterDomainStmt(alter) => {
            if checks_values(alter) {
                walk(&tree(node), found);
            }
            None
        }
        NodeEnum::DropStmt(drop) => {
            if let Some((harm, verb)) = deletes(drop.remove_type(), drop.behavior()) {
                let objects = drop.objects.iter().filter_map(name_of_dropped);
                found.extend(objects.map(|it| Effect::runs(harm, verb, it)));
            }
            None
        }
        NodeEnum::DropOwnedStmt(drop) => {
            let roles: Vec<Value> = drop.roles.iter().map(tree).collect();
            let roles = roles
                .iter()
                .filter_map(|role| role["node"]["RoleSpec"]["rolename"].as_str());
            let verb = "DROP OWNED";
            Some(Effect::deletes(
                verb,
                format!("{verb} BY {}", join(roles.map(Ident::new), ", ")),
            ))
        }
        NodeEnum::DropdbStmt(drop) => Some(Effect::deletes(
            "DROP DATABASE",
            Ident::new(&drop.dbname).to_string(),
        )),
        // REFRESH runs the view's query with every function in it, CREATE EXTENSION and ALTER EXTENSION … UPDATE a script that
        // can do anything. By hand they need approval. Forge's own steps for a view or an extension that the tree declares do
        // not: whoever reviewed the tree has reviewed those, and the steps carry forge's mark (`forge:safe`).
        NodeEnum::RefreshMatViewStmt(refresh) => {
            let verb = "REFRESH MATERIALIZED VIEW";
            if !refresh.concurrent {
                found.extend(rewriting(verb));
            }
            Some(Effect::unknown(
                &format!("{verb}, which runs the view's query"),
                named(refresh.relation.as_ref()),
            ))
        }
        NodeEnum::VacuumStmt(vacuum) => {
            if vacuum.options.iter().any(|option| is_on(option, "full")) {
                found.extend(rewriting("VACUUM FULL"));
            }
            let every = vacuum.rels.is_empty();
            every.then(|| unknown("VACUUM or ANALYZE of every table"))
        }
        NodeEnum::ClusterStmt(cluster) => {
            found.extend(rewriting("CLUSTER"));
            cluster
                .relation
                .is_none()
                .then(|| unknown("CLUSTER of every table"))
        }
        NodeEnum::ReindexStmt(reindex) => {
            // The lock on an index stops the planning of every query on its table.
            if !reindex
                .params
                .iter()
                .any(|option| is_on(option, "concurrently"))
            {
                found.extend(rewriting("REINDEX"));
            }
            reindex
                .relation
                .is_none()
                .then(|| unknown("REINDEX of every table"))
        }
        // PostgreSQL docs: 13.3 Explicit Locking; modes count from ACCESS SHARE = 1.
        NodeEnum::LockStmt(lock) => match lock.mode {
            8.. => Some(blocking(Harm::BlocksReads, "LOCK TABLE")),
            5.. => Some(blocking(Harm::BlocksWrites, "LOCK TABLE")),
            _ => None,
        },
        NodeEnum::CreateExtensionStmt(create) => Some(script_of(&create.extname)),
        NodeEnum::AlterExtensionStmt(alter) => Some(script_of(&alter.extname)),
        // Without a handler it is a CREATE EXTENSION.
        NodeEnum::CreatePlangStmt(create) => create
            .plhandler
            .is_empty()
            .then(|| script_of(&create.plname)),
        NodeEnum::CreateFunctionStmt(create) => {
            found.extend(among_the_servers(&create.funcname));
            of_validator(create)
        }
        NodeEnum::DefineStmt(define) => among_the_servers(&define.defnames),
        NodeEnum::AlterObjectSchemaStmt(alter) if alter.newschema == "pg_catalog" => {
            let name = alter.object.as_deref().and_then(name_of_dropped);
            Some(anywhere(name.unwrap_or_default()))
        }
        NodeEnum::AlterObjectSchemaStmt(_) => None,
        // PostgreSQL calls it to see whether it suits.
        NodeEnum::CreateConversionStmt(create) => match ast::strings(&create.func_name)[..] {
            [_] | ["pg_catalog", _] => None,
            ref function => Some(Effect::calls(sql_name(function))),
        },
        // The wrapper's function checks the options.
        NodeEnum::AlterFdwStmt(wrapper) => Some(of_wrapper(&wrapper.fdwname)),
        NodeEnum::AlterForeignServerStmt(server) => Some(of_wrapper(&server.servername)),
        NodeEnum::AlterUserMappingStmt(mapping) => Some(of_wrapper(&mapping.servername)),
        NodeEnum::CreateFdwStmt(wrapper) => Some(of_wrapper(&wrapper.fdwname)),
        NodeEnum::CreateForeignServerStmt(server) => Some(of_wrapper(&server.servername)),
        NodeEnum::CreateUserMappingStmt(mapping) => Some(of_wrapper(&mapping.servername)),
        NodeEnum::CreateForeignTableStmt(create) => {
            if let Some(base) = &create.base_stmt {
                walk(&tree(&base.partbound), found);
            }
            Some(of_wrapper(&create.servername))
        }
        // Who listens may do anything.
        NodeEnum::NotifyStmt(notify) => Some(Effect::unknown(
            "NOTIFY",
            Ident::new(&notify.conditionname).to_string(),
        )),
        // A provider's library reads it.
        NodeEnum::SecLabelStmt(_) => Some(unknown("SECURITY LABEL")),
        // It runs at the end of the commands that follow.
        NodeEnum::CreateEventTrigStmt(create) => Some(Effect::unknown(
            "CREATE EVENT TRIGGER",
            Ident::new(&create.trigname).to_string(),
        )),
        NodeEnum::VariableSetStmt(set) if is_harmless_setting(set) => None,
        NodeEnum::VariableSetStmt(set) => Some(unknown(&format!("SET {}", set.name))),
        node => Some(of_kind(node)),
    };
    found.extend(effect);
}

/// What writes relations anew behind a lock that lets nobody in.
fn rewriting(verb: &'static str) -> [Effect; 2] {
    [
        blocking(Harm::BlocksReads, verb),
        Effect::runs(Harm::Rewrites, verb, verb),
    ]
}

fn blocking(harm: Harm, verb: &str) -> Effect {
    Effect::new(harm, verb, format!("until {verb} ends"))
}

/// What is defined where names without a schema are looked up: each statement of everybody's may meet it.
fn among_the_servers(name: &[Node]) -> Option<Effect> {
    let name = ast::strings(name);
    matches!(name[..], ["pg_catalog", _]).then(|| anywhere(sql_name(&name)))
}

fn anywhere(about: String) -> Effect {
    Effect::unknown(
        "a definition in pg_catalog, where every statement finds it",
        about,
    )
}

/// What a language does with the body of a function that is created. That of `plperl`, to name one, compiles it, and runs
/// what is to run then.
fn of_validator(create: &CreateFunctionStmt) -> Option<Effect> {
    let options = create.options.iter().filter_map(ast::kind);
    let language = options.into_iter().find_map(|option| match option {
        NodeEnum::DefElem(option) if option.defname == "language" => {
            match ast::kind(option.arg.as_deref()?)? {
                NodeEnum::String(name) => Some(name.sval.as_str()),
                _ => None,
            }
        }
        _ => None,
    })?;
    // Those that look at the text only.
    let is_known = ["sql", "plpgsql", "internal"].contains(&language);
    let language = Ident::new(language).to_string();
    (!is_known).then(|| {
        Effect::unknown(
            &format!("what the language {language} does with a new function"),
            language,
        )
    })
}

fn of_wrapper(about: &str) -> Effect {
    Effect::unknown(
        "the validator of a foreign-data wrapper",
        Ident::new(about).to_string(),
    )
}

fn script_of(extension: &str) -> Effect {
    let extension = Ident::new(extension).to_string();
    Effect::unknown(
        &format!("the script of the extension {extension}"),
        extension,
    )
}

/// The name of a relation that a statement is about, as SQL.
fn named(relation: Option<&RangeVar>) -> String {
    let name = relation.and_then(|relation| relation_name(&tree(relation)));
    name.unwrap_or_default()
}

fn of_copy(copy: &CopyStmt) -> Effect {
    if copy.is_program {
        unknown("COPY … PROGRAM")
    } else if copy.is_from {
        Effect::changes("COPY", named(copy.relation.as_ref()))
    } else {
        unknown("COPY … TO")
    }
}

/// How a DROP deletes rows or values, if it does.
fn deletes(sort: ObjectType, behavior: DropBehavior) -> Option<(Harm, &'static str)> {
    match sort {
        // It takes columns and tables along.
        _ if behavior == DropBehavior::DropCascade => Some((Harm::Cascades, CASCADE)),
        ObjectType::ObjectTable => Some((Harm::Deletes, "DROP TABLE")),
        // It may own tables.
        ObjectType::ObjectExtension => Some((Harm::Deletes, "DROP EXTENSION")),
        // Its position goes with it.
        ObjectType::ObjectSequence => Some((Harm::Deletes, "DROP SEQUENCE")),
        _ => None,
    }
}

const CASCADE: &str = "DROP … CASCADE";

/// The name of an object that a DROP names, as SQL, without the arguments of a function.
fn name_of_dropped(object: &Node) -> Option<String> {
    let names = match ast::kind(object)? {
        NodeEnum::String(name) => vec![name.sval.as_str()],
        NodeEnum::List(path) => ast::strings(&path.items),
        NodeEnum::TypeName(name) => ast::strings(&name.names),
        NodeEnum::ObjectWithArgs(function) => ast::strings(&function.objname),
        _ => return None,
    };
    let path: Vec<Ident> = names.into_iter().map(Ident::new).collect();
    Some(dotted(&path))
}

/// A command of ALTER TABLE. Expressions count where they are evaluated for the rows that are there.
fn of_command(table: &str, node: &NodeEnum, found: &mut BTreeSet<Effect>) {
    let NodeEnum::AlterTableCmd(command) = node else {
        return;
    };
    let part = || format!("{table}.{}", Ident::new(&command.name));
    match command.subtype() {
        _ if command.behavior() == DropBehavior::DropCascade => {
            found.insert(Effect::runs(Harm::Cascades, CASCADE, part()));
        }
        AlterTableType::AtDropColumn => {
            found.insert(Effect::deletes("DROP COLUMN", part()));
        }
        // The default of rows that come.
        AlterTableType::AtColumnDefault => {}
        AlterTableType::AtAlterColumnType => {
            // USING can give any value, and a cast can round one.
            found.insert(Effect::changes("ALTER COLUMN … TYPE", part()));
            walk(&tree(node), found);
        }
        AlterTableType::AtSetIdentity if command.def.as_deref().is_some_and(restarts) => {
            found.insert(Effect::changes("ALTER COLUMN … RESTART", part()));
        }
        _ => walk(&tree(node), found),
    }
}

/// Whether options of a sequence give it another position: ids that were given out may be given out again.
fn restarts(options: &Node) -> bool {
    let is_restart = |option: &Node| matches!(ast::kind(option), Some(NodeEnum::DefElem(option)) if option.defname == "restart");
    match ast::kind(options) {
        Some(NodeEnum::List(list)) => list.items.iter().any(is_restart),
        _ => is_restart(options),
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

/// The statement's kind, as the parser calls it.
fn name_of(node: &NodeEnum) -> String {
    match tree(node) {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// Looks through a statement or an expression for what it does.
fn walk(value: &Value, found: &mut BTreeSet<Effect>) {
    walk_but(value, &|_| false, found);
}

/// As [`walk`], but for the nodes that are left out with all that is in them.
fn walk_but(value: &Value, is_left_out: &impl Fn(&Value) -> bool, found: &mut BTreeSet<Effect>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk_but(item, is_left_out, found)),
        Value::Object(_) if is_left_out(value) => {}
        Value::Object(fields) => {
            for (kind, field) in fields {
                of_node(kind, field, found);
                walk_but(field, is_left_out, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a node of this kind does by itself.
fn of_node(kind: &str, fields: &Value, found: &mut BTreeSet<Effect>) {
    let relation = || relation_name(&fields["relation"]).unwrap_or_default();
    let effect = match kind {
        "InsertStmt" => Some(Effect::changes("INSERT", relation())),
        "UpdateStmt" => Some(Effect::changes("UPDATE", relation())),
        "MergeStmt" => Some(Effect::deletes("MERGE", relation())),
        "DeleteStmt" => Some(Effect::deletes("DELETE", relation())),
        "ExecuteStmt" => Some(unknown("EXECUTE")),
        "DoStmt" => Some(unknown("DO")),
        "CallStmt" => {
            let procedure = strings(fields["funccall"].get("funcname"));
            Some(Effect::unknown("CALL", sql_name(&procedure)))
        }
        "FuncCall" => {
            let name = strings(fields.get("funcname"));
            match name[..] {
                ["pg_catalog", function] | [function] if is_harmless_function(function) => None,
                ["pg_catalog", function] | [function] => {
                    let function = sql_name(&[function]);
                    Some(Effect::unknown(
                        &format!("the function {function}"),
                        function,
                    ))
                }
                _ => Some(Effect::calls(sql_name(&name))),
            }
        }
        "AExpr" => operator(fields.get("name")),
        "SubLink" => operator(fields.get("oper_name")),
        "SortBy" => operator(fields.get("use_op")),
        "IndexElem" => {
            let class = strings(fields.get("opclass"));
            match class[..] {
                [] | [_] | ["pg_catalog", _] => None,
                _ => Some(of_class(&sql_name(&class))),
            }
        }
        "RangeTableSample" => match strings(fields.get("method"))[..] {
            ["pg_catalog", "bernoulli" | "system"] | ["bernoulli" | "system"] => None,
            ref method => Some(Effect::calls(sql_name(method))),
        },
        "Constraint" => {
            let exclusions = fields["exclusions"].as_array().into_iter().flatten();
            found.extend(exclusions.filter_map(|it| {
                operator(it["node"]["List"]["items"][1]["node"]["List"].get("items"))
            }));
            None
        }
        _ => None,
    };
    found.extend(effect);
}

/// The call of an operator that is not PostgreSQL's own.
fn operator(name: Option<&Value>) -> Option<Effect> {
    match strings(name)[..] {
        [] | [_] | ["pg_catalog", _] => None,
        [ref schema @ .., operator] => {
            Some(Effect::calls(format!("{}.{operator}", sql_name(schema))))
        }
    }
}

/// A name of several parts, as SQL.
fn sql_name(parts: &[&str]) -> String {
    let path: Vec<Ident> = parts.iter().map(Ident::new).collect();
    dotted(&path)
}

/// What the functions of an operator class do, which index, sort and compare values.
fn of_class(class: &str) -> Effect {
    Effect::unknown(&format!("the operator class {class}"), class)
}

/// The functions and operators without a schema that run when a statement does: where the search path is not forge's, they
/// may be anybody's.
pub fn unqualified(sql: &str) -> BTreeSet<Effect> {
    names_without_schema(sql, |node| StatementKind::of(node).does != Does::Nothing)
}

/// The same that a definition names, which run where it is evaluated.
pub fn unqualified_within(sql: &str) -> BTreeSet<Effect> {
    names_without_schema(sql, |_| true)
}

fn names_without_schema(sql: &str, runs: impl Fn(&NodeEnum) -> bool) -> BTreeSet<Effect> {
    let mut found = BTreeSet::new();
    let parsed = syntax::parse(sql);
    let nodes = parsed.iter().flat_map(|parsed| &parsed.stmts);
    let nodes = nodes.filter_map(|raw| ast::kind(raw.stmt.as_deref()?));
    for node in nodes.filter(|node| runs(node)) {
        names_alone(&tree(node), &mut found);
    }
    found
}

fn names_alone(value: &Value, found: &mut BTreeSet<Effect>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_alone(item, found)),
        Value::Object(fields) => {
            for (kind, field) in fields {
                let name = match kind.as_str() {
                    "FuncCall" => field.get("funcname"),
                    "AExpr" => field.get("name"),
                    "SubLink" => field.get("oper_name"),
                    "SortBy" => field.get("use_op"),
                    _ => None,
                };
                if let [name] = strings(name)[..] {
                    let is_operator = kind != "FuncCall";
                    let name = if is_operator {
                        name.to_owned()
                    } else {
                        sql_name(&[name])
                    };
                    found.insert(Effect::calls(name));
                }
                names_alone(field, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
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
mod tests;
