//! Statements that delete rows, by what they are.

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableType, ObjectType},
};

use super::{ast, syntax};

/// What of a plan's statement deletes rows, if it does: its verb. A function that it calls isn't looked into.
pub fn deletes_rows(sql: &str) -> Option<&'static str> {
    let parsed = syntax::parse(sql).ok()?;
    parsed
        .stmts
        .iter()
        .filter_map(|raw| raw.stmt.as_deref())
        .filter_map(ast::kind)
        .find_map(verb)
}

fn verb(node: &NodeEnum) -> Option<&'static str> {
    match node {
        NodeEnum::DeleteStmt(_) => Some("DELETE"),
        NodeEnum::TruncateStmt(_) => Some("TRUNCATE"),
        NodeEnum::MergeStmt(_) => Some("MERGE"),
        NodeEnum::DropStmt(drop) => match drop.remove_type() {
            ObjectType::ObjectTable => Some("DROP TABLE"),
            ObjectType::ObjectSchema => Some("DROP SCHEMA"),
            ObjectType::ObjectExtension => Some("DROP EXTENSION"),
            ObjectType::ObjectSequence => Some("DROP SEQUENCE"),
            _ => None,
        },
        NodeEnum::AlterTableStmt(alter) => {
            alter
                .cmds
                .iter()
                .filter_map(ast::kind)
                .find_map(|command| match command {
                    NodeEnum::AlterTableCmd(command)
                        if command.subtype() == AlterTableType::AtDropColumn =>
                    {
                        Some("DROP COLUMN")
                    }
                    _ => None,
                })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_delete_rows() {
        fn check(sql: &str, expected: Option<&str>) {
            assert_eq!(deletes_rows(sql), expected, "{sql}");
        }
        check("DELETE FROM app.users WHERE id = 1", Some("DELETE"));
        check("TRUNCATE app.users", Some("TRUNCATE"));
        check("DROP TABLE app.users", Some("DROP TABLE"));
        check(
            "ALTER TABLE app.users ADD a int, DROP COLUMN b",
            Some("DROP COLUMN"),
        );
        check("ALTER TABLE app.users DROP CONSTRAINT c", None);
        check("DROP VIEW app.v", None);
        check("UPDATE app.users SET a = 1", None);
        check("not SQL", None);
    }
}
