//! Privileges on what the tree doesn't define: what belongs to an extension, or to the server itself.

use std::collections::BTreeMap;

use pg_query::{
    NodeEnum,
    protobuf::{GrantTargetType, ObjectType, Token},
};

use super::{
    Namespace, Sort, Statement, Symbol, ast, syntax,
    tokens::{self, bounds, is_comment},
};
use crate::sql::{self, Ident, Literal};

/// What the statements of a tree define.
pub struct Defined<'a> {
    schemas: BTreeMap<(Namespace, &'a Ident), Vec<Option<&'a Ident>>>,
}

impl<'a> Defined<'a> {
    /// Reads what they define.
    pub fn by(statements: &'a [Statement]) -> Self {
        let mut schemas: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for symbol in statements.iter().flat_map(Statement::symbols) {
            let name = (symbol.namespace(), &symbol.name);
            schemas
                .entry(name)
                .or_default()
                .push(symbol.schema.as_ref());
        }
        Self { schemas }
    }

    /// Whether a statement grants or revokes privileges on what it names, and the tree doesn't define all of that.
    pub fn lacks_what_is_granted(&self, statement: &Statement) -> bool {
        !statement
            .rare()
            .granted
            .iter()
            .all(|symbol| self.has(symbol))
    }

    fn has(&self, symbol: &Symbol) -> bool {
        if symbol.sort == Sort::Schema && symbol.name.as_str() == "public" {
            return true;
        }
        let schemas = self.schemas.get(&(symbol.namespace(), &symbol.name));
        let wanted = symbol.schema.as_ref();
        schemas.is_some_and(|schemas| wanted.is_none() || schemas.contains(&wanted))
    }
}

/// Which objects of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Those that belong to extensions.
    OfExtensions,
    /// The others.
    Own,
}

/// `GRANT … ON ALL … IN SCHEMA …`, or such a REVOKE, as a program that does it for a share of the objects; none for other
/// statements. The program calls nothing that code of the tree could have defined.
pub fn granted_on_share(sql: &str, share: Share) -> Option<String> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    let NodeEnum::GrantStmt(grant) = ast::kind(statement.stmt.as_deref()?)? else {
        return None;
    };
    if grant.targtype() != GrantTargetType::AclTargetAllInSchema {
        return None;
    }
    let (noun, catalog, prefix, address, kinds) = match grant.objtype() {
        ObjectType::ObjectTable => ("TABLE", "pg_class", "rel", "regclass", "r,p,v,m,f"),
        ObjectType::ObjectSequence => ("SEQUENCE", "pg_class", "rel", "regclass", "S"),
        ObjectType::ObjectFunction => ("FUNCTION", "pg_proc", "pro", "regprocedure", "f,a,w"),
        ObjectType::ObjectProcedure => ("PROCEDURE", "pg_proc", "pro", "regprocedure", "p"),
        ObjectType::ObjectRoutine => ("ROUTINE", "pg_proc", "pro", "regprocedure", "f,a,w,p"),
        _ => return None,
    };
    let (what, whom) = around_all(sql)?;
    let schemas = ast::strings(&grant.objects).into_iter();
    let schemas = schemas.map(|schema| Literal(&Ident::new(schema).to_string()).to_string());
    let schemas = sql::join(schemas, ", ");
    let is_share = match share {
        Share::OfExtensions => "",
        Share::Own => "NOT ",
    };
    let program = format!(
        "DECLARE object pg_catalog.text; BEGIN \
         FOR object IN SELECT o.oid::pg_catalog.{address}::pg_catalog.text FROM pg_catalog.{catalog} o \
         WHERE o.{prefix}namespace OPERATOR(pg_catalog.=) ANY (ARRAY[{schemas}]::pg_catalog.regnamespace[]) \
         AND o.{prefix}kind OPERATOR(pg_catalog.=) ANY ('{{{kinds}}}'::pg_catalog.\"char\"[]) \
         AND {is_share}EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog.\"char\" \
         AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.{catalog}'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) o.oid) \
         LOOP EXECUTE pg_catalog.concat({}, object, {}); END LOOP; END",
        Literal(&format!("{what} {noun} ")),
        Literal(&format!(" {whom}")),
    );
    Some(format!("DO {}", Literal(&program)))
}

/// The text before `ALL … IN SCHEMA …`, and the one after it.
fn around_all(sql: &str) -> Option<(&str, &str)> {
    let tokens = tokens::scan(sql).ok()?;
    let tokens: Vec<_> = tokens.iter().filter(|token| !is_comment(token)).collect();
    let on = tokens
        .windows(2)
        .find(|pair| pair[0].token() == Token::On && pair[1].token() == Token::All)?[0];
    let whom = tokens
        .iter()
        .find(|token| token.start > on.start && matches!(token.token(), Token::To | Token::From))?;
    Some((&sql[..bounds(on).end], &sql[bounds(whom).start..]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{diagnostic::SourceFile, source::Tree};

    #[test]
    fn what_the_tree_does_not_define_is_anothers() {
        fn check(grant: &str, expected: bool) {
            let text = format!(
                "CREATE TABLE app.t (id serial);\nCREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n{grant}"
            );
            let file = Arc::new(SourceFile {
                path: "all.sql".into(),
                text,
            });
            let statements = Tree { files: vec![file] }.parse().unwrap();
            let found = Defined::by(&statements).lacks_what_is_granted(statements.last().unwrap());
            assert_eq!(found, expected, "{grant}");
        }
        check("GRANT SELECT ON app.t TO app;", false);
        check("GRANT SELECT (id) ON app.t TO app;", false);
        check("GRANT USAGE ON SEQUENCE app.t_id_seq TO app;", false);
        check("GRANT EXECUTE ON FUNCTION app.f() TO app;", false);
        check("GRANT USAGE ON SCHEMA public TO app;", false);
        check("GRANT SELECT ON ALL TABLES IN SCHEMA app TO app;", false);
        check("CREATE TABLE other.t (a int);", false);
        check(
            "REVOKE ALL ON FUNCTION dblink_connect_u(text) FROM PUBLIC;",
            true,
        );
        check("GRANT SELECT ON app.t, other.u TO app;", true);
        check("GRANT SELECT ON other.t TO app;", true);
        check(
            "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO app;",
            true,
        );
        check("GRANT USAGE ON LANGUAGE plpgsql TO app;", true);
    }

    #[test]
    fn what_is_said_of_all_is_said_of_each() {
        let around = |sql| around_all(sql);
        assert_eq!(
            around("GRANT ALL ON ALL TABLES IN SCHEMA a, \"to\" TO app WITH GRANT OPTION"),
            Some(("GRANT ALL ON", "TO app WITH GRANT OPTION"))
        );
        assert_eq!(
            around(
                "REVOKE GRANT OPTION FOR SELECT ON /* x */ ALL TABLES IN SCHEMA a FROM app CASCADE"
            ),
            Some(("REVOKE GRANT OPTION FOR SELECT ON", "FROM app CASCADE"))
        );
        for other in [
            "GRANT SELECT ON t TO app",
            "CREATE TABLE t ()",
            "GRANT a TO b",
        ] {
            assert_eq!(granted_on_share(other, Share::Own), None, "{other}");
        }
    }
}
