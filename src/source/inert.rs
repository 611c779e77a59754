//! Statements that want more privileges than an ordinary role has, and evaluate nothing of the tree.
//!
//! Code of the tree is never run with more than an ordinary role's privileges. Some statements ask for a superuser all the
//! same: those that are listed here, and no others, may be run as one, because they hold no expression and call no function,
//! validator or trigger that a file of the tree could have defined. Even a constant isn't safe: reading the literal of a
//! range type calls its subtype's comparison.

use pg_query::{
    Node, NodeEnum,
    protobuf::{CreateFunctionStmt, ObjectType, RoleSpec, RoleSpecType},
};

use super::{ast, leakproof, owner, syntax};

/// A statement that may be run with a superuser's privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inert {
    /// By whom.
    pub performer: Performer,
    /// The role that becomes the owner of something.
    pub owner: Option<String>,
    /// Whether only its `LEAKPROOF` needs the privileges: the rest may hold expressions ([`leakproof`](super::leakproof())).
    pub leakproof: bool,
    /// The library below the server's own folder that it takes a function from.
    pub library: Option<String>,
    /// Whether it is about an event trigger. Such statements set none off.
    pub about_event_trigger: bool,
    /// Whether it gives a schema away.
    pub about_schema: bool,
}

/// What a statement does to extensions and to nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutExtensions {
    /// The extensions.
    pub names: Vec<String>,
    /// The schema that it names for one.
    pub schema: Option<String>,
    /// Whether it runs an extension's script.
    pub runs_script: bool,
    /// Whether it brings along the extensions that one requires.
    pub cascades: bool,
}

/// What a statement, given as text, does to extensions; none if it does anything else.
pub fn about_extensions(sql: &str) -> Option<AboutExtensions> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    let plain = |names| AboutExtensions {
        names,
        schema: None,
        runs_script: false,
        cascades: false,
    };
    let named = |node: &Node| match ast::kind(node) {
        Some(NodeEnum::String(name)) => Some(vec![name.sval.clone()]),
        _ => None,
    };
    match ast::kind(statement.stmt.as_deref()?)? {
        NodeEnum::CreateExtensionStmt(create) => {
            let option = |name: &str| {
                let options = create.options.iter().filter_map(ast::kind);
                options
                    .filter_map(|option| match option {
                        NodeEnum::DefElem(element) => Some(element),
                        _ => None,
                    })
                    .find(|element| element.defname == name)
            };
            let schema = option("schema").and_then(|element| named(element.arg.as_deref()?));
            Some(AboutExtensions {
                schema: schema.into_iter().flatten().next(),
                runs_script: true,
                cascades: option("cascade").is_some(),
                ..plain(vec![create.extname.clone()])
            })
        }
        NodeEnum::DropStmt(drop) if drop.remove_type() == ObjectType::ObjectExtension => {
            let dropped = ast::strings(&drop.objects).into_iter();
            Some(plain(dropped.map(str::to_owned).collect()))
        }
        NodeEnum::CommentStmt(comment) if comment.objtype() == ObjectType::ObjectExtension => {
            named(comment.object.as_deref()?).map(plain)
        }
        NodeEnum::AlterObjectSchemaStmt(alter)
            if alter.object_type() == ObjectType::ObjectExtension =>
        {
            named(alter.object.as_deref()?).map(plain)
        }
        _ => None,
    }
}

/// Who runs a statement that needs a superuser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Performer {
    /// The role that loads the tree, made a superuser for it, because what it creates belongs to that role.
    Loader,
    /// The server's administrator: an extension's functions must not belong to a role that runs the tree's code.
    Administrator,
}

/// Whether a statement, given as text, may be run with a superuser's privileges.
pub fn inert(sql: &str) -> Option<Inert> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    of(ast::kind(statement.stmt.as_deref()?)?)
}

/// Whether a statement may be run with a superuser's privileges.
pub(super) fn of(node: &NodeEnum) -> Option<Inert> {
    let plain = Inert {
        performer: Performer::Loader,
        owner: None,
        leakproof: false,
        library: None,
        about_event_trigger: false,
        about_schema: false,
    };
    match node {
        NodeEnum::CreateExtensionStmt(_) => Some(Inert {
            performer: Performer::Administrator,
            ..plain
        }),
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => Some(Inert {
            about_event_trigger: true,
            ..plain
        }),
        NodeEnum::AlterOwnerStmt(alter) => Some(Inert {
            owner: alter.newowner.as_ref().and_then(role),
            about_event_trigger: alter.object_type() == ObjectType::ObjectEventTrigger,
            about_schema: alter.object_type() == ObjectType::ObjectSchema,
            ..plain
        }),
        // One that does nothing else.
        NodeEnum::AlterTableStmt(alter) if alter.cmds.len() == 1 => Some(Inert {
            owner: role(owner::new_owners(alter).next()?),
            ..plain
        }),
        NodeEnum::CreateFunctionStmt(function) => match origin(function)? {
            Origin::Text => Some(Inert {
                leakproof: true,
                ..plain
            }),
            Origin::Library(library) => Some(Inert {
                library: Some(library),
                ..plain
            }),
        },
        NodeEnum::AlterFunctionStmt(alter) => {
            let leakproof = alter.actions.iter().filter_map(ast::kind).all(
                |action| matches!(action, NodeEnum::DefElem(element) if element.defname == "leakproof"),
            );
            leakproof.then_some(plain)
        }
        // The function would be called at once.
        NodeEnum::CreateFdwStmt(wrapper) if wrapper.func_options.is_empty() => Some(plain),
        NodeEnum::CreatePublicationStmt(publication) => {
            (!filters_rows(&publication.pubobjects)).then_some(plain)
        }
        NodeEnum::AlterPublicationStmt(publication) => {
            (!filters_rows(&publication.pubobjects)).then_some(plain)
        }
        NodeEnum::GrantStmt(grant) if grant.objtype() == ObjectType::ObjectFdw => Some(plain),
        NodeEnum::AlterObjectSchemaStmt(alter)
            if alter.object_type() == ObjectType::ObjectExtension =>
        {
            // Its objects belong to who has created it.
            Some(Inert {
                performer: Performer::Administrator,
                ..plain
            })
        }
        NodeEnum::CommentStmt(comment) => Some(Inert {
            about_event_trigger: comment.objtype() == ObjectType::ObjectEventTrigger,
            ..plain
        }),
        NodeEnum::DropStmt(drop) => Some(Inert {
            about_event_trigger: drop.remove_type() == ObjectType::ObjectEventTrigger,
            ..plain
        }),
        NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::AlterOpFamilyStmt(_)
        | NodeEnum::CreateAmStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::SecLabelStmt(_) => Some(plain),
        _ => None,
    }
}

/// Whether a publication chooses rows, by expressions.
fn filters_rows(objects: &[Node]) -> bool {
    objects
        .iter()
        .filter_map(ast::kind)
        .any(|object| match object {
            NodeEnum::PublicationObjSpec(object) => object
                .pubtable
                .as_ref()
                .is_some_and(|table| table.where_clause.is_some()),
            _ => true,
        })
}

/// The name of a role, unless it's the current one.
fn role(role: &RoleSpec) -> Option<String> {
    (role.roletype() == RoleSpecType::RolespecCstring).then(|| role.rolename.clone())
}

/// Where the body of a function comes from.
enum Origin {
    /// The statement.
    Text,
    /// A library below the server's own folder.
    Library(String),
}

/// The origin of a function that may want a superuser: one that is to be leakproof, or that comes from a library and has no
/// expressions for defaults. Functions of the server itself are for its owner alone.
fn origin(function: &CreateFunctionStmt) -> Option<Origin> {
    let expressions = function.sql_body.is_some()
        || function
            .parameters
            .iter()
            .filter_map(ast::kind)
            .any(|node| matches!(node, NodeEnum::FunctionParameter(parameter) if parameter.defexpr.is_some()));
    let option = |name: &str| {
        let mut elements = function
            .options
            .iter()
            .filter_map(ast::kind)
            .filter_map(|node| match node {
                NodeEnum::DefElem(element) if element.defname == name => {
                    Some(element.arg.as_deref().and_then(ast::kind))
                }
                _ => None,
            });
        elements.next().flatten()
    };
    let language = match option("language") {
        Some(NodeEnum::String(language)) => language.sval.to_ascii_lowercase(),
        None if function.sql_body.is_some() => "sql".to_owned(),
        Some(_) | None => return None,
    };
    match language.as_str() {
        "sql" | "plpgsql" => leakproof::place(function).map(|_| Origin::Text),
        "c" if !expressions => {
            let Some(NodeEnum::List(body)) = option("as") else {
                return None;
            };
            let library = ast::strings(&body.items)
                .first()?
                .strip_prefix("$libdir/")?;
            Some(Origin::Library(library.to_owned()))
        }
        // Whatever else wants a superuser to create its functions could do anything when they run.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_evaluates_nothing_is_inert() {
        fn check(sql: &str, expected: bool) {
            assert_eq!(inert(sql).is_some(), expected, "{sql}");
        }
        check("CREATE EXTENSION dblink", true);
        check("ALTER TABLE t OWNER TO app", true);
        check("ALTER TABLE t OWNER TO app, ADD c int DEFAULT f()", false);
        check("ALTER TABLE t ADD c int", false);
        check("CREATE TABLE t (a int)", false);
        check("CREATE INDEX ON t ((f(1)))", false);
        check("CREATE MATERIALIZED VIEW m AS SELECT f()", false);
        check("DO $$ BEGIN END $$", false);
        check("SELECT f()", false);
        check("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO app", false);
        check("GRANT USAGE ON FOREIGN DATA WRAPPER w TO app", true);
        check(
            "CREATE FUNCTION f() RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1'",
            true,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            false,
        );
        check(
            "CREATE FUNCTION f(a int DEFAULT g()) RETURNS int LEAKPROOF LANGUAGE sql AS 'SELECT 1'",
            true,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LEAKPROOF BEGIN ATOMIC SELECT 1; END",
            true,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql NOT LEAKPROOF AS 'SELECT 1'",
            false,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/citext', 'citextin'",
            true,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'be_lo_export'",
            false,
        );
        check(
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS ''",
            false,
        );
        check("CREATE FOREIGN DATA WRAPPER w", true);
        check("CREATE FOREIGN DATA WRAPPER w VALIDATOR f", false);
        check("CREATE CAST (bigint AS text) WITHOUT FUNCTION", false);
        check("CREATE PUBLICATION p FOR ALL TABLES", true);
        check(
            "CREATE PUBLICATION p FOR TABLE t (a), TABLES IN SCHEMA s",
            true,
        );
        check("ALTER PUBLICATION p ADD TABLES IN SCHEMA s", true);
        check("ALTER PUBLICATION p ADD TABLE t WHERE (f())", false);
        check("CREATE PUBLICATION p FOR TABLE t WHERE (f())", false);
        check("COMMENT ON EXTENSION e IS 'x'; SELECT f()", false);
    }

    #[test]
    fn statements_about_extensions_are_known() {
        fn check(sql: &str, names: &[&str], schema: Option<&str>, [script, cascades]: [bool; 2]) {
            let about = about_extensions(sql).unwrap();
            assert_eq!(about.names, names, "{sql}");
            assert_eq!(about.schema.as_deref(), schema, "{sql}");
            assert_eq!((about.runs_script, about.cascades), (script, cascades));
        }
        check("CREATE EXTENSION \"A b\"", &["A b"], None, [true, false]);
        check(
            "CREATE EXTENSION a SCHEMA s CASCADE",
            &["a"],
            Some("s"),
            [true, true],
        );
        check(
            "DROP EXTENSION a, b CASCADE",
            &["a", "b"],
            None,
            [false, false],
        );
        check(
            "COMMENT ON EXTENSION a IS 'x'",
            &["a"],
            None,
            [false, false],
        );
        check(
            "ALTER EXTENSION a SET SCHEMA s",
            &["a"],
            None,
            [false, false],
        );
        for other in [
            "ALTER EXTENSION a UPDATE",
            "ALTER EXTENSION a ADD TABLE t",
            "DROP TABLE a",
            "COMMENT ON TABLE a IS 'x'",
            "DROP EXTENSION a; SELECT 1",
        ] {
            assert_eq!(about_extensions(other), None, "{other}");
        }
    }

    #[test]
    fn new_owners_are_known() {
        fn check(sql: &str, expected: Option<&str>) {
            assert_eq!(inert(sql).unwrap().owner.as_deref(), expected, "{sql}");
        }
        check("ALTER TABLE t OWNER TO app", Some("app"));
        check("ALTER FUNCTION f() OWNER TO app", Some("app"));
        check("ALTER SCHEMA s OWNER TO CURRENT_USER", None);
    }
}
