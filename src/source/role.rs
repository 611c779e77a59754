//! Statements in which another role takes a role's place.

use std::{borrow::Cow, collections::BTreeMap};

use pg_query::protobuf::RoleSpecType;
use serde_json::Value;

use super::{
    syntax,
    tokens::{self, bounds},
};
use crate::sql::Ident;

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
