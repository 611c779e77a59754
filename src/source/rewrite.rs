//! A statement that forge writes itself, from what the parser has read.
//!
//! What runs with raised privileges must not depend on how the server reads a text of the tree. So the parsed statement is
//! written out again; names and literals are quoted by [`crate::sql`], which gives them a form that reads the same whatever
//! `standard_conforming_strings` and `backslash_quote` say; and the result is parsed again and has to be the same statement.

use pg_query::{
    NodeEnum,
    protobuf::{ParseResult, SelectStmt, Token, a_const},
};
use serde_json::Value;

use super::{ast, syntax, tokens};
use crate::sql::{Ident, Literal};

/// The one statement that `sql` is, written by forge; none where `sql` isn't exactly one statement, or where what is written
/// would not be the same statement.
pub fn rewritten(sql: &str) -> Option<String> {
    let parsed = syntax::parse(sql).ok()?;
    if parsed.stmts.len() != 1 {
        return None;
    }
    let written = pg_query::deparse(&parsed, pg_query::DeparseOptions::default()).ok()?;
    let written = quoted(&written)?;
    let again = syntax::parse(&written).ok()?;
    (meaning(&parsed) == meaning(&again)).then_some(written)
}

/// The text with each name and each literal as [`crate::sql`] quotes it.
fn quoted(sql: &str) -> Option<String> {
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    for token in tokens::scan(sql).ok()? {
        let place = tokens::bounds(&token);
        text.push_str(&sql[at..place.start]);
        at = place.end;
        let word = &sql[place];
        match token.token() {
            Token::Ident => text.push_str(&Ident::new(ast::identifier(word)?).to_string()),
            Token::Sconst | Token::Usconst => {
                text.push_str(&Literal(&literal(word)?).to_string());
            }
            _ => text.push_str(word),
        }
    }
    text.push_str(&sql[at..]);
    Some(text)
}

/// The value of a string literal.
fn literal(word: &str) -> Option<String> {
    let parsed = syntax::parse(&format!("SELECT {word}")).ok()?;
    let NodeEnum::SelectStmt(select) = ast::kind(parsed.stmts.first()?.stmt.as_deref()?)? else {
        return None;
    };
    let SelectStmt { target_list, .. } = select.as_ref();
    let NodeEnum::ResTarget(target) = ast::kind(target_list.first()?)? else {
        return None;
    };
    match ast::kind(target.val.as_deref()?)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Sval(value) => Some(value.sval.clone()),
            a_const::Val::Ival(_)
            | a_const::Val::Fval(_)
            | a_const::Val::Boolval(_)
            | a_const::Val::Bsval(_) => None,
        },
        _ => None,
    }
}

/// The syntax tree without the places of its parts.
fn meaning(parsed: &ParseResult) -> Value {
    let mut tree = serde_json::to_value(parsed).expect("the syntax tree is plain data");
    forget_places(&mut tree);
    tree
}

fn forget_places(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("location") && name != "stmt_len");
            fields.values_mut().for_each(forget_places);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_that_may_be_raised_can_be_written() {
        fn check(sql: &str) {
            let written = rewritten(sql).unwrap_or_else(|| panic!("not written: {sql}"));
            assert_eq!(
                rewritten(&written).as_deref(),
                Some(written.as_str()),
                "{sql}"
            );
        }
        for sql in [
            "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA \"My Schema\" VERSION '1.1' CASCADE",
            "CREATE EVENT TRIGGER \"E\" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'it''s') EXECUTE FUNCTION app.fired()",
            "ALTER EVENT TRIGGER e ENABLE ALWAYS",
            "ALTER TABLE app.t OWNER TO other",
            "ALTER SEQUENCE app.t_id_seq OWNER TO other",
            "ALTER VIEW v OWNER TO CURRENT_USER",
            "ALTER MATERIALIZED VIEW v OWNER TO x",
            "ALTER FUNCTION app.f(int, VARIADIC text[]) OWNER TO \"My Role\"",
            "ALTER AGGREGATE app.a(int) OWNER TO x",
            "ALTER OPERATOR app.+ (int, app.\"T\") OWNER TO x",
            "ALTER OPERATOR CLASS app.o USING btree OWNER TO x",
            "ALTER TYPE app.\"T\" OWNER TO x",
            "ALTER DOMAIN app.d OWNER TO x",
            "ALTER SCHEMA s OWNER TO x",
            "ALTER FOREIGN DATA WRAPPER w OWNER TO x",
            "ALTER SERVER s OWNER TO x",
            "ALTER PUBLICATION p OWNER TO x",
            "ALTER STATISTICS s OWNER TO x",
            "ALTER COLLATION c OWNER TO x",
            "ALTER TEXT SEARCH CONFIGURATION c OWNER TO x",
            "CREATE FUNCTION f(cstring) RETURNS citext LANGUAGE c IMMUTABLE STRICT AS '$libdir/citext', 'citextin'",
            "CREATE OR REPLACE FUNCTION app.f(a int, OUT b int) LANGUAGE C AS '$libdir/x', $$sym$$ PARALLEL SAFE",
            "ALTER FUNCTION app.f(int) LEAKPROOF",
            "ALTER FUNCTION app.f NOT LEAKPROOF",
            "CREATE FOREIGN DATA WRAPPER w OPTIONS (a 'b\\c', \"D\" 'it''s')",
            "CREATE PUBLICATION p FOR ALL TABLES",
            "CREATE PUBLICATION p FOR TABLE t (a), TABLES IN SCHEMA s WITH (publish = 'insert')",
            "ALTER PUBLICATION p ADD TABLES IN SCHEMA s",
            "ALTER PUBLICATION p SET (publish = 'insert, update')",
            "GRANT USAGE ON FOREIGN DATA WRAPPER w TO app WITH GRANT OPTION",
            "REVOKE ALL ON FOREIGN DATA WRAPPER w FROM app CASCADE",
            "GRANT SELECT (a), UPDATE ON app.t TO app, PUBLIC",
            "REVOKE GRANT OPTION FOR EXECUTE ON FUNCTION f(int) FROM app",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app, \"B\" TO app WITH GRANT OPTION",
            "GRANT USAGE ON LANGUAGE plpgsql TO app",
            "GRANT SELECT ON LARGE OBJECT 42 TO app",
            "ALTER EXTENSION e SET SCHEMA s",
            "COMMENT ON SCHEMA app IS 'x\\''; COPY (SELECT 1) TO PROGRAM $q$id$q$; --'",
            "COMMENT ON TABLE t IS U&'d\\0061t\\+000061'",
            "COMMENT ON TABLE t IS E'a\\'b\\\\\\n\\u0001'",
            "COMMENT ON TABLE t IS $x$ a ' b \\ c $x$",
            "COMMENT ON TABLE t IS 'a'\n'b'",
            "COMMENT ON TABLE t IS NULL",
            "COMMENT ON COLUMN s.t.\"a\"\"b\" IS ''",
            "COMMENT ON FUNCTION f(a int, text) IS 'f'",
            "COMMENT ON OPERATOR + (NONE, int) IS 'x'",
            "COMMENT ON CAST (int AS text) IS 'x'",
            "COMMENT ON CONSTRAINT c ON t IS 'x'",
            "COMMENT ON CONSTRAINT c ON DOMAIN d IS 'x'",
            "COMMENT ON TRIGGER c ON t IS 'x'",
            "COMMENT ON POLICY p ON t IS 'x'",
            "COMMENT ON EVENT TRIGGER e IS 'x'",
            "COMMENT ON EXTENSION e IS 'x'",
            "COMMENT ON TRANSFORM FOR hstore LANGUAGE plpython3u IS 'x'",
            "COMMENT ON LARGE OBJECT 42 IS 'x'",
            "COMMENT ON OPERATOR CLASS o USING btree IS 'x'",
            "COMMENT ON OPERATOR FAMILY o USING btree IS 'x'",
            "DROP EVENT TRIGGER IF EXISTS e",
            "DROP EXTENSION e CASCADE",
            "DROP FUNCTION app.f(int), g",
            "DROP OPERATOR CLASS o USING btree",
            "DROP INDEX CONCURRENTLY IF EXISTS s.i",
            "DROP CAST (int AS text)",
            "CREATE OPERATOR CLASS app.o DEFAULT FOR TYPE app.\"T\" USING btree FAMILY app.fam AS OPERATOR 1 <, OPERATOR 2 app.<= (int, int), FUNCTION 1 app.cmp(int, int), STORAGE int",
            "CREATE OPERATOR FAMILY f USING btree",
            "ALTER OPERATOR FAMILY f USING btree ADD OPERATOR 1 < (int, int), FUNCTION 1 (int, int) c(int, int)",
            "ALTER OPERATOR FAMILY f USING btree DROP OPERATOR 1 (int, int)",
            "CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler",
            "CREATE SERVER s TYPE 'a' VERSION '1' FOREIGN DATA WRAPPER w OPTIONS (host 'x')",
            "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA s GRANT SELECT ON TABLES TO \"X\"",
            "ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC",
            "SECURITY LABEL FOR selinux ON TABLE t IS 'a\\b'",
            "SECURITY LABEL ON COLUMN t.c IS NULL",
        ] {
            check(sql);
        }
    }

    #[test]
    fn literals_read_the_same_under_any_setting() {
        fn check(sql: &str, expected: &str) {
            assert_eq!(rewritten(sql).as_deref(), Some(expected));
        }
        check(
            "comment on table T is 'x\\''; SELECT 1; --'",
            "COMMENT ON TABLE t IS E'x\\\\''; SELECT 1; --'",
        );
        check(
            "COMMENT ON TABLE t IS $$x\\$$",
            "COMMENT ON TABLE t IS E'x\\\\'",
        );
        check(
            "COMMENT ON TABLE t IS E'it\\'s' -- not his",
            "COMMENT ON TABLE t IS 'it''s'",
        );
        check(
            "COMMENT ON TABLE \"a\\\"\"b\" IS 'x'",
            "COMMENT ON TABLE \"a\\\"\"b\" IS 'x'",
        );
    }

    #[test]
    fn only_a_single_statement_is_written() {
        assert_eq!(rewritten("COMMENT ON TABLE t IS 'x'; SELECT 1"), None);
        assert_eq!(rewritten(""), None);
        assert_eq!(rewritten("no SQL"), None);
    }
}
