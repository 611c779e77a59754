//! The settings under which a file's statements run: what `SET` and `set_config` lines do, within their own file.

use std::{collections::BTreeMap, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{Token, VariableSetKind, VariableSetStmt, a_const},
};

use super::{ast, tokens};
use crate::sql::{self, Ident, Literal};

/// Settings that decide what a statement defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `search_path`.
    pub search_path: Vec<Ident>,
    /// Further settings with their values, such as `default_tablespace`.
    pub settings: BTreeMap<String, String>,
}

impl Default for Session {
    /// What a file without any `SET` runs under: names without schema are in `public`.
    fn default() -> Self {
        Self {
            search_path: vec![Ident::new("public")],
            settings: BTreeMap::new(),
        }
    }
}

/// Settings that act on what the statements after them define.
const HONOURED: &[&str] = &[
    "default_tablespace",
    "default_table_access_method",
    "default_toast_compression",
    "xmloption",
];

/// Settings of a client or of its queries, which leave no trace in what is defined.
const IDLE: &[&str] = &[
    "application_name",
    "backslash_quote",
    "bytea_output",
    "check_function_bodies",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_with_oids",
    "escape_string_warning",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "lock_timeout",
    "log_statement",
    "maintenance_work_mem",
    "quote_all_identifiers",
    "role",
    "row_security",
    "statement_timeout",
    "synchronous_commit",
    "timezone",
    "transaction_timeout",
    "work_mem",
];

/// What a setting does to the session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The statements after it run under these settings.
    Session(Arc<Session>),
    /// Nothing.
    Idle,
    /// It isn't for a file of the tree to set.
    Refused,
}

impl Session {
    /// The schema into which an unqualified name is put.
    pub fn creation_schema(&self) -> Ident {
        self.search_path
            .iter()
            .find(|name| !matches!(name.as_str(), "$user" | "pg_catalog"))
            .map_or_else(|| Ident::from("public"), Ident::clone)
    }

    /// The commands that lead from the settings `before` to these.
    pub fn commands_after(&self, before: &Self) -> String {
        let path = (self.search_path != before.search_path).then(|| {
            let path = sql::join(&self.search_path, ", ");
            format!(
                "SET search_path = {};",
                if path.is_empty() { "''" } else { &path }
            )
        });
        let changed = self
            .settings
            .iter()
            .filter(|(name, value)| before.settings.get(*name) != Some(value))
            .map(|(name, value)| {
                format!("SET {} = {};", Ident::from(name.as_str()), Literal(value))
            });
        let gone = before
            .settings
            .keys()
            .filter(|name| !self.settings.contains_key(*name))
            .map(|name| format!("RESET {};", Ident::from(name.as_str())));
        path.into_iter().chain(changed).chain(gone).collect()
    }

    /// The commands that lead to these settings, whatever was set before.
    pub fn commands(&self) -> String {
        let unset = HONOURED
            .iter()
            .filter(|name| !self.settings.contains_key(**name))
            .map(|name| format!("RESET {name};"));
        let elsewhere = Self {
            search_path: vec![Ident::new("")],
            settings: BTreeMap::new(),
        };
        unset.chain([self.commands_after(&elsewhere)]).collect()
    }

    /// The session after a `SET` or `RESET` statement.
    pub(super) fn after_set(&self, statement: &VariableSetStmt) -> Change {
        match statement.kind() {
            VariableSetKind::VarSetValue => self.after(&statement.name, values(statement)),
            VariableSetKind::VarSetDefault | VariableSetKind::VarReset => {
                self.after(&statement.name, Vec::new())
            }
            VariableSetKind::VarResetAll => Change::Session(Arc::new(Self::default())),
            // FROM CURRENT belongs to functions; the multi forms are SET TRANSACTION and SET SESSION CHARACTERISTICS.
            VariableSetKind::VarSetCurrent
            | VariableSetKind::VarSetMulti
            | VariableSetKind::Undefined => Change::Refused,
        }
    }

    /// The session after `set_config(name, value, …)`, whose value is a list in one string.
    pub(super) fn after_set_config(&self, name: &str, value: &str) -> Change {
        if name.eq_ignore_ascii_case("search_path") && value.trim().is_empty() {
            return self.after(name, vec![String::new()]);
        }
        let list = if name.eq_ignore_ascii_case("search_path") {
            identifiers(value)
        } else {
            Some(vec![value.to_owned()])
        };
        list.map_or(Change::Refused, |values| self.after(name, values))
    }

    /// The session with a setting at `values`, at its default if there are none.
    fn after(&self, name: &str, values: Vec<String>) -> Change {
        let name = name.to_ascii_lowercase();
        let mut session = self.clone();
        if name == "search_path" {
            session.search_path = if values.is_empty() {
                Self::default().search_path
            } else {
                values
                    .into_iter()
                    .filter(|schema| !schema.is_empty())
                    .map(Ident::new)
                    .collect()
            };
        } else if HONOURED.contains(&name.as_str()) {
            match values.into_iter().next() {
                Some(value) => session.settings.insert(name, value),
                None => session.settings.remove(&name),
            };
        } else if name == "standard_conforming_strings" {
            // The parser has read the file with the standard's strings.
            return if values.iter().all(|value| {
                matches!(
                    value.to_ascii_lowercase().as_str(),
                    "on" | "true" | "1" | "yes"
                )
            }) {
                Change::Idle
            } else {
                Change::Refused
            };
        } else if name == "role" {
            return if values.is_empty() {
                Change::Idle
            } else {
                Change::Refused
            };
        } else {
            return if IDLE.contains(&name.as_str()) {
                Change::Idle
            } else {
                Change::Refused
            };
        }
        Change::Session(Arc::new(session))
    }
}

/// The values of a SET as text.
fn values(statement: &VariableSetStmt) -> Vec<String> {
    statement
        .args
        .iter()
        .filter_map(ast::kind)
        .filter_map(constant)
        .collect()
}

/// A constant as text.
pub(super) fn constant(node: &NodeEnum) -> Option<String> {
    match node {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(value) => Some(value.ival.to_string()),
            a_const::Val::Fval(value) => Some(value.fval.clone()),
            a_const::Val::Boolval(value) => Some(value.boolval.to_string()),
            a_const::Val::Sval(value) => Some(value.sval.clone()),
            a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => constant(ast::kind(cast.arg.as_deref()?)?),
        _ => None,
    }
}

/// The names in a comma-separated list of identifiers.
fn identifiers(list: &str) -> Option<Vec<String>> {
    separated(list, Token::Ascii44)
}

/// The parts of a dotted name as it is written in SQL: unquoted ones in lower case.
pub fn dotted_name(text: &str) -> Option<Vec<String>> {
    separated(text, Token::Ascii46)
}

/// Identifiers with a separator between each two.
fn separated(text: &str, separator: Token) -> Option<Vec<String>> {
    let tokens = tokens::scan(text).ok()?;
    let names: Option<Vec<String>> = tokens
        .iter()
        .step_by(2)
        .map(|token| ast::identifier(&text[tokens::bounds(token)]))
        .collect();
    let separated = tokens
        .iter()
        .skip(1)
        .step_by(2)
        .all(|token| token.token() == separator);
    names.filter(|_| separated && tokens.len() % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syntax;

    fn after(sql: &str) -> Change {
        let parsed = syntax::parse(sql).unwrap();
        match ast::kind(parsed.stmts[0].stmt.as_deref().unwrap()).unwrap() {
            NodeEnum::VariableSetStmt(statement) => Session::default().after_set(statement),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn settings_act_or_are_idle_or_refused() {
        fn check(sql: &str, commands: &str) {
            let found = match after(sql) {
                Change::Session(session) => session.commands_after(&Session::default()),
                Change::Idle => "idle".to_owned(),
                Change::Refused => "refused".to_owned(),
            };
            assert_eq!(found, commands, "{sql}");
        }
        check(
            "SET search_path = app, \"Ünter\", public",
            "SET search_path = app, \"Ünter\", public;",
        );
        check("SET search_path = ''", "SET search_path = '';");
        check("SET search_path TO DEFAULT", "");
        check(
            "SET default_tablespace = ''",
            "SET default_tablespace = '';",
        );
        check(
            "SET default_table_access_method = heap",
            "SET default_table_access_method = 'heap';",
        );
        check("SET statement_timeout = 0", "idle");
        check("SET check_function_bodies = false", "idle");
        check("SET standard_conforming_strings = 'ON'", "idle");
        check("SET standard_conforming_strings = off", "refused");
        check("SET session_replication_role = replica", "refused");
        check("SET ROLE app", "refused");
        check("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "refused");
    }

    #[test]
    fn set_config_takes_a_list() {
        fn check(value: &str, path: &[&str]) {
            match Session::default().after_set_config("search_path", value) {
                Change::Session(session) => {
                    assert_eq!(
                        session
                            .search_path
                            .iter()
                            .map(Ident::as_str)
                            .collect::<Vec<_>>(),
                        path
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        check("", &[]);
        check("App, \"X y\"", &["app", "X y"]);
        check("\"$user\", public", &["$user", "public"]);
    }
}
