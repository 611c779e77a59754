//! What forge sets in a session, and what it asks first.
//!
//! A session must not depend on what a role, a database or the server sets otherwise, and must not leave a trace on a
//! pooler's connection.

use tokio_postgres::SimpleQueryMessage;

use super::{backend::Backend, options::TargetSession};
use crate::sql::{self, Literal};

/// The majors that forge knows.
pub(super) const OLDEST: u32 = 14;
pub(super) const NEWEST: u32 = 18;

/// A setting of every session, and the first major that has it.
struct Setup {
    name: &'static str,
    value: &'static str,
    since: u32,
}

const fn setup(name: &'static str, value: &'static str) -> Setup {
    Setup {
        name,
        value,
        since: OLDEST,
    }
}

/// What a role, a database or the server may have set otherwise, and must not matter.
const SETUP: &[Setup] = &[
    // pg_get_viewdef and its kin leave out the schemas that are in the path.
    setup("search_path", ""),
    // How values are printed, in defaults, partition bounds and range types.
    setup("TimeZone", "UTC"),
    setup("DateStyle", "ISO, MDY"),
    setup("IntervalStyle", "postgres"),
    setup("extra_float_digits", "1"),
    setup("bytea_output", "hex"),
    setup("quote_all_identifiers", "off"),
    // How statements are read.
    setup("standard_conforming_strings", "on"),
    setup("transform_null_equals", "off"),
    setup("array_nulls", "on"),
    // What statements may do. Row security would hide rows silently; off, it is an error.
    setup("row_security", "off"),
    setup("default_transaction_read_only", "off"),
    setup("default_transaction_isolation", "read committed"),
    // How long they may take: a step sets its own limits.
    setup("lock_timeout", "0"),
    setup("statement_timeout", "0"),
    setup("idle_in_transaction_session_timeout", "60s"),
    Setup {
        name: "transaction_timeout",
        value: "0",
        since: 17,
    },
    setup("client_min_messages", "warning"),
];

/// Puts back how text is read, whatever code that ran before has made of it, and leaves the rest to a plan's own `SET` steps.
/// ASCII alone, and without any literal: it reads the same under any setting.
pub(crate) const READ_AS_PARSED: &str = "SET client_encoding = UTF8; SET standard_conforming_strings = on; SET backslash_quote = safe_encoding; \
     SET escape_string_warning = on; SET transform_null_equals = off; SET array_nulls = on";

/// What a shadow's session has besides, in which code that nobody has looked at runs, or which must not be influenced by it.
const SHADOW: &[(&str, &str)] = &[
    ("backslash_quote", "safe_encoding"),
    ("escape_string_warning", "on"),
    // Bodies are checked once everything is there.
    ("check_function_bodies", "off"),
    ("idle_session_timeout", "0"),
];

/// The setup of a shadow's session as options of its login: they beat what a role or a database has set, and are what
/// `RESET` leads back to. The last of two that have one name holds.
pub(crate) fn lasting<'a>(
    further: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, String)> {
    let setup = SETUP
        .iter()
        .filter(|setting| setting.since == OLDEST)
        .map(|setting| (setting.name, setting.value));
    let all = setup.chain(SHADOW.iter().copied()).chain(further);
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Where the setup holds.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// The session, if it is ours alone: then the server's process knows the nonce of the startup message.
    Session { nonce: &'a str },
    /// The session, if this is still its process.
    Process(i32),
}

pub(super) const FACTS: &str = "SELECT pg_catalog.current_setting('server_version_num') AS version_num, \
     pg_catalog.pg_is_in_recovery() AS standby, \
     pg_catalog.current_setting('default_transaction_read_only') AS read_only, \
     pg_catalog.current_setting('forge.nonce', true) AS nonce, \
     pg_catalog.pg_backend_pid() AS pid, \
     (SELECT (EXTRACT(epoch FROM a.backend_start) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 \
      FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a) AS since";

/// The settings of a server of this major.
pub(super) fn of_major(major: u32) -> impl Iterator<Item = (String, String)> {
    let settings = SETUP.iter().filter(move |setting| setting.since <= major);
    settings.map(|setting| (setting.name.to_owned(), setting.value.to_owned()))
}

/// The settings in one `SELECT`, so that one condition covers them all: a pooler's process is left as it is.
pub(super) fn setup_query(major: u32, scope: Scope<'_>) -> String {
    settings_query(of_major(major), scope)
}

/// Lets the server notice a client that died (`kill -9`) while a statement runs, and stop, freeing its locks.
pub(super) fn watch_query(scope: Scope<'_>) -> String {
    format!(
        "SELECT pg_catalog.set_config('client_connection_check_interval', '5s', false){}",
        condition(scope)
    )
}

/// A query that sets these under the same condition; an empty one if there are none.
pub(super) fn settings_query(
    settings: impl IntoIterator<Item = (String, String)>,
    scope: Scope<'_>,
) -> String {
    let calls = set_calls(settings, Lasting::Session);
    if calls.is_empty() {
        return calls;
    }
    format!("SELECT {calls}{}", condition(scope))
}

/// How long a setting lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Session,
    Transaction,
}

/// Calls that set something, with commas between.
pub(super) fn set_calls<N: AsRef<str>, V: AsRef<str>>(
    settings: impl IntoIterator<Item = (N, V)>,
    lasting: Lasting,
) -> String {
    let is_local = lasting == Lasting::Transaction;
    let calls = settings.into_iter().map(|(name, value)| {
        let (name, value) = (Literal(name.as_ref()), Literal(value.as_ref()));
        format!("pg_catalog.set_config({name}, {value}, {is_local})")
    });
    sql::join(calls, ", ")
}

fn condition(scope: Scope<'_>) -> String {
    match scope {
        Scope::Session { nonce } => format!(
            " WHERE pg_catalog.current_setting('forge.nonce', true) OPERATOR(pg_catalog.=) {}",
            Literal(nonce)
        ),
        Scope::Process(pid) => {
            format!(" WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {pid}")
        }
    }
}

/// What the first query tells about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) version_num: u32,
    pub(super) standby: bool,
    pub(super) read_only: bool,
    pub(super) pooled: bool,
    pub(super) backend: Backend,
}

impl Facts {
    pub(super) fn read(answer: &[SimpleQueryMessage], nonce: &str) -> Option<Self> {
        let row = answer.iter().find_map(|message| {
            if let SimpleQueryMessage::Row(row) = message {
                Some(row)
            } else {
                None
            }
        })?;
        Some(Self {
            version_num: row.get("version_num")?.parse().ok()?,
            standby: row.get("standby")? == "t",
            read_only: row.get("read_only")? == "on",
            pooled: row.get("nonce") != Some(nonce),
            backend: Backend {
                pid: row.get("pid")?.parse().ok()?,
                since: row.get("since")?.parse().ok()?,
            },
        })
    }

    /// Whether the server will do. A standby writes as little as a server whose transactions are read-only.
    pub(super) fn suits(self, target: TargetSession) -> bool {
        let writes = !self.standby && !self.read_only;
        match target {
            TargetSession::Any | TargetSession::PreferStandby => true,
            TargetSession::ReadWrite => writes,
            TargetSession::ReadOnly => !writes,
            TargetSession::Primary => !self.standby,
            TargetSession::Standby => self.standby,
        }
    }
}

/// The major of `server_version`: `15.18 (Debian 15.18-1)`, `19beta1`, `9.6.24`.
pub(super) fn major(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit());
    version[..digits.unwrap_or(version.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        fn check(version: &str, expected: Option<u32>) {
            assert_eq!(major(version), expected, "{version}");
        }
        check("15.18 (Debian 15.18-1)", Some(15));
        check("9.6.24", Some(9));
        check("19beta1", Some(19));
        check("18", Some(18));
        check("", None);
    }

    #[test]
    fn settings_follow_the_version_and_the_nonce() {
        let older = setup_query(16, Scope::Session { nonce: "abc" });
        assert!(older.starts_with("SELECT pg_catalog.set_config('search_path', '', false), "));
        assert!(older.ends_with(
            " WHERE pg_catalog.current_setting('forge.nonce', true) OPERATOR(pg_catalog.=) 'abc'"
        ));
        assert!(!older.contains("transaction_timeout', '0'"));
        let newer = setup_query(17, Scope::Process(12));
        assert!(newer.contains("set_config('transaction_timeout', '0', false)"));
        assert!(newer.ends_with(" WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) 12"));
    }

    #[test]
    fn servers_that_will_do() {
        fn check([standby, read_only]: [bool; 2], suited: &[TargetSession]) {
            let facts = Facts {
                version_num: 180_000,
                standby,
                read_only,
                pooled: false,
                backend: Backend { pid: 1, since: 0 },
            };
            let targets = [
                TargetSession::ReadWrite,
                TargetSession::ReadOnly,
                TargetSession::Primary,
                TargetSession::Standby,
            ];
            let found: Vec<TargetSession> = targets
                .into_iter()
                .filter(|&target| facts.suits(target))
                .collect();
            assert_eq!(found, suited);
            assert!(facts.suits(TargetSession::Any));
        }
        check(
            [false, false],
            &[TargetSession::ReadWrite, TargetSession::Primary],
        );
        check(
            [false, true],
            &[TargetSession::ReadOnly, TargetSession::Primary],
        );
        check(
            [true, false],
            &[TargetSession::ReadOnly, TargetSession::Standby],
        );
    }
}
