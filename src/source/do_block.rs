//! DO blocks that leave the schema alone: scripts often create their roles in one, if they aren't there yet.

use pg_query::NodeEnum;
use serde_json::Value;

use super::ast;

/// Whether a DO statement can do nothing but create, alter, grant or drop roles.
pub(super) fn is_about_roles(statement: &str) -> bool {
    pg_query::parse_plpgsql(statement).is_ok_and(|parsed| harmless(&parsed))
}

/// Whether each plpgsql statement below is plain control flow, or about roles.
fn harmless(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(harmless),
        Value::Object(fields) => fields.iter().all(|(name, field)| {
            match name.strip_prefix("PLpgSQL_stmt_") {
                Some("execsql") => query(field).is_some_and(is_role_statement),
                Some("block" | "if" | "case" | "raise" | "return") | None => harmless(field),
                // The rest assigns, loops, calls functions or runs text that isn't known yet.
                Some(_) => false,
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn query(statement: &Value) -> Option<&str> {
    statement
        .get("sqlstmt")?
        .get("PLpgSQL_expr")?
        .get("query")?
        .as_str()
}

fn is_role_statement(sql: &str) -> bool {
    let Ok(parsed) = pg_query::parse(sql, 0) else {
        return false;
    };
    let mut nodes = parsed
        .protobuf
        .stmts
        .iter()
        .filter_map(|raw| raw.stmt.as_deref());
    nodes.all(|node| {
        matches!(
            ast::kind(node),
            Some(
                NodeEnum::CreateRoleStmt(_)
                    | NodeEnum::AlterRoleStmt(_)
                    | NodeEnum::AlterRoleSetStmt(_)
                    | NodeEnum::DropRoleStmt(_)
                    | NodeEnum::GrantRoleStmt(_)
            )
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_about_roles_are_told_from_others() {
        fn check(body: &str, expected: bool) {
            assert_eq!(
                is_about_roles(&format!("DO $$ {body} $$")),
                expected,
                "{body}"
            );
        }
        check(
            "BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN CREATE ROLE app; END IF; END",
            true,
        );
        check(
            "BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END",
            true,
        );
        check("BEGIN IF true THEN END IF; END", true);
        check("BEGIN CREATE TABLE t (); END", false);
        check("BEGIN PERFORM f(); END", false);
        check("BEGIN EXECUTE 'CREATE ROLE app'; END", false);
        check(
            "BEGIN IF true THEN CREATE ROLE a; ELSE DROP TABLE t; END IF; END",
            false,
        );
        check("not plpgsql", false);
    }
}
