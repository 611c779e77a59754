//! Statements that say whose an object is.

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableStmt, AlterTableType, RoleSpec},
};

use super::{Sort, Symbol, ast, named};

/// The object to which a statement gives an owner by name.
pub(super) fn owned(node: &NodeEnum) -> Option<Symbol> {
    match node {
        NodeEnum::AlterOwnerStmt(alter) => {
            let object = ast::kind(alter.object.as_deref()?)?;
            named::object(alter.object_type(), object)
        }
        // Whatever relation it is: ALTER TABLE takes views and sequences as well.
        NodeEnum::AlterTableStmt(alter) => {
            new_owners(alter).next()?;
            Some(ast::relation(Sort::Relation, alter.relation.as_ref()?))
        }
        NodeEnum::CreateSchemaStmt(schema) => {
            schema.authrole.as_ref()?;
            Some(named::schema_of(schema))
        }
        _ => None,
    }
}

/// The owners that the commands of an ALTER TABLE name.
pub(super) fn new_owners(alter: &AlterTableStmt) -> impl Iterator<Item = &RoleSpec> {
    let commands = alter.cmds.iter().filter_map(ast::kind);
    commands.filter_map(|command| match command {
        NodeEnum::AlterTableCmd(command) if command.subtype() == AlterTableType::AtChangeOwner => {
            command.newowner.as_ref()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syntax;

    #[test]
    fn a_statement_says_whose_an_object_is() {
        fn check(sql: &str, expected: Option<&str>) {
            let parsed = syntax::parse(sql).unwrap();
            let node = ast::kind(parsed.stmts[0].stmt.as_deref().unwrap()).unwrap();
            let owned = owned(node).map(|symbol| format!("{} {symbol}", symbol.sort.words()));
            assert_eq!(owned.as_deref(), expected, "{sql}");
        }
        check("ALTER TABLE app.t OWNER TO app", Some("relation app.t"));
        check("ALTER TABLE t ADD c int, OWNER TO app", Some("relation t"));
        check("ALTER VIEW v OWNER TO CURRENT_USER", Some("relation v"));
        check("ALTER SEQUENCE s OWNER TO app", Some("relation s"));
        check("ALTER SEQUENCE s OWNED BY t.c", None);
        check("ALTER SCHEMA public OWNER TO app", Some("schema public"));
        check("ALTER TYPE app.mood OWNER TO app", Some("type app.mood"));
        check("ALTER DOMAIN d OWNER TO app", Some("domain d"));
        check(
            "ALTER FUNCTION app.f(integer, text[]) OWNER TO app",
            Some("function app.f(int4, text[])"),
        );
        check("CREATE SCHEMA app", None);
        check("CREATE SCHEMA app AUTHORIZATION me", Some("schema app"));
        check("CREATE SCHEMA AUTHORIZATION me", Some("schema me"));
        check("ALTER TABLE t ADD c int", None);
    }
}
