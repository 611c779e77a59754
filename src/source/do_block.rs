//! DO blocks, as far as their statements stand there to be read: text that is put together when they run isn't known yet.

use pg_query::NodeEnum;
use serde_json::Value;

use super::syntax;

/// What plpgsql's parser shows of a block.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Its SQL statements, in their order.
    pub(super) statements: Vec<NodeEnum>,
    /// Whether the rest is plain control flow.
    plain: bool,
}

impl Block {
    /// Reads a DO statement. What isn't plpgsql shows nothing.
    pub(super) fn read(statement: &str) -> Self {
        let mut block = Self {
            plain: true,
            ..Self::default()
        };
        match syntax::parse_plpgsql(statement) {
            Some(parsed) => block.visit(&parsed),
            None => block.plain = false,
        }
        block
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match name.strip_prefix("PLpgSQL_stmt_") {
                        Some("execsql") => self.statement(field),
                        Some("block" | "if" | "case" | "raise" | "return") | None => {
                            self.visit(field);
                        }
                        // The rest assigns, loops, calls functions or runs text that isn't known yet.
                        Some(_) => {
                            self.plain = false;
                            self.visit(field);
                        }
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn statement(&mut self, statement: &Value) {
        let parsed = query(statement).and_then(|sql| syntax::parse(sql).ok());
        let Some(parsed) = parsed else {
            self.plain = false;
            return;
        };
        let nodes = parsed.stmts.into_iter();
        self.statements
            .extend(nodes.filter_map(|raw| raw.stmt.and_then(|node| node.node)));
    }

    /// Whether it can do nothing but create, alter, grant or drop roles, and does: scripts often create theirs in a block,
    /// if they aren't there yet. One that only raises, as an assertion does, is about none.
    pub(super) fn is_about_roles(&self) -> bool {
        self.plain
            && !self.statements.is_empty()
            && self.statements.iter().all(|node| {
                matches!(
                    node,
                    NodeEnum::CreateRoleStmt(_)
                        | NodeEnum::AlterRoleStmt(_)
                        | NodeEnum::AlterRoleSetStmt(_)
                        | NodeEnum::DropRoleStmt(_)
                        | NodeEnum::GrantRoleStmt(_)
                )
            })
    }

    /// Whether one of its statements is seen to write rows.
    pub(super) fn writes_rows(&self) -> bool {
        self.statements.iter().any(|node| {
            matches!(
                node,
                NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)
                    | NodeEnum::MergeStmt(_)
                    | NodeEnum::TruncateStmt(_)
                    | NodeEnum::CopyStmt(_)
            )
        })
    }
}

fn query(statement: &Value) -> Option<&str> {
    statement
        .get("sqlstmt")?
        .get("PLpgSQL_expr")?
        .get("query")?
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Block {
        Block::read(&format!("DO $$ {body} $$"))
    }

    #[test]
    fn blocks_about_roles_are_told_from_others() {
        fn check(body: &str, expected: bool) {
            assert_eq!(read(body).is_about_roles(), expected, "{body}");
        }
        check(
            "BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN CREATE ROLE app; END IF; END",
            true,
        );
        check(
            "BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END",
            true,
        );
        check("BEGIN IF true THEN END IF; END", false);
        check("BEGIN RAISE EXCEPTION 'x %', 1; END", false);
        check(
            "BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN RAISE EXCEPTION 'none'; END IF; END",
            false,
        );
        check("BEGIN ASSERT false; END", false);
        check("BEGIN CREATE TABLE t (); END", false);
        check("BEGIN PERFORM f(); END", false);
        check("BEGIN EXECUTE 'CREATE ROLE app'; END", false);
        check(
            "BEGIN IF true THEN CREATE ROLE a; ELSE DROP TABLE t; END IF; END",
            false,
        );
        check("not plpgsql", false);
    }

    #[test]
    fn rows_are_seen_to_be_written() {
        fn check(body: &str, expected: bool) {
            assert_eq!(read(body).writes_rows(), expected, "{body}");
        }
        check("BEGIN INSERT INTO t VALUES (1); END", true);
        check(
            "BEGIN FOR i IN 1..3 LOOP UPDATE t SET a = i; END LOOP; END",
            true,
        );
        check("BEGIN CREATE TABLE t (); END", false);
        check("DECLARE n int; BEGIN SELECT 1 INTO n; END", false);
    }
}
