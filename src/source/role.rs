//! Statements in which another role takes a role's place.

use std::borrow::Cow;

use pg_query::protobuf::RoleSpecType;
use serde_json::Value;

use super::{syntax, tokens::bounds};
use crate::sql::Ident;

/// The statements with `to` wherever they name the role `from`. What can't be parsed stays as it is: it fails where it is run.
pub fn with_role<'a>(sql: &'a str, from: &Ident, to: &Ident) -> Cow<'a, str> {
    if !sql.contains(from.as_str()) {
        return Cow::Borrowed(sql);
    }
    let (Ok(parsed), Ok(scanned)) = (syntax::parse(sql), pg_query::scan(sql)) else {
        return Cow::Borrowed(sql);
    };
    let tree = serde_json::to_value(&parsed).expect("the syntax tree is plain data");
    let mut places = Vec::new();
    find(&tree, from.as_str(), &mut places);
    places.sort_unstable();
    let mut text = sql.to_owned();
    for place in places.into_iter().rev() {
        let token = scanned
            .tokens
            .iter()
            .map(bounds)
            .find(|token| token.start == place);
        if let Some(token) = token {
            text.replace_range(token, &to.to_string());
        }
    }
    Cow::Owned(text)
}

/// Where the tree names the role, in bytes.
fn find(value: &Value, role: &str, places: &mut Vec<usize>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, role, places)),
        Value::Object(fields) => {
            let is_name = fields
                .get("roletype")
                .is_some_and(|kind| kind.as_i64() == Some(RoleSpecType::RolespecCstring as i64));
            let named = fields.get("rolename").and_then(Value::as_str) == Some(role);
            if let Some(place) = fields.get("location").and_then(Value::as_u64)
                && is_name
                && named
            {
                places.extend(usize::try_from(place));
            }
            fields.values().for_each(|field| find(field, role, places));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_anothers_place() {
        fn check(sql: &str, expected: &str) {
            let replaced = with_role(sql, &Ident::new("app"), &Ident::new("My App"));
            assert_eq!(replaced, expected);
        }
        check(
            "ALTER SEQUENCE app.app OWNER TO app",
            "ALTER SEQUENCE app.app OWNER TO \"My App\"",
        );
        check(
            "GRANT SELECT ON app.app TO app, other, \"app\"",
            "GRANT SELECT ON app.app TO \"My App\", other, \"My App\"",
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
