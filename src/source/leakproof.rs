//! A function that is to be leakproof, made in two statements.
//!
//! Only a superuser may say `LEAKPROOF`, and what creates a function may hold expressions of the tree: the defaults of its
//! parameters, a body of SQL's own syntax. So an ordinary role creates it, and a statement without any expression says the rest.

use pg_query::{
    Node, NodeEnum,
    protobuf::{CreateFunctionStmt, FunctionParameterMode, ObjectWithArgs},
};

use super::{ast, syntax};

const LEAKPROOF: &str = "leakproof";

/// The two statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leakproof {
    /// The statement without its `LEAKPROOF`, for which white space stands.
    pub creation: String,
    /// The `ALTER FUNCTION` that says it.
    pub promise: String,
}

/// The two statements that a `CREATE FUNCTION … LEAKPROOF` is parted into; none for any other statement.
pub fn leakproof(sql: &str) -> Option<Leakproof> {
    let parsed = syntax::parse(sql).ok()?;
    let [statement] = parsed.stmts.as_slice() else {
        return None;
    };
    let NodeEnum::CreateFunctionStmt(function) = ast::kind(statement.stmt.as_deref()?)? else {
        return None;
    };
    let place = usize::try_from(place(function)?).ok()?;
    let mut creation = sql.to_owned();
    creation.replace_range(place..place + LEAKPROOF.len(), &" ".repeat(LEAKPROOF.len()));
    Some(Leakproof {
        creation,
        promise: promise(function)?,
    })
}

/// Where a function is said to be leakproof, in bytes of the parsed text.
pub(super) fn place(function: &CreateFunctionStmt) -> Option<i32> {
    let options = function.options.iter().filter_map(ast::kind);
    options
        .filter_map(|option| match option {
            NodeEnum::DefElem(element) if element.defname == LEAKPROOF => Some(element),
            _ => None,
        })
        .find_map(|element| match ast::kind(element.arg.as_deref()?)? {
            NodeEnum::Boolean(is) if is.boolval => Some(element.location),
            _ => None,
        })
}

fn promise(function: &CreateFunctionStmt) -> Option<String> {
    let inputs = function.parameters.iter().filter_map(ast::kind);
    let types = inputs.filter_map(|node| match node {
        NodeEnum::FunctionParameter(parameter) => match parameter.mode() {
            FunctionParameterMode::FuncParamOut | FunctionParameterMode::FuncParamTable => None,
            _ => parameter.arg_type.clone(),
        },
        _ => None,
    });
    let named = ObjectWithArgs {
        objname: function.funcname.clone(),
        objargs: types
            .map(|name| Node {
                node: Some(NodeEnum::TypeName(name)),
            })
            .collect(),
        objfuncargs: Vec::new(),
        args_unspecified: false,
    };
    let mut parsed = syntax::parse("ALTER FUNCTION f() LEAKPROOF").ok()?;
    let statement = parsed.stmts.first_mut()?.stmt.as_deref_mut()?;
    if let Some(NodeEnum::AlterFunctionStmt(alter)) = statement.node.as_mut() {
        alter.func = Some(named);
    }
    pg_query::deparse(&parsed, pg_query::DeparseOptions::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_stay_with_the_creation() {
        fn check(sql: &str, creation: &str, promise: &str) {
            let parts = leakproof(sql).unwrap();
            assert_eq!(
                (parts.creation.as_str(), parts.promise.as_str()),
                (creation, promise)
            );
        }
        check(
            "CREATE FUNCTION f(a int DEFAULT g(), OUT b int) LEAKPROOF LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION f(a int DEFAULT g(), OUT b int)           LANGUAGE sql AS 'SELECT 1'",
            "ALTER FUNCTION f(int) LEAKPROOF",
        );
        check(
            "CREATE FUNCTION \"S\".\"Leakproof\"(VARIADIC a \"T\"[]) RETURNS TABLE (c int) LANGUAGE sql leakproof BEGIN ATOMIC SELECT 1; END",
            "CREATE FUNCTION \"S\".\"Leakproof\"(VARIADIC a \"T\"[]) RETURNS TABLE (c int) LANGUAGE sql           BEGIN ATOMIC SELECT 1; END",
            "ALTER FUNCTION \"S\".\"Leakproof\"(\"T\"[]) LEAKPROOF",
        );
        check(
            "CREATE FUNCTION f(a t.c%TYPE, b SETOF double precision) RETURNS int LEAKPROOF AS ''",
            "CREATE FUNCTION f(a t.c%TYPE, b SETOF double precision) RETURNS int           AS ''",
            "ALTER FUNCTION f(t.c%type, SETOF double precision) LEAKPROOF",
        );
    }

    #[test]
    fn other_statements_stay_whole() {
        fn check(sql: &str) {
            assert_eq!(leakproof(sql), None, "{sql}");
        }
        check("CREATE FUNCTION f() RETURNS int NOT LEAKPROOF AS ''");
        check("CREATE FUNCTION leakproof() RETURNS int AS ''");
        check("ALTER FUNCTION f() LEAKPROOF");
        check("SELECT 1; CREATE FUNCTION f() RETURNS int LEAKPROOF AS ''");
    }
}
