//! Connection URLs: libpq's `postgresql://`, and what other drivers write for it.
//!
//! (PostgreSQL docs: 34.1.1.2 Connection URIs.)

use super::{
    parameters::{Origin, Parameters},
    percent,
};
use crate::diagnostic::{Code, Diagnostic, Result};

/// Schemes of other URLs; an error may name them. What stands before another's `://` may be a password.
const FOREIGN: &[&str] = &[
    "cockroachdb",
    "http",
    "https",
    "jdbc:mysql",
    "jdbc:postgresql",
    "mariadb",
    "mongodb",
    "mssql",
    "mysql",
    "oracle",
    "redis",
    "sqlite",
    "sqlserver",
];

/// Whether a text is meant as a URL rather than as `key=value` pairs.
pub(super) fn looks_like(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.contains([' ', '=', '\'']))
}

/// Reads a URL. `postgresql+asyncpg://` and the like lose the driver.
///
/// No error shows a piece of the URL that could be part of a password.
pub(super) fn parse(text: &str, origin: &Origin) -> Result<Parameters> {
    let malformed = |message: String| {
        Diagnostic::error(Code::Configuration, message)
            .note(format!("the URL is that of {origin}"))
            .help("the form is `postgresql://user:password@host:5432/database?sslmode=require`, with reserved characters percent-encoded (`@` is `%40`, `/` is `%2F`)")
    };
    let decode = |part: &str, name: &str| {
        percent::decoded(part).ok_or_else(|| {
            malformed(format!(
                "the {name} in the URL is not validly percent-encoded"
            ))
        })
    };
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (dialect, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    if !matches!(dialect, "postgres" | "postgresql") {
        return Err(malformed(if FOREIGN.contains(&scheme) {
            format!("`{scheme}://` is not the URL of a PostgreSQL database")
        } else {
            "the URL is not that of a PostgreSQL database".to_owned()
        }));
    }

    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    if database.contains('@') {
        return Err(malformed("the URL has a `/` before its `@`".to_owned()));
    }
    // An unencoded `@` in a password is common; host names have none.
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));

    let mut parameters = Parameters::default();
    let mut set = |name: &str, value: String| parameters.set(name, value, origin.clone());
    set("user", decode(user, "user")?)?;
    set("password", decode(password, "password")?)?;
    set("dbname", decode(database, "database")?)?;
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for host in hosts.split(',') {
        let (name, port) = split_port(host)
            .ok_or_else(|| malformed("a `[` in the URL is not closed".to_owned()))?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("a port in the URL is not a number".to_owned()));
        }
        names.push(decode(name, "host")?);
        ports.push(port);
    }
    if names.iter().any(|name| !name.is_empty()) {
        set("host", names.join(","))?;
    }
    if ports.iter().any(|port| !port.is_empty()) {
        set("port", ports.join(","))?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| malformed("a parameter in the URL has no `=`".to_owned()))?;
        let name = decode(name, "parameter")?;
        let value = decode(value, "value of a parameter")?;
        set(&name, value)?;
    }
    Ok(parameters)
}

/// Host and port; an IPv6 address stands in brackets. `None` if a bracket is not closed.
fn split_port(host: &str) -> Option<(&str, &str)> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        return Some((address, rest.strip_prefix(':').unwrap_or(rest)));
    }
    Some(host.split_once(':').unwrap_or((host, "")))
}

#[cfg(test)]
mod tests {
    use super::{super::parameters::Keyword, *};

    #[test]
    fn urls() {
        fn check(url: &str, [user, password, host, port, database]: [&str; 5]) {
            assert!(looks_like(url));
            let parameters =
                parse(url, &Origin::Given).unwrap_or_else(|error| panic!("{url}: {error}"));
            let found = [
                Keyword::User,
                Keyword::Password,
                Keyword::Host,
                Keyword::Port,
                Keyword::Database,
            ]
            .map(|keyword| parameters.text(keyword).unwrap_or_default());
            assert_eq!(found, [user, password, host, port, database], "{url}");
        }
        check("postgresql://", ["", "", "", "", ""]);
        check("postgres://localhost", ["", "", "localhost", "", ""]);
        check(
            "postgres://ann@db:5433/shop",
            ["ann", "", "db", "5433", "shop"],
        );
        check(
            "postgresql://ann:p%40%3A%2F@db/shop",
            ["ann", "p@:/", "db", "", "shop"],
        );
        check(
            "postgresql://ann:p@ss@db/shop",
            ["ann", "p@ss", "db", "", "shop"],
        );
        check(
            "postgresql:///shop?host=/tmp&port=6000",
            ["", "", "/tmp", "6000", "shop"],
        );
        check(
            "postgresql://%2Fvar%2Frun%2Fpostgresql:6000/shop",
            ["", "", "/var/run/postgresql", "6000", "shop"],
        );
        check(
            "postgresql://[::1]:5433,[fe80::1]/x",
            ["", "", "::1,fe80::1", "5433,", "x"],
        );
        check("postgresql://a:1,b,c:3/x", ["", "", "a,b,c", "1,,3", "x"]);
        check(
            "postgresql+asyncpg://ann:pw@db/shop",
            ["ann", "pw", "db", "", "shop"],
        );
        check("postgresql+psycopg2:///shop", ["", "", "", "", "shop"]);
        check("postgres://db/a+b%20c", ["", "", "db", "", "a+b c"]);
        check(
            "postgres://db?dbname=shop&user=ann",
            ["ann", "", "db", "", "shop"],
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        fn check(url: &str, message: &str) {
            let Err(error) = parse(url, &Origin::Given) else {
                panic!("{url} is accepted");
            };
            assert_eq!(error.message(), message, "{url}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        check(
            "mysql://ann:hunter2@db/shop",
            "`mysql://` is not the URL of a PostgreSQL database",
        );
        check(
            "postgres://ann:hunter2/x@db/shop",
            "the URL has a `/` before its `@`",
        );
        check(
            "postgres://ann:hunter2",
            "a port in the URL is not a number",
        );
        check("postgres://[::1", "a `[` in the URL is not closed");
        check("postgres://db?sslmode", "a parameter in the URL has no `=`");
        check(
            "postgres://ann:hunter2%@db",
            "the password in the URL is not validly percent-encoded",
        );
        check(
            "postgres://db/a%00b",
            "the database in the URL is not validly percent-encoded",
        );
        check(
            "postgres://db?schema=public",
            "unknown connection parameter `schema`",
        );
    }
}
