//! Which roles statements name, and statements in which another role takes a role's place.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use pg_query::{NodeEnum, protobuf::RoleSpecType};
use serde_json::Value;

use super::{
    ast,
    references::roles_in,
    syntax,
    tokens::{self, bounds},
};
use crate::sql::Ident;

/// The roles of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolesOf {
    /// Those that have to be there.
    pub named: BTreeSet<String>,
    /// Those that it creates.
    pub made: BTreeSet<String>,
}

/// The roles that a statement names and creates: as an owner, a grantee, a member, whom a policy is for. What can't be parsed
/// names none: it fails where it is run.
pub fn needed_roles(sql: &str) -> RolesOf {
    let mut roles = RolesOf {
        named: roles_in(sql),
        ..RolesOf::default()
    };
    let Ok(parsed) = syntax::parse(sql) else {
        return roles;
    };
    for node in parsed
        .stmts
        .iter()
        .filter_map(|raw| ast::kind(raw.stmt.as_deref()?))
    {
        match node {
            NodeEnum::CreateRoleStmt(create) => _ = roles.made.insert(create.role.clone()),
            NodeEnum::GrantRoleStmt(grant) => {
                for role in grant.granted_roles.iter().filter_map(ast::kind) {
                    if let NodeEnum::AccessPriv(role) = role {
                        roles.named.insert(role.priv_name.clone());
                    }
                }
            }
            // Whoever isn't there needs not go.
            NodeEnum::DropRoleStmt(drop) if drop.missing_ok => roles.named.clear(),
            _ => {}
        }
    }
    roles
}

/// The statements with the stand-in wherever they name a role that has one. What can't be parsed stays as it is: it fails where
/// it is run.
pub fn with_stand_ins<'a>(sql: Cow<'a, str>, stand_ins: &BTreeMap<Ident, Ident>) -> Cow<'a, str> {
    if !stand_ins.keys().any(|role| sql.contains(role.as_str())) {
        return sql;
    }
    let (Ok(parsed), Ok(scanned)) = (syntax::parse(&sql), tokens::scan(&sql)) else {
        return sql;
    };
    let tree = serde_json::to_value(&parsed).expect("the syntax tree is plain data");
    let mut places = Vec::new();
    find(&tree, stand_ins, &mut places);
    places.sort_unstable();
    let mut text = sql.into_owned();
    for (place, stand_in) in places.into_iter().rev() {
        let token = scanned
            .iter()
            .map(bounds)
            .find(|token| token.start == place);
        if let Some(token) = token {
            text.replace_range(token, &stand_in.to_string());
        }
    }
    Cow::Owned(text)
}

/// Where the tree names a role that has a stand-in, in bytes.
fn find<'a>(
    value: &Value,
    stand_ins: &'a BTreeMap<Ident, Ident>,
    places: &mut Vec<(usize, &'a Ident)>,
) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, stand_ins, places)),
        Value::Object(fields) => {
            let is_name = fields
                .get("roletype")
                .is_some_and(|kind| kind.as_i64() == Some(RoleSpecType::RolespecCstring as i64));
            let role = fields.get("rolename").and_then(Value::as_str);
            if let Some(place) = fields.get("location").and_then(Value::as_u64)
                && let Some(stand_in) = role.and_then(|role| stand_ins.get(&Ident::new(role)))
                && is_name
            {
                places.extend(usize::try_from(place).map(|place| (place, stand_in)));
            }
            fields
                .values()
                .for_each(|field| find(field, stand_ins, places));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_have_to_be_there() {
        fn check(sql: &str, expected: &[&str]) {
            let named: Vec<String> = needed_roles(sql).named.into_iter().collect();
            assert_eq!(named, expected, "{sql}");
        }
        check("GRANT SELECT ON app.t TO a, PUBLIC, CURRENT_USER", &["a"]);
        check("GRANT SELECT (x) ON app.t TO a", &["a"]);
        check("REVOKE SELECT ON app.t FROM a", &["a"]);
        check("GRANT USAGE ON SCHEMA app TO a", &["a"]);
        check("GRANT EXECUTE ON FUNCTION app.f() TO a", &["a"]);
        check(
            "GRANT USAGE ON SEQUENCE app.s TO a GRANTED BY b",
            &["a", "b"],
        );
        check("GRANT a TO b", &["a", "b"]);
        check(
            "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b",
            &["a", "b"],
        );
        check("CREATE POLICY p ON app.t TO a USING (true)", &["a"]);
        check("ALTER POLICY p ON app.t TO a", &["a"]);
        check("ALTER TABLE app.t OWNER TO a", &["a"]);
        check("ALTER FUNCTION app.f() OWNER TO a", &["a"]);
        check("ALTER SCHEMA app OWNER TO a", &["a"]);
        check("CREATE SCHEMA app AUTHORIZATION a", &["a"]);
        check("REASSIGN OWNED BY a TO b", &["a", "b"]);
        check("DROP OWNED BY a", &["a"]);
        check("CREATE ROLE a", &[]);
        check("CREATE ROLE a IN ROLE b ROLE c", &["b", "c"]);
        check("ALTER ROLE a NOLOGIN", &["a"]);
        check("DROP ROLE a", &["a"]);
        check("DROP ROLE IF EXISTS a", &[]);
        check("SET ROLE a", &[]);
        check("no SQL", &[]);
    }

    #[test]
    fn a_role_takes_anothers_place() {
        fn check(sql: &str, expected: &str) {
            let stand_ins = [("app", "My App"), ("reader", "other")];
            let stand_ins = stand_ins.map(|(role, other)| (Ident::new(role), Ident::new(other)));
            let replaced = with_stand_ins(Cow::Borrowed(sql), &BTreeMap::from(stand_ins));
            assert_eq!(replaced, expected);
        }
        check(
            "ALTER SEQUENCE app.app OWNER TO app",
            "ALTER SEQUENCE app.app OWNER TO \"My App\"",
        );
        check(
            "GRANT SELECT ON app.app TO app, other, \"app\", reader",
            "GRANT SELECT ON app.app TO \"My App\", other, \"My App\", other",
        );
        check(
            "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES FOR ROLE \"My App\" GRANT SELECT ON TABLES TO PUBLIC",
        );
        check(
            "COMMENT ON TABLE app.t IS 'app'",
            "COMMENT ON TABLE app.t IS 'app'",
        );
        check("not SQL, app", "not SQL, app");
    }
}
